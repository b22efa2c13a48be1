//! Sessions begin and end: creation, start of a shell, end, and the shutdown of all.

use super::{Registry, can_restart};
use crate::audit::audit;
use crate::cluster::Location;
use crate::session::live::LiveSession;
use crate::session::supervisor::{StartRequest, forget_screen, supervise};
use crate::session::{Caller, SessionError, SessionHandle};
use crate::store::{Cas, Creator, SessionRecord, SessionState};
use crate::terminal::Size;
use shared_protocol::{EndReason, Epoch, ErrorCode, Role, SessionId};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A shell to start, if the session has none.
#[derive(Debug, Clone)]
pub struct FirstShell {
    /// Size of the terminal.
    pub size: Size,
    /// Directory that it is asked to start in.
    pub directory: Option<PathBuf>,
}

impl From<Size> for FirstShell {
    fn from(size: Size) -> Self {
        Self { size, directory: None }
    }
}

impl Registry {
    /// The running session, or one with a new shell if this caller may start it.
    pub async fn running_or_new(
        &self,
        id: &SessionId,
        caller: &Caller,
        first: impl Into<FirstShell>,
    ) -> Result<SessionHandle, SessionError> {
        // Without the store, which may be down: a session that runs here can be reached all the same.
        if let Some(reached) = self.reach(id, caller) {
            return reached;
        }
        let creates = caller.names_session && caller.role != Role::Viewer;
        let record = match self.deps.store.session(id).await? {
            Some(record) => record,
            None if creates => self.create(id.clone(), caller).await?,
            None => return Err(SessionError::not_found()),
        };
        if !caller.may_reach(&record.creator) {
            return Err(SessionError::not_found());
        }
        let record = match record.state {
            SessionState::Ended { at, .. } if !can_restart(&record) => {
                let newer = creates
                    && (caller.role == Role::Controller || record.creator.user == caller.user)
                    && caller.issued_at.is_some_and(|issued| issued.saturating_mul(1000) > at);
                if !newer {
                    return Err(SessionError::ended());
                }
                self.deps.settings.profile_of(&caller.creator())?;
                // A new session with an old id: it belongs to the user that creates it, and counts like any other.
                let fresh = SessionRecord { epoch: record.epoch, ..self.new_record(id.clone(), caller.creator()) };
                self.add(fresh, Some(&record), caller).await?
            }
            _ => record,
        };
        self.check_not_remote(&record).await?;
        self.check_not_removed(&record, caller).await?;
        if caller.role_in(&record.creator) != Role::Controller {
            return Err(SessionError::new(
                ErrorCode::ReadOnly,
                "the session has not started; a viewer cannot start it",
            ));
        }
        self.start(record, first.into(), caller).await
    }

    /// Creates a session without a shell. Returns the one that is there, if any.
    pub async fn create(&self, id: SessionId, caller: &Caller) -> Result<SessionRecord, SessionError> {
        if let Some(there) = self.deps.store.session(&id).await? {
            return Ok(there);
        }
        // Before there is anything of it.
        self.deps.settings.profile_of(&caller.creator())?;
        if !self.membership.is_store_warm(&*self.deps.store).await? {
            return Err(SessionError::unknown_location());
        }
        self.add(self.new_record(id, caller.creator()), None, caller).await
    }

    /// Writes a new session within its user's limits, in place of `before`. Returns the record that is there afterwards.
    async fn add(
        &self,
        record: SessionRecord,
        before: Option<&SessionRecord>,
        caller: &Caller,
    ) -> Result<SessionRecord, SessionError> {
        let _turn = self.admission.turn().await;
        let (mut open, mut ended) = (0, 0);
        for record in self.deps.store.sessions_of(&record.creator.user).await? {
            match record.state {
                SessionState::Created => open += 1,
                SessionState::Running => open += usize::from(self.location(&record).await? != Location::Unowned),
                SessionState::Ended { .. } => ended += 1,
            }
        }
        self.admission.check_count(open, ended)?;
        // Under this id, another session may have kept its new owner out.
        self.let_in(&record, caller.member_in(&record.creator)).await?;
        let expected = before.map(SessionRecord::version);
        Ok(match self.deps.store.compare_and_set(&record, expected.as_ref()).await? {
            Cas::Stored => record,
            Cas::Conflict(there) => there,
        })
    }

