//! How walls see a session: its task leaves the latest sight in a slot, and walls look there. A wall asks the task for nothing, so
//! that no number of walls, and none that stopped, can hold a session up.

use super::picture::Picture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Shortest time between two sights.
const INTERVAL: Duration = Duration::from_secs(1);

/// A session as it was at one moment. Instances tell it to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// Time of it, in ms since 1970.
    pub at: u64,
    /// True if a page of a controller is connected.
    pub here: bool,
    /// Title of the terminal, as the program set it.
    pub title: String,
    /// Last key or output, in ms since 1970.
    pub active_at: u64,
    /// Exit code of the last command.
    pub exit_code: Option<i32>,
    /// Time at which the student raised a hand, in ms since 1970, while it is up.
    pub hand: Option<u64>,
    /// The screen.
    pub picture: Arc<Picture>,
}

/// The latest sight of one session. One place, which the task writes and walls read.
#[derive(Debug, Default)]
pub struct WatchSlot {
    latest: Mutex<Option<Arc<Sight>>>,
    watchers: AtomicUsize,
    /// Wakes the session's task.
    pub(super) wake: Arc<Notify>,
}

impl WatchSlot {
    /// Has the task fill the slot, until the guard is dropped.
    pub fn watch(self: &Arc<Self>) -> WatchGuard {
        if self.watchers.fetch_add(1, Ordering::Relaxed) == 0 {
            self.wake.notify_one();
        }
        WatchGuard(Arc::clone(self))
    }

    /// The latest sight; none before the first.
    pub fn latest(&self) -> Option<Arc<Sight>> {
        self.latest.lock().clone()
    }
}

/// A wall's interest in a session.
#[derive(Debug)]
pub struct WatchGuard(Arc<WatchSlot>);

impl WatchGuard {
    /// True if this is the slot that is watched: a session that starts again has another.
    pub fn is_of(&self, slot: &Arc<WatchSlot>) -> bool {
        Arc::ptr_eq(&self.0, slot)
    }
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        if self.0.watchers.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Nothing of a session stays in memory for walls that are gone.
            *self.0.latest.lock() = None;
        }
    }
}

/// The task's side of the slot.
#[derive(Debug)]
pub(super) struct SlotFiller {
    slot: Arc<WatchSlot>,
    /// True if something may have changed since the last sight.
    is_stale: bool,
    /// Time of the next sight, if there are news by then.
    due_at: Instant,
}

impl SlotFiller {
    pub(super) fn new(slot: Arc<WatchSlot>) -> Self {
        Self { slot, is_stale: true, due_at: Instant::now() }
    }

    /// Notes a turn of the task that may have changed something.
    pub(super) fn changed(&mut self) {
        self.is_stale = true;
    }

    /// Time of the next sight, while there is a watcher and news.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let is_due = self.is_stale && self.slot.watchers.load(Ordering::Relaxed) > 0;
        is_due.then_some(self.due_at)
    }

    /// Fills the slot if that is due.
    pub(super) fn fill_if_due(&mut self, now: Instant, sight: impl FnOnce() -> Sight) {
        if self.deadline().is_none_or(|at| at > now) {
            return;
        }
        (self.is_stale, self.due_at) = (false, now + INTERVAL);
        let mut sight = sight();
        let mut latest = self.slot.latest.lock();
        if let Some(before) = latest.as_ref().filter(|before| before.picture == sight.picture) {
            // A wall sees by the pointer that the screen is the same.
            sight.picture = Arc::clone(&before.picture);
        }
        *latest = Some(Arc::new(sight));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(at: u64) -> Sight {
        let picture = Arc::new(Picture { cols: 2, rows: 1, cursor: None, lines: vec![(String::new(), vec![])] });
        Sight { at, here: true, title: String::new(), active_at: 0, exit_code: None, hand: None, picture }
    }

    #[test]
    fn a_slot_is_filled_once_a_second_while_it_is_watched() {
        let (slot, start) = (Arc::new(WatchSlot::default()), Instant::now());
        let mut filler = SlotFiller::new(Arc::clone(&slot));
        filler.fill_if_due(start, || panic!("it is not watched"));
        let guard = slot.watch();
        filler.fill_if_due(start + INTERVAL, || sight(1));
        assert_eq!(filler.deadline(), None, "nothing has happened");
        filler.changed();
        filler.fill_if_due(start + INTERVAL * 3 / 2, || panic!("it is too early"));
        let due = filler.deadline().unwrap();
        assert_eq!(due, start + INTERVAL * 2);
        filler.fill_if_due(due, || sight(2));
        assert_eq!((filler.deadline(), slot.latest().unwrap().at), (None, 2));
        drop(guard);
        assert_eq!(slot.latest(), None);
    }

    #[test]
    fn the_first_sight_comes_at_once() {
        let slot = Arc::new(WatchSlot::default());
        let mut filler = SlotFiller::new(Arc::clone(&slot));
        let _guard = slot.watch();
        filler.fill_if_due(Instant::now(), || sight(1));
        assert!(slot.latest().is_some());
    }

    #[test]
    fn the_same_screen_is_the_same_pointer() {
        let (slot, start) = (Arc::new(WatchSlot::default()), Instant::now() + INTERVAL);
        let mut filler = SlotFiller::new(Arc::clone(&slot));
        let _guard = slot.watch();
        filler.fill_if_due(start, || sight(1));
        let before = slot.latest().unwrap();
        filler.changed();
        filler.fill_if_due(start + INTERVAL, || sight(2));
        assert!(Arc::ptr_eq(&before.picture, &slot.latest().unwrap().picture));
    }
}
