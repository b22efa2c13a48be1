//! Finds sessions, makes them for those who may, and remembers how they ended. One place decides who may reach which.

use super::actor::{Actor, Parts};
use super::{Limits, MAILBOX, Refusal, Request, SessionHandle, Speaker};
use crate::clock::{Clock, Entropy};
use crate::pty::{Nonce, ShellSpec, Shells, Size, environment};
use crate::store::{SessionRecord, SessionState, Store, StoreError};
use shared_protocol::{EndReason, Epoch, ErrorCode, Role, SessionId};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
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
    pub shells: Arc<dyn Shells>,
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
}

/// A running session and whose it is: every message asks, so the store is not asked.
#[derive(Clone)]
struct Live {
    handle: SessionHandle,
    user: String,
}

/// The sessions of this instance.
pub struct Registry {
    parts: Arc<RegistryParts>,
    live: Arc<Mutex<HashMap<SessionId, Live>>>,
    tasks: TaskTracker,
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store");
        Self::new(ErrorCode::Internal, "the session store failed")
    }
}

impl Registry {
    /// Without any session.
    pub fn new(parts: RegistryParts) -> Self {
        Self { parts: Arc::new(parts), live: Arc::default(), tasks: TaskTracker::new() }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub async fn running(&self, id: &SessionId, speaker: &Speaker) -> Result<SessionHandle, Refusal> {
        let live = self.sessions().get(id).cloned();
        match live {
            Some(live) if may_reach(&live.user, speaker) => Ok(live.handle),
            Some(_) => Err(not_found()),
            None => match self.record(id, speaker).await?.state {
                SessionState::Ended { .. } => Err(Refusal::ended()),
                _ => Err(Refusal::new(ErrorCode::NotAttached, "the session has no shell yet; attach first")),
            },
        }
    }

    /// A session for someone who may reach it: the running one, or a new shell for those who may start one.
    pub async fn running_or_new(
        &self,
        id: &SessionId,
        speaker: &Speaker,
        size: Size,
    ) -> Result<SessionHandle, Refusal> {
        let creates = speaker.names_session && speaker.role == Role::Controller;
        let record = match self.parts.store.session(id).await? {
            Some(record) => record,
            None if creates => self.create(id.clone(), &speaker.user).await?,
            None => return Err(not_found()),
        };
        if !may_reach(&record.user, speaker) {
            return Err(not_found());
        }
        let mut record = record;
        if let SessionState::Ended { at, .. } = record.state {
            let newer = creates && speaker.issued_at.is_some_and(|issued| issued.saturating_mul(1000) > at);
            if !newer {
                return Err(Refusal::ended());
            }
            // A new session by an old name: it belongs to whoever makes it, and counts like any other.
            self.check_limit(&speaker.user).await?;
            record = SessionRecord { epoch: record.epoch, ..self.created(id.clone(), &speaker.user) };
        }
        if let Some(handle) = self.live(id) {
            return Ok(handle);
        }
        if speaker.role == Role::Viewer {
            return Err(Refusal::new(ErrorCode::ReadOnly, "the session has not started; a viewer cannot start it"));
        }
        self.start(record, size).await
    }

    /// Makes a session without a shell yet.
    pub async fn create(&self, id: SessionId, user: &str) -> Result<SessionRecord, Refusal> {
        if let Some(there) = self.parts.store.session(&id).await? {
            return Ok(there);
        }
        self.check_limit(user).await?;
        let record = self.created(id, user);
        let there = self.parts.store.create(record.clone()).await?;
        Ok(there.unwrap_or(record))
    }

    fn created(&self, id: SessionId, user: &str) -> SessionRecord {
        let (user, created_at) = (user.to_owned(), self.parts.clock.now_ms());
        SessionRecord { id, user, state: SessionState::Created, epoch: Epoch(0), created_at }
    }

    async fn check_limit(&self, user: &str) -> Result<(), Refusal> {
        let most = self.parts.sessions_per_user;
        if self.parts.store.open_sessions(user).await? < most {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::LimitReached, format!("a user may have at most {most} sessions")))
    }

    /// What is known of a session, for someone who may reach it.
    pub async fn record(&self, id: &SessionId, speaker: &Speaker) -> Result<SessionRecord, Refusal> {
        let record = self.parts.store.session(id).await?;
        record.filter(|record| may_reach(&record.user, speaker)).ok_or_else(not_found)
    }

