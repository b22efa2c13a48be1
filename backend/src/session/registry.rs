//! Finds sessions, makes them for those who may, and remembers how they ended. One place decides who may reach which, and
//! where a session's shell is.

use super::admission::Admission;
use super::hold::Hold;
use super::presence::Presence;
use super::starting::{Registered, Wanted, run};
use super::{Caller, Limits, MAILBOX, SessionError, SessionHandle};
use crate::clock::{Clock, Entropy};
use crate::metrics::Metrics;
use crate::store::{Incarnation, Instance, Put, SessionRecord, SessionState, Store, StoreError};
use crate::terminal::{ShellSpawner, Size};
use shared_protocol::{ConnectionId, EndReason, ErrorCode, Role, SessionId};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// Which shell sessions get.
#[derive(Debug, Clone)]
pub struct ShellSettings {
    /// The program.
    pub shell: String,
    /// Its user's name.
    pub user: String,
    /// Where it starts.
    pub home: PathBuf,
}

/// What a registry is made of.
pub struct RegistryParts {
    /// The directory of sessions.
    pub store: Arc<dyn Store>,
    /// Starts shells.
    pub shells: Arc<dyn ShellSpawner>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Which shell.
    pub settings: ShellSettings,
    /// How long sessions live.
    pub limits: Limits,
    /// Sessions of one user, at most.
    pub sessions_per_user: usize,
    /// Sessions of this instance, at most.
    pub sessions: usize,
    /// This instance, as others see it.
    pub instance: Instance,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// A running session and whose it is: every message asks, so the store is not asked.
#[derive(Clone)]
pub(super) struct Live {
    pub handle: SessionHandle,
    pub user: String,
    /// None until the store has said that the session is this instance's.
    pub hold: Option<Arc<Hold>>,
}

/// The running sessions by id.
pub(super) type LiveSessions = Arc<Mutex<HashMap<SessionId, Live>>>;

/// Where a session's shell is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// In this instance.
    Here,
    /// In another one that is alive.
    Elsewhere(Instance),
    /// Nowhere: there is none, or its instance is dead.
    Nowhere,
    /// In an instance that says nothing, and may be alive all the same.
    Unknown,
}

/// The sessions of this instance.
pub struct Registry {
    pub(super) parts: Arc<RegistryParts>,
    pub(super) presence: Presence,
    pub(super) live: LiveSessions,
    pub(super) tasks: TaskTracker,
    pub(super) admission: Admission,
    /// Other instances, where they cannot be reached.
    pub(super) others: AtomicUsize,
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store");
        Self::new(ErrorCode::Internal, "the session store failed; try again")
    }
}

