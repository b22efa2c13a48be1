//! Dispatch of each API, learned from the messages of connections whose runs carry. A message that arrives before the last
//! question of its own connection's run was not kept waiting; one that arrives right after the run's end may have been.

mod announcement;

use super::shared::{Relay, RunState};
use announcement::Announcement;
use parking_lot::{Mutex, MutexGuard};
use shared_protocol::{ConnectionId, Dispatch};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most APIs that an instance serves; the dispatch of further ones stays unknown.
const MAX_APIS: usize = 16;

/// Most runs that wait for their connection's next message.
const MAX_RUNS: usize = 4096;

/// Time after which a run says nothing any more: longer than its relay lives.
const RUN_TTL: Duration = Duration::from_secs(60);

/// A message that was handed over this long after its receipt, in ms, has waited for something.
const MIN_WAIT_MS: u64 = 3000;

/// A message heard this soon after the end of a run may have waited for it.
const MAX_AFTER_END: Duration = Duration::from_secs(1);

/// Runs whose connection's next message has waited that prove serial dispatch.
const SERIAL_RUNS: usize = 3;

/// Time after a message in which a question of its connection's run may still have been on its way when the run ended.
const QUESTION_DELAY: Duration = Duration::from_secs(1);

/// Most messages that wait for a later question of their connection's run.
const MAX_OVERTAKING: usize = 64;

/// Age of a record, in ms, from which another proof replaces it.
const REFRESH_AFTER_MS: u64 = 600_000;

/// Dispatch of an API, as an instance found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownDispatch {
    /// The way in which messages of one connection are handed over.
    pub dispatch: Dispatch,
    /// Time of the last evidence, in ms since 1970.
    pub at: u64,
}

/// The run that a connection's message started, until the connection's next message.
struct Run {
    user: String,
    relay: Arc<Relay>,
    began: Instant,
}

/// Evidence about one API.
#[derive(Default)]
struct Api {
    /// True once the store was asked.
    loaded: bool,
    known: Option<KnownDispatch>,
    /// The last change; none of what was known from the beginning.
    announcement: Option<Announcement>,
    /// Users of the runs that a message has waited for, since the last proof of the contrary.
    waited: Vec<String>,
    /// Users with a run since then; two are enough to know that there are several.
    users: BTreeSet<String>,
}

impl Api {
    fn dispatch(&self) -> Option<Dispatch> {
        self.known.map(|known| known.dispatch)
    }

    /// Has clients told of another dispatch than before.
    fn set(&mut self, name: &str, known: KnownDispatch, clients: usize) {
        if self.dispatch() != Some(known.dispatch) {
            tracing::info!(api = name, dispatch = ?known.dispatch, "the dispatch of an API is settled");
            self.announcement = Some(Announcement::new(self.dispatch(), clients, Instant::now()));
        }
        self.known = Some(known);
    }

    fn settle(&mut self, name: &str, dispatch: Dispatch, now_ms: u64, clients: usize) {
        self.waited.clear();
        self.users.clear();
        self.set(name, KnownDispatch { dispatch, at: now_ms }, clients);
    }

    /// The dispatch that the client of this connection may know.
    fn told_to(&self, connection: &ConnectionId, now: Instant) -> Option<Dispatch> {
        let before = self.announcement.and_then(|announcement| announcement.before(connection, now));
        before.unwrap_or(self.dispatch())
    }

    fn is_concurrent(&self) -> bool {
        self.dispatch() == Some(Dispatch::Concurrent)
    }

    /// A message was handed over beside its own connection's run.
    fn overtaken(&mut self, name: &str, now_ms: u64, clients: usize) {
        self.waited.clear();
        self.users.clear();
        let is_fresh = self.known.is_some_and(|known| now_ms < known.at.saturating_add(REFRESH_AFTER_MS));
        if !(is_fresh && self.is_concurrent()) {
            self.settle(name, Dispatch::Concurrent, now_ms, clients);
        }
    }

    /// A message has waited for its connection's run. Serial dispatch is certain after several users' runs, or those of the only
    /// user.
    fn has_waited(&mut self, name: &str, user: String, now_ms: u64, clients: usize) {
        if self.waited.len() == SERIAL_RUNS {
            self.waited.remove(0);
        }
        self.waited.push(user);
        let several = self.waited.iter().any(|user| *user != self.waited[0]);
        if self.waited.len() == SERIAL_RUNS && (several || self.users.len() == 1) {
            self.settle(name, Dispatch::Serial, now_ms, clients);
        }
    }
}

#[derive(Default)]
struct Inner {
    apis: HashMap<String, Api>,
    /// Clients that relays carry.
    clients: usize,
    runs: HashMap<ConnectionId, Run>,
    /// Runs beside which a message of their connection arrived at that time. Another question proves that they still lived.
    overtaking: Vec<(Run, Instant)>,
}

