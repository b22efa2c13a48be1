//! The right to type: every controller's, a borrower's too, or the owner's alone. Pure: the time is an argument.

#[cfg(test)]
mod tests;

use super::expiry::Now;
use super::handle::SessionError;
use super::people::{AWAY_TIMEOUT, Bearer, People};
use crate::audit::By;
use crate::rate_limit::RateLimiter;
use crate::store::{Creator, Keyboard, Member};
use shared_protocol::client::LoanDuration;
use shared_protocol::server::{self, ControlState};
use shared_protocol::{ErrorCode, Loan, Role, Takeover, Who};
use std::time::Duration;
use tokio::time::Instant;

/// Time that a question waits for the owner's answer.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_secs(60);

/// Time between two questions of a person.
pub(super) const ASK_INTERVAL: Duration = Duration::from_secs(30);

/// Time between two times that the owner lets others type, after [`OPEN_BURST`]. Holding them back is always possible.
const OPEN_INTERVAL: Duration = Duration::from_secs(1);

/// Times that the owner lets others type at once.
pub(super) const OPEN_BURST: u32 = 10;

/// Time without a key of the borrower after which a loan for now is over.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// State of the keyboard.
#[derive(Debug)]
enum Mode {
    Free,
    Asked {
        /// The asker's page that attached last.
        who: Who,
        bearer: Bearer,
        /// End of the wait for an answer.
        until: Instant,
        /// The same, in ms since 1970.
        until_ms: u64,
    },
    Lent {
        /// The borrower's page that attached last.
        who: Who,
        bearer: Bearer,
        /// Time at which the loan ends unless the borrower types; `None` for one that is kept.
        idle_at: Option<Instant>,
    },
    Only,
    /// Lent when the last shell was lost, and the borrower is not back yet.
    Away {
        borrower: Member,
        for_now: bool,
        /// End of the wait for them.
        until: Instant,
    },
}

/// The sender of a message about people, for the log of what comes of it.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) user: String,
    pub(super) connection: String,
    /// Id of the request.
    pub(super) request: String,
    /// Type of the message.
    pub(super) kind: &'static str,
}

impl Sender {
    /// The sender in a session.
    pub(super) fn by<'a>(&'a self, session: &'a str) -> By<'a> {
        let Self { user, connection, request, kind } = self;
        By { user, session, connection, request, kind }
    }
}

/// The keyboard of a session. A loan belongs to the bearer of a token, over all pages.
pub(super) struct Control {
    owner: String,
    /// True if the owner's token allows every loan to an instructor beforehand.
    always: bool,
    mode: Mode,
    /// Number of the latest loan.
    loan: Loan,
    /// Questions of each person: each goes to everyone.
    asks: RateLimiter<Bearer>,
    /// Times that the owner lets others type: each goes to everyone, to the store and to the log.
    opens: RateLimiter<()>,
    /// The person who typed last.
    typist: Option<Who>,
    /// Sender of the message that is being applied, for the log.
    pub(super) sender: Option<Sender>,
}

fn refused(code: ErrorCode, message: &str) -> Result<(), SessionError> {
    Err(SessionError::new(code, message))
}

impl Control {
    pub(super) fn new(creator: &Creator) -> Self {
        Self {
            owner: creator.user.clone(),
            always: creator.takeover == Some(Takeover::Always),
            mode: Mode::Free,
            loan: Loan(0),
            asks: RateLimiter::new(1, ASK_INTERVAL, 1),
            opens: RateLimiter::new(1, OPEN_INTERVAL, OPEN_BURST),
            typist: None,
            sender: None,
        }
    }

    /// The state for the next shell, if this one is lost.
    pub(super) fn kept(&self) -> (Keyboard, Loan) {
        let keyboard = match &self.mode {
            Mode::Free | Mode::Asked { .. } => Keyboard::Free,
            Mode::Lent { bearer, idle_at, .. } => {
                Keyboard::Lent { borrower: bearer.member(), for_now: idle_at.is_some() }
            }
            Mode::Away { borrower, for_now, .. } => Keyboard::Lent { borrower: borrower.clone(), for_now: *for_now },
            Mode::Only => Keyboard::Only,
        };
        (keyboard, self.loan)
    }