impl Registry {
    /// Without any session.
    pub fn new(parts: RegistryParts) -> Self {
        let presence = Presence::new(parts.instance.clone());
        let (live, tasks) = (LiveSessions::default(), TaskTracker::new());
        let admission = Admission::new(parts.sessions_per_user);
        Self { parts: Arc::new(parts), presence, live, tasks, admission, others: AtomicUsize::new(0) }
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which instance this is.
    pub fn instance(&self) -> &Incarnation {
        self.presence.me()
    }

    /// A running session, for someone who was found to reach it before.
    pub fn live(&self, id: &SessionId) -> Option<SessionHandle> {
        self.sessions().get(id).map(|live| live.handle.clone())
    }

    /// Sessions with a shell in this instance.
    pub fn count(&self) -> usize {
        self.sessions().len()
    }

    /// A running session, for someone who may reach it.
    pub async fn running(&self, id: &SessionId, caller: &Caller) -> Result<SessionHandle, SessionError> {
        if let Some(reached) = self.reach(id, caller) {
            return reached;
        }
        match self.record(id, caller).await? {
            record if record.has_ended() && !can_go_on(&record) => Err(SessionError::ended()),
            _ => Err(SessionError::new(ErrorCode::NotAttached, "the session has no shell here; attach first")),
        }
    }

    /// A session that runs here, if this caller may reach it; none where no such session runs here.
    fn reach(&self, id: &SessionId, caller: &Caller) -> Option<Result<SessionHandle, SessionError>> {
        let live = self.sessions().get(id).cloned()?;
        Some(if may_reach(&live.user, caller) { Ok(live.handle) } else { Err(not_found()) })
    }

    /// A session for someone who may reach it: the running one, or a new shell for those who may start one.
    pub async fn running_or_new(
        &self,
        id: &SessionId,
        caller: &Caller,
        size: Size,
    ) -> Result<SessionHandle, SessionError> {
        // Without the store, which may be away: what runs here can be reached all the same.
        if let Some(reached) = self.reach(id, caller) {
            return reached;
        }
        let creates = caller.names_session && caller.role == Role::Controller;
        let record = match self.parts.store.session(id).await? {
            Some(record) => record,
            None if creates => self.create(id.clone(), &caller.user).await?,
            None => return Err(not_found()),
        };
        if !may_reach(&record.user, caller) {
            return Err(not_found());
        }
        let record = match record.state {
            SessionState::Ended { at, .. } if !can_go_on(&record) => {
                let newer = creates && caller.issued_at.is_some_and(|issued| issued.saturating_mul(1000) > at);
                if !newer {
                    return Err(SessionError::ended());
                }
                // A new session by an old name: it belongs to whoever makes it, and counts like any other.
                let fresh = SessionRecord { epoch: record.epoch, ..self.created(id.clone(), &caller.user) };
                self.add(fresh, Some(&record)).await?
            }
            _ => record,
        };
        self.not_elsewhere(&record).await?;
        if caller.role == Role::Viewer {
            return Err(SessionError::new(
                ErrorCode::ReadOnly,
                "the session has not started; a viewer cannot start it",
            ));
        }
        self.start(Wanted { record, size, request: caller.request.clone() }, &caller.connection).await
    }

    /// Where the shell of this session is.
    pub async fn home(&self, record: &SessionRecord) -> Result<Home, StoreError> {
        if self.live(&record.id).is_some() {
            return Ok(Home::Here);
        }
        let owner = match &record.owner {
            Some(owner) if record.state == SessionState::Running && owner != self.presence.me() => owner,
            // One of ours that is not live has ended, although that could not be written.
            _ => return Ok(Home::Nowhere),
        };
        Ok(match self.parts.store.instance(owner).await? {
            Some(instance) => Home::Elsewhere(instance),
            None if self.presence.may_judge(Instant::now()) => Home::Nowhere,
            None => Home::Unknown,
        })
    }

    /// Refuses what only the instance that has the session may do.
    async fn not_elsewhere(&self, record: &SessionRecord) -> Result<(), SessionError> {
        match self.home(record).await? {
            Home::Here | Home::Nowhere => Ok(()),
            Home::Elsewhere(_) => Err(elsewhere()),
            Home::Unknown => Err(unheard()),
        }
    }

    /// Another instance that takes sessions, for one that does not any more.
    pub async fn another(&self) -> Result<Option<Instance>, StoreError> {
        let all = self.parts.store.instances().await?;
        let takes = |instance: &Instance| instance.id != *self.presence.me() && !instance.draining;
        Ok(all.into_iter().find(|instance| takes(instance) && instance.address.is_some()))
    }

    /// What is wrong although the service goes on, as a sentence for an operator.
    pub fn degraded(&self) -> Option<&'static str> {
        if self.presence.is_cut_off() {
            return Some("the store does not answer; sessions here go on, and nothing else can be reached");
        }
        let others = self.others.load(Ordering::Relaxed);
        (others > 0).then_some("there is another instance, but ADVERTISE_URL is not set: run exactly one")
    }

    /// What is known of a session, for someone who may reach it.
    pub async fn record(&self, id: &SessionId, caller: &Caller) -> Result<SessionRecord, SessionError> {
        let record = self.parts.store.session(id).await?;
        record.filter(|record| may_reach(&record.user, caller)).ok_or_else(not_found)
    }