    fn new_record(&self, id: SessionId, creator: Creator) -> SessionRecord {
        let created_at = self.deps.clock.now_ms();
        SessionRecord { id, creator, state: SessionState::Created, owner: None, epoch: Epoch(0), created_at }
    }

    async fn start(
        &self,
        record: SessionRecord,
        FirstShell { size, directory }: FirstShell,
        caller: &Caller,
    ) -> Result<SessionHandle, SessionError> {
        let (handle, mailbox) = SessionHandle::new();
        {
            let mut live = self.live.0.lock();
            // Two connections may start it at the same time: the first wins, the other joins it.
            if let Some(there) = live.get(&record.id) {
                return Ok(there.handle.clone());
            }
            if self.tasks.is_closed() {
                return Err(SessionError::new(ErrorCode::Draining, "the service is being replaced; try again"));
            }
            if live.len() >= self.deps.sessions {
                return Err(SessionError::new(
                    ErrorCode::LimitReached,
                    "this service holds as many sessions as it may",
                ));
            }
            self.admission.check_start_rate(&record.creator.user)?;
            let creator = Arc::new(record.creator.clone());
            live.insert(record.id.clone(), LiveSession { handle: handle.clone(), creator, lease: None });
        }
        let entry = self.live.guard(record.id.clone());
        let (started, outcome) = oneshot::channel();
        audit!(Start, caller.by(record.id.as_str(), "-"), {}, "starting a shell");
        let (migrating, slot) = (Arc::clone(&handle.migrating), Arc::clone(&handle.slot));
        let start = StartRequest { record, size, directory, request: caller.request.clone(), migrating, slot };
        // In a task of its own: a request that is given up must not leave half a session.
        let session = supervise(Arc::clone(&self.deps), entry, start, mailbox, started);
        self.tasks.spawn_on(session, &self.deps.runtime);
        outcome.await.unwrap_or_else(|_| Err(SessionError::ended())).map(|()| handle)
    }

    /// Ends a session, running or not.
    pub async fn end(&self, record: SessionRecord, reason: EndReason) -> Result<(), SessionError> {
        if let Some(handle) = self.live(&record.id) {
            return handle.end(reason).await;
        }
        if record.has_ended() {
            return Ok(());
        }
        self.check_not_remote(&record).await?;
        let state = SessionState::Ended { reason, at: self.deps.clock.now_ms() };
        let expected = record.version();
        let tombstone = SessionRecord { state, owner: None, ..record };
        match self.deps.store.compare_and_set(&tombstone, Some(&expected)).await? {
            Cas::Stored => {
                forget_screen(&*self.deps.store, &tombstone).await;
                self.deps.metrics.sessions.ended.of(reason).inc();
                Ok(())
            }
            Cas::Conflict(_) => Err(SessionError::remote()),
        }
    }

    /// Ends a session for a controller, unless the owner types alone.
    pub async fn end_by(&self, record: SessionRecord, by: &Caller, reason: EndReason) -> Result<(), SessionError> {
        match self.live(&record.id) {
            Some(handle) => handle.end_by(by.user.clone(), by.member_in(&record.creator), reason).await,
            None => self.end(record, reason).await,
        }
    }

    /// Stops taking new sessions, and tells the other instances.
    pub async fn drain(&self) {
        self.membership.drain();
        if self.deps.store.is_shared()
            && let Err(error) = self.membership.heartbeat(&*self.deps.store).await
        {
            tracing::warn!(%error, "other instances do not know that this one drains");
        }
    }

    /// Removes this instance from the store: others may take its sessions over at once.
    pub async fn deregister(&self) {
        if self.deps.store.is_shared()
            && let Err(error) = self.deps.store.deregister(self.instance_id()).await
        {
            tracing::debug!(%error, "other instances will notice the missing heartbeat");
        }
    }

    /// Ends every session and waits for its processes, up to `timeout`. Returns whether all are gone.
    pub async fn shut_down(&self, timeout: Duration) -> bool {
        // Under the lock, so that no start slips in between.
        let all: Vec<_> = {
            let live = self.live.0.lock();
            self.tasks.close();
            live.values().cloned().collect()
        };
        for session in &all {
            // Fails for a session that has ended already.
            let _ = session.handle.end(EndReason::ServerRestart).await;
        }
        tokio::time::timeout(timeout, self.tasks.wait()).await.is_ok()
    }
}
