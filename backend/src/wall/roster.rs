//! The class of a wall: who is there, and what is seen of each. Asks the directory now and then, and the slots each time.

use super::news::Entry;
use crate::session::{Classes, RunningHere, Sight, WatchGuard, plain_line};
use crate::store::{SessionRecord, SessionState};
use shared_protocol::wall::{Attendance, WallSession};
use shared_protocol::{GroupId, SessionId};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Time between two looks into the directory, for sessions that have no shell here.
const DIRECTORY_INTERVAL: Duration = Duration::from_secs(5);

/// Time that the directory has to answer; the wall goes on without it.
const DIRECTORY_TIMEOUT: Duration = Duration::from_secs(2);

/// Sessions of a wall, at most; those that run here come first.
pub(super) const MAX_ROWS: usize = 1000;

/// Longest title, in characters.
const TITLE_CHARACTERS: usize = 80;

/// Longest name, in characters.
const NAME_CHARACTERS: usize = 64;

/// Step of `activeAt`, in ms: a row is sent for each.
const ACTIVE_STEP_MS: u64 = 10_000;

/// The class of one wall.
pub(super) struct Roster {
    group: GroupId,
    classes: Classes,
    /// Sessions in the directory.
    records: Vec<SessionRecord>,
    /// Last look into it.
    looked_at: Option<Instant>,
    /// The sessions that run here.
    watched: HashMap<SessionId, WatchGuard>,
}

impl Roster {
    pub(super) fn new(group: GroupId, classes: Classes) -> Self {
        Self { group, classes, records: Vec::new(), looked_at: None, watched: HashMap::new() }
    }

    /// Looks into the directory, if that is due.
    pub(super) async fn look(&mut self, now: Instant) {
        if self.looked_at.is_some_and(|at| now < at + DIRECTORY_INTERVAL) {
            return;
        }
        self.looked_at = Some(now);
        match timeout(DIRECTORY_TIMEOUT, self.classes.records(&self.group)).await {
            Ok(Ok(records)) => self.records = records,
            Ok(Err(error)) => tracing::warn!(%error, "a wall does not see sessions without a shell here"),
            Err(_) => tracing::warn!("a wall does not see sessions without a shell here in time"),
        }
    }

    /// All sessions now. The group of each is checked again.
    pub(super) fn entries(&mut self) -> Vec<Entry> {
        let running = self.classes.running_here(&self.group);
        let mut before = std::mem::take(&mut self.watched);
        let mut entries = Vec::with_capacity(running.len() + self.records.len());
        for RunningHere { id, creator, slot } in running.into_iter().take(MAX_ROWS) {
            let guard = before.remove(&id).filter(|guard| guard.is_of(&slot)).unwrap_or_else(|| slot.watch());
            let sight = slot.latest();
            let row = row(&id, &creator.display_name(), Attendance::Away);
            let row = match &sight {
                Some(sight) => seen(row, sight),
                None => row,
            };
            entries.push(Entry { row, sight });
            self.watched.insert(id, guard);
        }
        for record in &self.records {
            if self.watched.contains_key(&record.id) || entries.len() >= MAX_ROWS {
                continue;
            }
            let is_created = record.state == SessionState::Created;
            let state = if is_created { Attendance::NotStarted } else { Attendance::Unknown };
            entries.push(Entry { row: row(&record.id, &record.creator.display_name(), state), sight: None });
        }
        entries
    }
}

fn row(id: &SessionId, name: &str, state: Attendance) -> WallSession {
    let (name, title) = (plain_line(name, NAME_CHARACTERS), String::new());
    WallSession { id: id.clone(), name, state, title, active_at: None, exit_code: None, hand: None }
}

fn seen(row: WallSession, sight: &Sight) -> WallSession {
    WallSession {
        state: if sight.here { Attendance::Here } else { Attendance::Away },
        title: plain_line(&sight.title, TITLE_CHARACTERS),
        active_at: Some(sight.active_at - sight.active_at % ACTIVE_STEP_MS),
        exit_code: sight.exit_code,
        hand: sight.hand,
        ..row
    }
}
