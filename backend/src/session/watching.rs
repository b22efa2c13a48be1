//! How walls see a session: its task leaves the latest sight in a slot, and walls look there. A wall asks the task for nothing,
//! so that no number of walls, and none that stopped, can hold a session up. It leaves the name of its instructor, which the task
//! tells the session's people.

use super::caller::Caller;
use super::picture::Picture;
use crate::store::display_name;
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
    /// Begin of the latest command line; none if that is hidden.
    #[serde(default)]
    pub command: Option<String>,
    /// Time at which the student raised a hand, in ms since 1970, while it is up.
    pub hand: Option<u64>,
    /// The screen.
    pub picture: Arc<Picture>,
}

/// An instructor who has a wall. Instances tell each other of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watcher {
    /// The user.
    pub user: String,
    /// Name for other people.
    pub name: String,
}

impl Watcher {
    /// The instructor whose message this is.
    pub fn of(caller: &Caller) -> Self {
        let name = display_name(caller.class.name.as_deref(), "Instructor", &caller.user);
        Self { user: caller.user.clone(), name }
    }
}

/// The instructors who watch: one entry for each wall or question of theirs.
#[derive(Debug, Default)]
struct Audience {
    seats: Vec<Arc<Watcher>>,
    /// Number of times that an instructor came or left.
    changes: u64,
}

impl Audience {
    fn has(&self, watcher: &Watcher) -> bool {
        self.seats.iter().any(|seat| seat.user == watcher.user)
    }

    /// True if one of them was not here.
    fn enter(&mut self, watchers: &[Arc<Watcher>]) -> bool {
        let is_news = watchers.iter().any(|watcher| !self.has(watcher));
        self.seats.extend_from_slice(watchers);
        self.changes += u64::from(is_news);
        is_news
    }

    /// True if one of them is here no longer.
    fn leave(&mut self, watchers: &[Arc<Watcher>]) -> bool {
        for watcher in watchers {
            if let Some(at) = self.seats.iter().position(|seat| Arc::ptr_eq(seat, watcher)) {
                self.seats.remove(at);
            }
        }
        let is_news = watchers.iter().any(|watcher| !self.has(watcher));
        self.changes += u64::from(is_news);
        is_news
    }
}

/// The latest sight of one session, and who looks at it. One place: the task writes the one, and walls the other.
#[derive(Debug, Default)]
pub struct WatchSlot {
    latest: Mutex<Option<Arc<Sight>>>,
    /// Number of guards.
    watchers: AtomicUsize,
    audience: Mutex<Audience>,
    /// Wakes the session's task.
    pub(super) wake: Arc<Notify>,
}

impl WatchSlot {
    /// Has the task fill the slot, and tell of these instructors, until the guard is dropped.
    pub fn watch(self: &Arc<Self>, watchers: &[Arc<Watcher>]) -> WatchGuard {
        let is_news = self.audience.lock().enter(watchers);
        if self.watchers.fetch_add(1, Ordering::Relaxed) == 0 || is_news {
            self.wake.notify_one();
        }
        WatchGuard { slot: Arc::clone(self), watchers: watchers.to_vec() }
    }

    /// The latest sight; none before the first.
    pub fn latest(&self) -> Option<Arc<Sight>> {
        self.latest.lock().clone()
    }
}

/// A wall's interest in a session.
#[derive(Debug)]
pub struct WatchGuard {
    slot: Arc<WatchSlot>,
    watchers: Vec<Arc<Watcher>>,
}

impl WatchGuard {
    /// True if this is the slot that is watched: a session that starts again has another.
    pub fn is_of(&self, slot: &Arc<WatchSlot>) -> bool {
        Arc::ptr_eq(&self.slot, slot)
    }
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        if self.slot.watchers.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Nothing of a session stays in memory for walls that are gone.
            *self.slot.latest.lock() = None;
        }
        if self.slot.audience.lock().leave(&self.watchers) {
            self.slot.wake.notify_one();
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
    /// Changes of the audience that the task knows.
    changes: u64,
}

impl SlotFiller {
    pub(super) fn new(slot: Arc<WatchSlot>) -> Self {
        Self { slot, is_stale: true, due_at: Instant::now(), changes: 0 }
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

    /// The instructors who watch, if that has changed since the last call.
    pub(super) fn take_audience(&mut self) -> Option<Vec<Arc<Watcher>>> {
        let audience = self.slot.audience.lock();
        if self.changes == audience.changes {
            return None;
        }
        self.changes = audience.changes;
        Some(audience.seats.clone())
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
        let title = String::new();
        Sight { at, here: true, title, active_at: 0, exit_code: None, command: None, hand: None, picture }
    }

    #[test]
    fn a_slot_is_filled_once_a_second_while_it_is_watched() {
        let (slot, start) = (Arc::new(WatchSlot::default()), Instant::now());
        let mut filler = SlotFiller::new(Arc::clone(&slot));
        filler.fill_if_due(start, || panic!("it is not watched"));
        let guard = slot.watch(&[]);
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
    fn an_instructor_comes_once_and_leaves_with_the_last_wall() {
        let slot = Arc::new(WatchSlot::default());
        let mut filler = SlotFiller::new(Arc::clone(&slot));
        let mut users = || {
            let audience = filler.take_audience()?;
            Some(audience.iter().map(|watcher| watcher.user.clone()).collect::<Vec<_>>())
        };
        let [grace, again, ida] = ["grace", "grace", "ida"].map(|user| {
            let name = user.to_uppercase();
            [Arc::new(Watcher { user: user.into(), name })]
        });
        assert_eq!(users(), None);
        let first = slot.watch(&grace);
        assert_eq!(users(), Some(vec!["grace".into()]));
        let second = slot.watch(&again);
        assert_eq!(users(), None, "a second wall");
        let third = slot.watch(&ida);
        drop(first);
        assert_eq!(users(), Some(vec!["grace".into(), "ida".into()]));
        drop(second);
        assert_eq!(users(), Some(vec!["ida".into()]));
        drop(slot.watch(&[]));
        assert_eq!(users(), None, "a question without a name");
        drop(third);
        assert_eq!(users(), Some(vec![]));
    }

    #[test]
    fn the_first_sight_comes_at_once() {
        let slot = Arc::new(WatchSlot::default());
        let mut filler = SlotFiller::new(Arc::clone(&slot));
        let _guard = slot.watch(&[]);
        filler.fill_if_due(Instant::now(), || sight(1));
        assert!(slot.latest().is_some());
    }

    #[test]
    fn the_same_screen_is_the_same_pointer() {
        let (slot, start) = (Arc::new(WatchSlot::default()), Instant::now() + INTERVAL);
        let mut filler = SlotFiller::new(Arc::clone(&slot));
        let _guard = slot.watch(&[]);
        filler.fill_if_due(start, || sight(1));
        let before = slot.latest().unwrap();
        filler.changed();
        filler.fill_if_due(start + INTERVAL, || sight(2));
        assert!(Arc::ptr_eq(&before.picture, &slot.latest().unwrap().picture));
    }
}
