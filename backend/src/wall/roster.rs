//! The sessions of a wall: who is there, and what is seen of each, here and in other instances.

use super::class::{Class, Presence};
use super::news::{Entry, MAX_TILES};
use crate::session::{COMMAND_CHARACTERS, Classes, RunningHere, Sight, WatchGuard, Watcher, plain_line};
use crate::store::SessionState;
use shared_protocol::wall::{Attendance, WallSession};
use shared_protocol::{GroupId, SessionId};
use std::collections::{HashMap, HashSet};
use std::slice;
use std::sync::Arc;
use tokio::time::Instant;

/// Sessions of a wall, at most; those that run here come first.
pub(super) const MAX_ROWS: usize = 1000;

/// Longest title, in characters.
const TITLE_CHARACTERS: usize = 80;

/// Longest name, in characters.
const NAME_CHARACTERS: usize = 64;

/// Step of `activeAt`, in ms: a row is sent for each.
const ACTIVE_STEP_MS: u64 = 10_000;

/// The sessions of one wall.
pub(super) struct Roster {
    group: GroupId,
    classes: Classes,
    /// The part that all walls of the group share.
    class: Arc<Class>,
    /// The sessions that run here.
    watched: HashMap<SessionId, WatchGuard>,
    /// The instructor, as all these sessions and those of other instances are told.
    watcher: Arc<Watcher>,
    presence: Presence,
}

impl Roster {
    pub(super) fn new(group: GroupId, classes: Classes, class: Arc<Class>, watcher: Watcher) -> Self {
        let watcher = Arc::new(watcher);
        let presence = class.enter(&watcher);
        Self { group, classes, class, watched: HashMap::new(), watcher, presence }
    }

    /// Waits, for a moment, until the sessions in the directory are known.
    pub(super) async fn is_ready(&self) {
        self.class.is_ready().await;
    }

    /// All sessions now. The group of each is checked again. `visible`: the sessions in view; `None` for all.
    pub(super) fn entries(&mut self, visible: Option<&HashSet<SessionId>>) -> Vec<Entry> {
        let (running, records, now) = (self.classes.running_here(&self.group), self.class.records(), Instant::now());
        let mut before = std::mem::take(&mut self.watched);
        let mut entries = Vec::with_capacity(running.len() + records.len());
        for RunningHere { id, creator, slot } in running.into_iter().take(MAX_ROWS) {
            let guard = before.remove(&id).filter(|guard| guard.is_of(&slot));
            let guard = guard.unwrap_or_else(|| slot.watch(slice::from_ref(&self.watcher)));
            entries.push(entry(row(&id, &creator.display_name(), Attendance::Away), slot.latest()));
            self.watched.insert(id, guard);
        }
        for record in &*records {
            if self.watched.contains_key(&record.id) || entries.len() >= MAX_ROWS {
                continue;
            }
            let is_created = record.state == SessionState::Created;
            let state = if is_created { Attendance::NotStarted } else { Attendance::Unknown };
            entries.push(entry(row(&record.id, &record.creator.display_name(), state), self.class.sight(record, now)));
        }
        let is_partial = entries.len() > MAX_TILES || visible.is_some_and(HashSet::is_empty);
        self.presence.look_at(is_partial.then(|| visible.into_iter().flatten().cloned().collect()));
        entries
    }
}

fn entry(row: WallSession, sight: Option<Arc<Sight>>) -> Entry {
    let row = match &sight {
        Some(sight) => seen(row, sight),
        None => row,
    };
    Entry { row, sight }
}

fn row(id: &SessionId, name: &str, state: Attendance) -> WallSession {
    let (name, title) = (plain_line(name, NAME_CHARACTERS), String::new());
    let command = String::new();
    WallSession { id: id.clone(), name, state, title, active_at: None, exit_code: None, command, hand: None }
}

fn seen(row: WallSession, sight: &Sight) -> WallSession {
    WallSession {
        state: if sight.here { Attendance::Here } else { Attendance::Away },
        title: plain_line(&sight.title, TITLE_CHARACTERS),
        active_at: Some(sight.active_at - sight.active_at % ACTIVE_STEP_MS),
        exit_code: sight.exit_code,
        command: plain_line(sight.command.as_deref().unwrap_or_default(), COMMAND_CHARACTERS),
        hand: sight.hand,
        ..row
    }
}
