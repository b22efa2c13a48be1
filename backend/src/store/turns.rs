//! How often one may do a thing, counted over all instances. Pure: the time is an argument.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Most turns in a time, and the time between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Shortest time between two turns.
    pub interval: Duration,
    /// Turns in [`Self::window`].
    pub most: usize,
    /// Time in which [`Self::most`] turns are allowed.
    pub window: Duration,
}

/// Outcome of [`super::Store::take_turn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is counted.
    Taken,
    /// The last one was less than an interval ago; nothing is counted.
    TooSoon,
    /// There were too many in the window; nothing is counted.
    TooMany,
}

/// The latest turns of one, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(VecDeque<Instant>);

impl Turns {
    pub(super) fn take(&mut self, pace: Pace, now: Instant) -> Turn {
        self.0.retain(|at| now < *at + pace.window);
        if self.0.back().is_some_and(|last| now < *last + pace.interval) {
            return Turn::TooSoon;
        }
        if self.0.len() >= pace.most {
            return Turn::TooMany;
        }
        self.0.push_back(now);
        Turn::Taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_free_again_when_the_first_leaves_the_window() {
        let pace = Pace { interval: Duration::from_secs(2), most: 3, window: Duration::from_secs(60) };
        let (mut turns, start) = (Turns::default(), Instant::now());
        let mut at = |seconds| turns.take(pace, start + Duration::from_secs(seconds));
        assert_eq!(
            [at(0), at(1), at(2), at(4), at(59)].map(|turn| turn == Turn::Taken),
            [true, false, true, true, false]
        );
        assert_eq!((at(60), at(61), at(62)), (Turn::Taken, Turn::TooSoon, Turn::Taken), "refused ones do not count");
        assert_eq!(at(64), Turn::Taken);
        assert_eq!(at(119), Turn::TooMany);
    }
}