    /// Ends a session, running or not.
    pub async fn end(&self, record: SessionRecord, reason: EndReason) -> Result<(), SessionError> {
        if let Some(handle) = self.live(&record.id) {
            return handle.end(reason).await;
        }
        if record.has_ended() {
            return Ok(());
        }
        self.not_elsewhere(&record).await?;
        let state = SessionState::Ended { reason, at: self.parts.clock.now_ms() };
        let over = record.version();
        match self.parts.store.put(&SessionRecord { state, owner: None, ..record }, Some(&over)).await? {
            Put::Written => {
                self.parts.metrics.sessions.ended.of(reason).inc();
                Ok(())
            }
            Put::Other(_) => Err(elsewhere()),
        }
    }

    /// From now on this instance takes no new sessions, and says so.
    pub async fn drain(&self) {
        self.presence.drain();
        if self.parts.store.is_shared()
            && let Err(error) = self.presence.beat(&*self.parts.store).await
        {
            tracing::warn!(%error, "other instances do not know that this one ends");
        }
    }

    /// This instance is about to be gone: what it had may be taken at once.
    pub async fn leave(&self) {
        if self.parts.store.is_shared()
            && let Err(error) = self.parts.store.leave(self.presence.me()).await
        {
            tracing::debug!(%error, "others will find out by themselves");
        }
    }

    /// Ends every session and waits until their processes are gone, up to a deadline. Returns whether all are.
    pub async fn shut_down(&self, patience: Duration) -> bool {
        // Under the lock, so that no start slips in between.
        let all: Vec<_> = {
            let sessions = self.sessions();
            self.tasks.close();
            sessions.values().cloned().collect()
        };
        for session in &all {
            // One that is over already needs no end.
            let _ = session.handle.end(EndReason::ServerRestart).await;
        }
        tokio::time::timeout(patience, self.tasks.wait()).await.is_ok()
    }

    async fn start(&self, wanted: Wanted, connection: &ConnectionId) -> Result<SessionHandle, SessionError> {
        let record = &wanted.record;
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let handle = SessionHandle { sender, moves: Arc::default() };
        {
            let mut live = self.sessions();
            // Two connections may start it at the same time: the first wins, the other joins it.
            if let Some(there) = live.get(&record.id) {
                return Ok(there.handle.clone());
            }
            if self.tasks.is_closed() {
                return Err(SessionError::new(ErrorCode::Draining, "the service is being replaced; try again"));
            }
            if live.len() >= self.parts.sessions {
                return Err(SessionError::new(
                    ErrorCode::LimitReached,
                    "this service holds as many sessions as it may",
                ));
            }
            self.admission.may_start(&record.user)?;
            let user = record.user.clone();
            live.insert(record.id.clone(), Live { handle: handle.clone(), user, hold: None });
        }
        let registered =
            Registered { live: Arc::clone(&self.live), id: record.id.clone(), moves: Arc::clone(&handle.moves) };
        let (started, outcome) = oneshot::channel();
        tracing::info!(request = wanted.request, session = %record.id, %connection, "starting a shell");
        // In a task of its own: a request that is given up must not leave half a session.
        self.tasks.spawn(run(Arc::clone(&self.parts), registered, wanted, mailbox, started));
        outcome.await.unwrap_or_else(|_| Err(SessionError::ended())).map(|()| handle)
    }
}

/// Whether a session that ended may be started again by whoever may reach it: nobody wanted it to end.
pub(super) fn can_go_on(record: &SessionRecord) -> bool {
    let lost = |reason| matches!(reason, EndReason::ServerRestart | EndReason::OwnerLost);
    matches!(record.state, SessionState::Ended { reason, .. } if lost(reason))
}

/// The owner, a token that names the session, and an operator reach it. To others it does not exist.
fn may_reach(owner: &str, caller: &Caller) -> bool {
    owner == caller.user || caller.names_session || caller.admin
}

fn not_found() -> SessionError {
    SessionError::new(ErrorCode::SessionNotFound, "there is no such session")
}

pub(super) fn elsewhere() -> SessionError {
    SessionError::new(ErrorCode::BackendUnreachable, "the session's shell is in another instance; try again")
}

pub(super) fn unheard() -> SessionError {
    SessionError::new(
        ErrorCode::BackendUnreachable,
        "whether the session's instance is alive is not known yet; try again",
    )
}
