//! The relays of all instances, compared with as many as there should be: each is an execution of the function.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Relays that there should be by default: a quarter of the 1,000 concurrent executions of an account. The rest is for messages
/// and for other functions.
const RELAYS_AT_MOST: usize = 250;

/// Counts relays. Those of other instances are as many as their last heartbeats said.
#[derive(Debug)]
pub(super) struct RelayCount {
    at_most: AtomicUsize,
    here: AtomicUsize,
    elsewhere: AtomicUsize,
}

impl Default for RelayCount {
    fn default() -> Self {
        Self { at_most: AtomicUsize::new(RELAYS_AT_MOST), here: AtomicUsize::new(0), elsewhere: AtomicUsize::new(0) }
    }
}

impl RelayCount {
    pub(super) fn set_at_most(&self, relays: usize) {
        self.at_most.store(relays, Ordering::Relaxed);
    }

    pub(super) fn set_here(&self, relays: usize) {
        self.here.store(relays, Ordering::Relaxed);
    }

    pub(super) fn set_elsewhere(&self, relays: usize) {
        self.elsewhere.store(relays, Ordering::Relaxed);
    }

    pub(super) fn here(&self) -> usize {
        self.here.load(Ordering::Relaxed)
    }

    /// True if a flood may have a relay for itself: the other half is for those that floods do not need.
    pub(super) fn has_room_for_floods(&self) -> bool {
        let relays = self.here().saturating_add(self.elsewhere.load(Ordering::Relaxed));
        relays.saturating_mul(2) < self.at_most.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floods_have_relays_below_half_of_all_instances_together() {
        let count = RelayCount::default();
        for (at_most, here, elsewhere, has_room) in
            [(250, 124, 0, true), (250, 125, 0, false), (250, 100, 25, false), (2, 1, 0, false), (3, 1, 0, true)]
        {
            count.set_at_most(at_most);
            count.set_here(here);
            count.set_elsewhere(elsewhere);
            assert_eq!(count.has_room_for_floods(), has_room, "{at_most} {here} {elsewhere}");
        }
    }
}
