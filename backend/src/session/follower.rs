//! The follower of a client, which long-polls for its frames. A grant has a generation and each poll a number, so that a lost
//! answer costs nothing and an old follower is told to stop. Pure: the time is an argument.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::Instant;

/// Lifetime of an unused grant. After it the gateway's invocation counts as failed, and the next message gets a new grant.
pub const GRANT_TTL: Duration = Duration::from_secs(3);

/// Opaque token of one poll: generation of the grant and number of the poll. The gateway carries it between its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PollToken {
    generation: u64,
    number: u64,
}

impl fmt::Display for PollToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.number)
    }
}

impl FromStr for PollToken {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (generation, number) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self { generation: generation.parse()?, number: number.parse()? })
    }
}

/// Result of a poll.
#[derive(Debug, PartialEq, Eq)]
pub enum Poll<A> {
    /// It is the next in order and waits for an answer.
    Pending,
    /// Its number was answered before, with this answer.
    Repeat(A),
    /// Its grant has ended: stop.
    Stop,
}

/// State of one client's follower. `A` is an answer. The caller keeps the pending request.
#[derive(Debug)]
pub struct Follower<A> {
    /// Generation of the latest grant; 0 before the first.
    generation: u64,
    /// Number of the next poll.
    number: u64,
    /// Answer to the poll before that.
    last: Option<A>,
    /// True while a poll waits.
    waiting: bool,
    /// Last time that the grant was given, polled or answered; `None` after it was revoked.
    used: Option<Instant>,
}

impl<A> Default for Follower<A> {
    fn default() -> Self {
        Self { generation: 0, number: 0, last: None, waiting: false, used: None }
    }
}

impl<A: Clone> Follower<A> {
    /// Starts a new generation. The caller drops the pending request of the old one.
    pub fn grant(&mut self, now: Instant) -> PollToken {
        self.generation += 1;
        self.number = 1;
        self.last = None;
        self.waiting = false;
        self.used = Some(now);
        PollToken { generation: self.generation, number: 1 }
    }

    /// Ends the current grant.
    pub fn revoke(&mut self) {
        self.waiting = false;
        self.last = None;
        self.used = None;
    }

    /// True if a poll waits or can be expected.
    pub fn is_live(&self, now: Instant) -> bool {
        self.waiting || self.used.is_some_and(|used| now < used + GRANT_TTL)
    }

    /// Takes a poll. A repeat of the number that waits replaces the pending request.
    pub fn poll(&mut self, token: PollToken, now: Instant) -> Poll<A> {
        if token.generation != self.generation || self.used.is_none() {
            return Poll::Stop;
        }
        if token.number == self.number {
            self.used = Some(now);
            self.waiting = true;
            return Poll::Pending;
        }
        match &self.last {
            Some(answer) if token.number.checked_add(1) == Some(self.number) => {
                self.used = Some(now);
                Poll::Repeat(answer.clone())
            }
            _ => Poll::Stop,
        }
    }

    /// Token for the poll after the pending one.
    pub fn next_token(&self) -> PollToken {
        PollToken { generation: self.generation, number: self.number + 1 }
    }

    /// Records the answer to the pending request.
    pub fn answered(&mut self, answer: A, now: Instant) {
        self.number += 1;
        self.last = Some(answer);
        self.waiting = false;
        self.used = Some(now);
    }

    /// Records that the pending request is gone. It may poll again, within the TTL of its last poll.
    pub fn abandoned(&mut self) {
        self.waiting = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_repeated_poll_gets_the_same_answer() {
        let (mut follower, now) = (Follower::default(), now());
        let first = follower.grant(now);
        assert_eq!(follower.poll(first, now), Poll::Pending);
        let next = follower.next_token();
        follower.answered("one", now);
        assert_eq!(follower.poll(first, now), Poll::Repeat("one"));
        assert_eq!(follower.poll(next, now), Poll::Pending);
        assert_eq!(follower.poll(first, now), Poll::Repeat("one"), "until the next is answered");
        follower.answered("two", now);
        assert_eq!(follower.poll(first, now), Poll::Stop);
    }

    #[test]
    fn only_the_highest_generation_is_served() {
        let (mut follower, now) = (Follower::<&str>::default(), now());
        let old = follower.grant(now);
        let new = follower.grant(now);
        assert_eq!(follower.poll(old, now), Poll::Stop);
        assert_eq!(follower.poll(new, now), Poll::Pending);
        follower.revoke();
        assert_eq!(follower.poll(new, now), Poll::Stop);
    }

    #[test]
    fn an_unused_grant_dies() {
        let (mut follower, now) = (Follower::<&str>::default(), now());
        assert!(!follower.is_live(now));
        let token = follower.grant(now);
        assert!(follower.is_live(now + GRANT_TTL - Duration::from_millis(1)));
        assert!(!follower.is_live(now + GRANT_TTL));
        assert_eq!(follower.poll(token, now), Poll::Pending);
        assert!(follower.is_live(now + GRANT_TTL * 9), "as long as a poll waits");
        follower.abandoned();
        assert!(!follower.is_live(now + GRANT_TTL));
        assert_eq!(follower.poll(token, now + GRANT_TTL), Poll::Pending, "until another is granted");
    }

    #[test]
    fn poll_tokens_are_parsed_strictly() {
        assert_eq!("3.14".parse::<PollToken>().unwrap().to_string(), "3.14");
        for bad in ["", ".", "1", "1.", "x.1", "1.2.3", "-1.2", "99999999999999999999.1"] {
            assert!(bad.parse::<PollToken>().is_err(), "{bad}");
        }
    }
}