    /// Goes on as before, in another shell. A borrower has as long to come back as after any loss.
    pub(super) fn restore(&mut self, keyboard: Keyboard, loan: Loan, now: Instant) {
        self.loan = loan;
        self.mode = match keyboard {
            Keyboard::Free => Mode::Free,
            Keyboard::Lent { borrower, for_now } => Mode::Away { borrower, for_now, until: now + AWAY_TIMEOUT },
            Keyboard::Only => Mode::Only,
        };
    }

    /// Checks whether input of this user, role and bearer may be applied. `loan` is the one that the message names.
    pub(super) fn check(
        &self,
        user: &str,
        role: Role,
        bearer: Option<&Bearer>,
        loan: Option<Loan>,
    ) -> Result<(), SessionError> {
        let controls = role == Role::Controller;
        match &self.mode {
            _ if controls && user == self.owner => Ok(()),
            Mode::Only => refused(ErrorCode::ReadOnly, "the session's owner types alone now"),
            _ if controls => Ok(()),
            Mode::Lent { bearer: borrower, .. } if bearer == Some(borrower) && loan == Some(self.loan) => Ok(()),
            _ if loan.is_some() => refused(ErrorCode::ReadOnly, "the loan is over; this was not typed"),
            _ => Err(SessionError::read_only()),
        }
    }

    /// The loan that a borrower may type under now.
    pub(super) fn loan(&self) -> Option<Loan> {
        matches!(self.mode, Mode::Lent { .. }).then_some(self.loan)
    }

    /// A person asks to type. `instructs` is true for an instructor.
    pub(super) fn ask(&mut self, who: Who, bearer: &Bearer, instructs: bool, now: Now) -> Result<(), SessionError> {
        match &self.mode {
            Mode::Free => {}
            Mode::Away { .. } => {
                return refused(ErrorCode::Busy, "another person types, and may come back in a moment");
            }
            Mode::Asked { bearer: asker, .. } if asker == bearer => return Ok(()),
            Mode::Lent { bearer: borrower, .. } if borrower == bearer => return Ok(()),
            Mode::Asked { .. } => return refused(ErrorCode::Busy, "another person asks to type already"),
            Mode::Lent { .. } => return refused(ErrorCode::Busy, "another person types already"),
            Mode::Only => return refused(ErrorCode::Busy, "the session's owner types alone now"),
        }
        if self.asks.check(bearer).is_err() {
            return refused(ErrorCode::RateLimited, "a person may ask once in thirty seconds");
        }
        if self.always && instructs {
            self.lend(who, bearer.clone(), LoanDuration::Now, now);
        } else {
            let until = now.instant + ASK_TIMEOUT;
            self.mode = Mode::Asked { who, bearer: bearer.clone(), until, until_ms: now.wall_ms(until) };
        }
        Ok(())
    }

    /// The owner allows what this person has asked for.
    pub(super) fn allow(&mut self, who: Who, duration: LoanDuration, now: Now) -> Result<(), SessionError> {
        match &self.mode {
            Mode::Asked { who: asker, bearer, .. } if *asker == who => {
                let bearer = bearer.clone();
                self.check_opens()?;
                self.lend(who, bearer, duration, now);
                Ok(())
            }
            // A repeat on another page.
            Mode::Lent { who: borrower, .. } if *borrower == who => Ok(()),
            _ => refused(ErrorCode::Busy, "this person does not ask to type any more"),
        }
    }

    fn check_opens(&self) -> Result<(), SessionError> {
        let text = "the owner lets others type ten times at once, and then once a second";
        self.opens.check(&()).map_err(|_| SessionError::new(ErrorCode::RateLimited, text))
    }

