//! Who fetches a client's frames: grants by generation, answers by number, so that a lost answer costs nothing and an old
//! follower is told to stop. Pure: the time is an argument.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::Instant;

/// A grant that is not used for this long is dead: the gateway's invocation failed, and the next message gets a new one.
pub const GRANT_TTL: Duration = Duration::from_secs(3);

/// What the gateway carries between its requests without reading it: a generation and a number.
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

/// What a request with a token gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked<A> {
    /// It is the next in turn and waits for an answer.
    Waits,
    /// It was answered before; this is that answer.
    Again(A),
    /// Another generation is served: stop.
    Stop,
}

/// One client's follower. `A` is an answer; the one who waits for it is kept by the caller.
#[derive(Debug)]
pub struct Follower<A> {
    generation: u64,
    /// The number that is asked next.
    number: u64,
    last: Option<A>,
    waiting: bool,
    /// When the grant was last used: granted, asked or answered.
    used: Option<Instant>,
}

impl<A> Default for Follower<A> {
    fn default() -> Self {
        Self { generation: 0, number: 0, last: None, waiting: false, used: None }
    }
}

impl<A: Clone> Follower<A> {
    /// A new generation; whoever waited must be told to stop.
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

    /// Whether someone fetches frames, or is about to.
    pub fn is_live(&self, now: Instant) -> bool {
        self.waiting || self.used.is_some_and(|used| now < used + GRANT_TTL)
    }

    /// A request with this token. A number that is asked again while it waits replaces the request that waited.
    pub fn ask(&mut self, token: PollToken, now: Instant) -> Asked<A> {
        if token.generation != self.generation || self.used.is_none() {
            return Asked::Stop;
        }
        if token.number == self.number {
            self.used = Some(now);
            self.waiting = true;
            return Asked::Waits;
        }
        match &self.last {
            Some(answer) if token.number.checked_add(1) == Some(self.number) => {
                self.used = Some(now);
                Asked::Again(answer.clone())
            }
            _ => Asked::Stop,
        }
    }

    /// The token that an answer given now names as the next.
    pub fn next_token(&self) -> PollToken {
        PollToken { generation: self.generation, number: self.number + 1 }
    }

    /// The one who waits was answered.
    pub fn answered(&mut self, answer: A, now: Instant) {
        self.number += 1;
        self.last = Some(answer);
        self.waiting = false;
        self.used = Some(now);
    }

    /// The one who waited is gone without an answer. It may ask again, but has no time beyond that of its question.
    pub fn gave_up(&mut self) {
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
    fn asking_again_returns_the_same_answer() {
        let (mut follower, now) = (Follower::default(), now());
        let first = follower.grant(now);
        assert_eq!(follower.ask(first, now), Asked::Waits);
        let next = follower.next_token();
        follower.answered("one", now);
        assert_eq!(follower.ask(first, now), Asked::Again("one"));
        assert_eq!(follower.ask(next, now), Asked::Waits);
        assert_eq!(follower.ask(first, now), Asked::Again("one"), "until the next is answered");
        follower.answered("two", now);
        assert_eq!(follower.ask(first, now), Asked::Stop);
    }

    #[test]
    fn only_the_highest_generation_is_served() {
        let (mut follower, now) = (Follower::<&str>::default(), now());
        let old = follower.grant(now);
        let new = follower.grant(now);
        assert_eq!(follower.ask(old, now), Asked::Stop);
        assert_eq!(follower.ask(new, now), Asked::Waits);
        follower.revoke();
        assert_eq!(follower.ask(new, now), Asked::Stop);
    }

    #[test]
    fn an_unused_grant_dies() {
        let (mut follower, now) = (Follower::<&str>::default(), now());
        assert!(!follower.is_live(now));
        let token = follower.grant(now);
        assert!(follower.is_live(now + GRANT_TTL - Duration::from_millis(1)));
        assert!(!follower.is_live(now + GRANT_TTL));
        assert_eq!(follower.ask(token, now), Asked::Waits);
        assert!(follower.is_live(now + GRANT_TTL * 9), "as long as someone waits");
        follower.gave_up();
        assert!(!follower.is_live(now + GRANT_TTL));
        assert_eq!(follower.ask(token, now + GRANT_TTL), Asked::Waits, "until another is granted");
    }

    #[test]
    fn poll_tokens_are_parsed_strictly() {
        assert_eq!("3.14".parse::<PollToken>().unwrap().to_string(), "3.14");
        for bad in ["", ".", "1", "1.", "x.1", "1.2.3", "-1.2", "99999999999999999999.1"] {
            assert!(bad.parse::<PollToken>().is_err(), "{bad}");
        }
    }
}