    /// Ends a session, running or not.
    pub async fn end(&self, record: SessionRecord, reason: EndReason) -> Result<(), Refusal> {
        match self.live(&record.id) {
            Some(handle) => handle.end(reason).await,
            None if matches!(record.state, SessionState::Ended { .. }) => Ok(()),
            None => {
                let state = SessionState::Ended { reason, at: self.parts.clock.now_ms() };
                Ok(self.parts.store.save(SessionRecord { state, ..record }).await?)
            }
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

    async fn start(&self, record: SessionRecord, size: Size) -> Result<SessionHandle, Refusal> {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let handle = SessionHandle(sender);
        {
            let mut live = self.sessions();
            // Two connections may start it at the same time: the first wins, the other joins it.
            if let Some(there) = live.get(&record.id) {
                return Ok(there.handle.clone());
            }
            if self.tasks.is_closed() {
                return Err(Refusal::new(ErrorCode::Draining, "the service is being replaced; try again"));
            }
            if live.len() >= self.parts.sessions {
                return Err(Refusal::new(ErrorCode::LimitReached, "this service holds as many sessions as it may"));
            }
            live.insert(record.id.clone(), Live { handle: handle.clone(), user: record.user.clone() });
        }
        let registered = Registered { live: Arc::clone(&self.live), id: record.id.clone() };
        let (started, outcome) = oneshot::channel();
        // In a task of its own: a request that is given up must not leave half a session.
        self.tasks.spawn(run(Arc::clone(&self.parts), registered, record, size, mailbox, started));
        outcome.await.unwrap_or_else(|_| Err(Refusal::ended())).map(|()| handle)
    }
}

/// Starts a session's shell, runs the session to its end, and leaves its tombstone.
async fn run(
    parts: Arc<RegistryParts>,
    registered: Registered,
    record: SessionRecord,
    size: Size,
    mailbox: mpsc::Receiver<Request>,
    started: oneshot::Sender<Result<(), Refusal>>,
) {
    let epoch = Epoch(parts.clock.now_ms().max(record.epoch.0 + 1));
    let record = SessionRecord { state: SessionState::Running, epoch, ..record };
    // Whoever asked may be gone; the session goes on without them.
    let state = match start(&parts, &record, size).await {
        Ok(actor) => {
            let _ = started.send(Ok(()));
            let (reason, at) = actor.run(mailbox).await;
            SessionState::Ended { reason, at }
        }
        Err(refusal) => {
            // It may be tried again: nothing has ended, because nothing had begun.
            let _ = started.send(Err(refusal));
            SessionState::Created
        }
    };
    if let Err(error) = parts.store.save(SessionRecord { state, ..record }).await {
        tracing::error!(%error, "the end of a session was not stored");
    }
    drop(registered);
}

async fn start(parts: &RegistryParts, record: &SessionRecord, size: Size) -> Result<Actor, Refusal> {
    parts.store.save(record.clone()).await?;
    let nonce = Nonce::new(parts.entropy.bytes());
    let ShellSettings { shell, user, home } = &parts.settings;
    let environment = environment(user, &home.to_string_lossy(), shell, &nonce);
    let spec = ShellSpec { shell: shell.clone(), environment, directory: home.clone(), size, nonce: nonce.clone() };
    let shells = Arc::clone(&parts.shells);
    let opened = tokio::task::spawn_blocking(move || shells.start(&spec)).await;
    let pty = opened.map_err(std::io::Error::other).flatten().map_err(|error| {
        tracing::error!(session = %record.id, %error, "the shell cannot be started");
        Refusal::new(ErrorCode::Internal, "the shell cannot be started")
    })?;
    let clock = Arc::clone(&parts.clock);
    let (id, epoch, limits) = (record.id.clone(), record.epoch, parts.limits);
    Ok(Actor::new(Parts { id, epoch, limits, clock, pty, nonce, size }))
}

/// A session's place in the registry; it is free again when this is dropped, however the session ended.
struct Registered {
    live: Arc<Mutex<HashMap<SessionId, Live>>>,
    id: SessionId,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// The owner, a token that names the session, and an operator reach it. To others it does not exist.
fn may_reach(owner: &str, speaker: &Speaker) -> bool {
    owner == speaker.user || speaker.names_session || speaker.admin
}

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::SessionNotFound, "there is no such session")
}