/// The dispatch of the APIs of one instance. An API is named by its domain and stage.
#[derive(Default)]
pub struct Dispatches {
    inner: Mutex<Inner>,
}

impl Dispatches {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// True if the store is to be asked about this API before its messages are handled.
    pub fn is_new(&self, api: &str) -> bool {
        let inner = self.inner();
        inner.apis.get(api).map_or(inner.apis.len() < MAX_APIS, |api| !api.loaded)
    }

    /// APIs that this instance serves.
    pub fn apis(&self) -> Vec<String> {
        self.inner().apis.keys().cloned().collect()
    }

    /// Takes over what the store has about an API, if it is newer. Returns the record that the store should have instead.
    pub fn learn(&self, api: &str, stored: Option<KnownDispatch>) -> Option<KnownDispatch> {
        let mut inner = self.inner();
        if inner.apis.len() >= MAX_APIS && !inner.apis.contains_key(api) {
            return None;
        }
        let (name, clients) = (api, inner.clients);
        let api = inner.apis.entry(name.to_owned()).or_default();
        let at = api.known.map(|known| known.at);
        let newer = stored.filter(|stored| Some(stored.at) > at);
        match newer {
            Some(newer) if api.loaded => api.set(name, newer, clients),
            Some(newer) => api.known = Some(newer),
            None => {}
        }
        api.loaded = true;
        api.known.filter(|known| newer.is_none() && stored.is_none_or(|stored| stored.at < known.at))
    }

    /// A message of this connection was granted a relay.
    pub(super) fn granted(&self, connection: ConnectionId, user: String, relay: Arc<Relay>) {
        let mut inner = self.inner();
        let Inner { apis, runs, .. } = &mut *inner;
        let Some(api) = apis.get_mut(&relay.endpoint.name) else { return };
        if api.users.len() < 2 {
            api.users.insert(user.clone());
        }
        let now = Instant::now();
        if runs.len() >= MAX_RUNS {
            runs.retain(|_, run| now < run.began + RUN_TTL);
        }
        if runs.len() < MAX_RUNS {
            runs.insert(connection, Run { user, relay, began: now });
        }
    }

    /// Takes a message of a connection of this API as evidence: `waited_ms` is the time from its receipt by the gateway to now.
    /// Returns the dispatch of the API, if it is known and this client's turn to be told has come.
    pub fn heard(&self, api: &str, connection: &ConnectionId, waited_ms: Option<u64>, now_ms: u64) -> Option<Dispatch> {
        let (mut inner, now) = (self.inner(), Instant::now());
        let Inner { apis, clients, runs, overtaking } = &mut *inner;
        let known = apis.get_mut(api)?;
        if let Some((run, state)) = take_run(runs, connection, now) {
            match state {
                RunState::Asks if overtaking.len() < MAX_OVERTAKING => overtaking.push((run, now)),
                RunState::Ended(at) if now <= at + MAX_AFTER_END || waited_ms.is_some_and(|ms| ms >= MIN_WAIT_MS) => {
                    known.has_waited(api, run.user, now_ms, *clients);
                }
                RunState::Asks | RunState::Ended(_) | RunState::Unclear => {}
            }
        }
        known.told_to(connection, now)
    }

    /// Looks whether runs that a message arrived beside have asked again since, and has them ask while the dispatch is not known.
    /// `clients`: clients that relays carry.
    pub(super) fn tick(&self, now_ms: u64, clients: usize) {
        let (mut inner, now) = (self.inner(), Instant::now());
        inner.clients = clients;
        let Inner { apis, overtaking, .. } = &mut *inner;
        overtaking.retain(|(run, at)| {
            let (asked_at, is_over) = run.relay.last_question();
            let is_proof = asked_at > *at + QUESTION_DELAY;
            let name = &run.relay.endpoint.name;
            match apis.get_mut(name) {
                Some(api) if is_proof => api.overtaken(name, now_ms, clients),
                Some(api) if now > *at + QUESTION_DELAY && !api.is_concurrent() => run.relay.have_asked_again(now),
                _ => {}
            }
            !is_proof && !is_over
        });
    }
}

/// The run of this connection, once it says something or will not any more.
fn take_run(runs: &mut HashMap<ConnectionId, Run>, connection: &ConnectionId, now: Instant) -> Option<(Run, RunState)> {
    let run = runs.get(connection)?;
    let state = run.relay.run_state();
    if state == RunState::Unclear && now < run.began + RUN_TTL {
        return None;
    }
    runs.remove(connection).map(|run| (run, state))
}

#[cfg(test)]
mod tests;
