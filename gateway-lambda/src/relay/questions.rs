//! The numbers of a relay's questions, and when the next one is asked.

use crate::backend::Next;
use shared_protocol::relay::{MemberReport, RelayQuestion};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Open questions at a time: one that waits for frames, and one with a report that cannot wait.
const MAX_OPEN: usize = 2;
/// Pause of a relay that shall wait for the end of a post while there is none.
const IDLE_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Questions {
    /// Opaque text that stands for the relay.
    grant: String,
    /// Number of the last question.
    last: u64,
    /// Numbers of the questions without an answer.
    open: BTreeSet<u64>,
    /// True if the next question waits for the end of an attempt to post.
    waits: bool,
    /// Time of the last answer.
    answered_at: Option<Instant>,
}

impl Questions {
    pub(super) fn new(grant: String) -> Self {
        Self { grant, last: 0, open: BTreeSet::new(), waits: false, answered_at: None }
    }

    /// The next question.
    pub(super) fn ask(&mut self, wait: Duration, throttled: bool, reports: Vec<MemberReport>) -> RelayQuestion {
        let answered = self.open.first().map_or(self.last, |first| first - 1);
        self.last += 1;
        self.open.insert(self.last);
        RelayQuestion {
            relay: self.grant.clone(),
            number: self.last,
            answered,
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            throttled,
            last: false,
            reports,
        }
    }

    /// Takes the answer to a question. Only the one to the newest question says when to ask again: to an older one the service
    /// answers because a newer one arrived.
    pub(super) fn answered(&mut self, number: u64, next: Option<Next>, at: Instant) {
        self.open.remove(&number);
        if number == self.last {
            self.waits = next == Some(Next::Settled);
            self.answered_at = Some(at);
        }
    }

    /// Notes that an attempt to post has ended.
    pub(super) fn attempt_ended(&mut self) {
        self.waits = false;
    }

    pub(super) fn may_ask(&self) -> bool {
        self.open.len() < MAX_OPEN
    }

    /// True if the newest question is answered, and the next one need not wait.
    pub(super) fn is_due(&self) -> bool {
        !self.open.contains(&self.last) && !self.waits
    }

    /// Time of the next question if there is no attempt whose end it waits for.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.answered_at.filter(|_| self.waits && !self.open.contains(&self.last)).map(|at| at + IDLE_PAUSE)
    }

    pub(super) fn none_open(&self) -> bool {
        self.open.is_empty()
    }

    /// Number of questions so far.
    pub(super) fn count(&self) -> u64 {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_the_newest_answer_says_when_to_ask() {
        let now = Instant::now();
        for order in [[1, 2], [2, 1]] {
            let mut questions = Questions::new("g".to_owned());
            (0..2).for_each(|_| drop(questions.ask(Duration::ZERO, false, vec![])));
            for number in order {
                questions.answered(number, Some(if number == 2 { Next::Settled } else { Next::Now }), now);
            }
            assert!(!questions.is_due() && questions.wakes_at().is_some(), "{order:?}");
            assert_eq!(questions.ask(Duration::ZERO, false, vec![]).answered, 2, "{order:?}");
        }
    }

    #[test]
    fn answers_count_up_to_the_first_that_is_missing() {
        let mut questions = Questions::new("g".to_owned());
        let mut ask = |answered: Option<u64>| {
            answered.into_iter().for_each(|number| questions.answered(number, Some(Next::Now), Instant::now()));
            questions.ask(Duration::ZERO, false, vec![]).answered
        };
        assert_eq!([ask(None), ask(None), ask(Some(2)), ask(Some(1))], [0, 0, 0, 2]);
    }
}