    fn lend(&mut self, who: Who, bearer: Bearer, duration: LoanDuration, now: Now) {
        self.loan.0 += 1;
        let idle_at = (duration == LoanDuration::Now).then(|| now.instant + IDLE_TIMEOUT);
        self.mode = Mode::Lent { who, bearer, idle_at };
    }

    /// The owner ends the loan, or refuses the question.
    pub(super) fn take_back(&mut self) {
        if !matches!(self.mode, Mode::Only) {
            self.mode = Mode::Free;
        }
    }

    /// The borrower ends the loan, or the asker the question. A late one of another person changes nothing.
    pub(super) fn give_back(&mut self, of: &Bearer) {
        if let Mode::Asked { bearer, .. } | Mode::Lent { bearer, .. } = &self.mode
            && bearer == of
        {
            self.mode = Mode::Free;
        }
    }

    /// The owner holds everyone else back, or no longer.
    pub(super) fn only_owner(&mut self, on: bool) -> Result<(), SessionError> {
        if on {
            self.mode = Mode::Only;
        } else if matches!(self.mode, Mode::Only) {
            self.check_opens()?;
            self.mode = Mode::Free;
        }
        Ok(())
    }

    /// A page of this bearer has attached: it is the one that types on the loan from now on.
    pub(super) fn arrived(&mut self, of: &Bearer, now_at: Who, now: Instant) {
        if let Mode::Away { borrower, for_now, until } = &self.mode
            && now < *until
            && *borrower == of.member()
        {
            let idle_at = for_now.then(|| now + IDLE_TIMEOUT);
            self.mode = Mode::Lent { who: now_at, bearer: of.clone(), idle_at };
        }
        if let Mode::Asked { who, bearer, .. } | Mode::Lent { who, bearer, .. } = &mut self.mode
            && bearer == of
        {
            *who = now_at;
        }
    }

    /// Ends what is due: an unanswered question, an idle loan, and both of a person who has left or whose token is over.
    pub(super) fn settle(&mut self, people: &People, now: Now) {
        let (who, bearer, ends) = match &mut self.mode {
            Mode::Free | Mode::Only => return,
            Mode::Away { until, .. } => {
                if *until <= now.instant {
                    self.mode = Mode::Free;
                }
                return;
            }
            Mode::Asked { who, bearer, until, .. } => (who, bearer, Some(*until)),
            Mode::Lent { who, bearer, idle_at } => (who, bearer, *idle_at),
        };
        match people.page_of(bearer, *who, now.steady_ms) {
            Some(page) if ends.is_none_or(|ends| now.instant < ends) => *who = page,
            _ => self.mode = Mode::Free,
        }
    }

    /// Records who types. Returns true if another person did before.
    pub(super) fn typed(&mut self, who: Who, role: Role, now: Instant) -> bool {
        if let Mode::Lent { idle_at: Some(idle_at), .. } = &mut self.mode
            && role != Role::Controller
        {
            *idle_at = now + IDLE_TIMEOUT;
        }
        self.typist.replace(who).is_some_and(|before| before != who)
    }

    /// This person's page has the terminal's size: nothing to announce, unless another one types.
    pub(super) fn controls(&mut self, who: Who) {
        self.typist = Some(who);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.mode {
            Mode::Asked { until, .. } | Mode::Away { until, .. } => Some(*until),
            Mode::Lent { idle_at, .. } => *idle_at,
            Mode::Free | Mode::Only => None,
        }
    }

    /// The state as everyone sees it; `None` while it is free.
    pub(super) fn shown(&self) -> Option<server::Control> {
        let control = |state| server::Control { state, ..server::Control::default() };
        match &self.mode {
            Mode::Free | Mode::Away { .. } => None,
            Mode::Asked { who, until_ms, .. } => {
                Some(server::Control { who: Some(*who), until: Some(*until_ms), ..control(ControlState::Asked) })
            }
            Mode::Lent { who, .. } => {
                Some(server::Control { who: Some(*who), loan: Some(self.loan), ..control(ControlState::Lent) })
            }
            Mode::Only => Some(control(ControlState::Only)),
        }
    }
}
