//! How often an instructor may send something to a group, over all instances.

use crate::rate_limit::RateLimiter;
use crate::store::{Pace, Store, Turn};
use shared_protocol::GroupId;
use std::time::Duration;
use tokio::time::timeout;

/// Time that the store has to count one. After it, this instance counts alone.
const COUNT_TIMEOUT: Duration = Duration::from_secs(1);

/// An instructor of a group.
pub(super) type Sender = (String, GroupId);

/// Counts what instructors send, of one kind.
pub(super) struct Turns {
    /// Begins the name under which the store counts: no group has its last character.
    kind: &'static str,
    pace: Pace,
    /// Counts at this instance, and keeps a flood from the store.
    interval: RateLimiter<Sender>,
    /// Counts at this instance in a longer time, for where the store does not answer.
    total: RateLimiter<Sender>,
}

impl Turns {
    pub(super) fn new(kind: &'static str, pace: Pace) -> Self {
        let most = pace.most as u32;
        let (interval, total) = (RateLimiter::new(1, pace.interval, 1), RateLimiter::new(most, pace.window, most));
        Self { kind, pace, interval, total }
    }

    /// Counts one of the sender.
    pub(super) async fn take(&self, store: &dyn Store, sender: &Sender) -> Turn {
        if self.interval.check(sender).is_err() {
            return Turn::TooSoon;
        }
        let here = self.total.check(sender).map_or(Turn::TooMany, |()| Turn::Taken);
        let (user, group) = sender;
        // A group has no space.
        match timeout(COUNT_TIMEOUT, store.take_turn(&format!("{}{group} {user}", self.kind), self.pace)).await {
            Ok(Ok(turn)) => return turn,
            Ok(Err(error)) => tracing::warn!(%error, "what goes to the class is counted at this instance alone"),
            Err(_) => tracing::warn!("what goes to the class is counted at this instance alone: the store is slow"),
        }
        here
    }
}
