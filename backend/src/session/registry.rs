//! Finds sessions: those that run in this instance, and the records of all in the store. One place decides who may reach which.

mod lifecycle;

pub use lifecycle::FirstShell;

use super::admission::Admission;
use super::live::LiveSessions;
use super::{Caller, Limits, SessionError, SessionHandle, Shells};
use crate::clock::{Clock, RandomSource};
use crate::cluster::{Liveness, Location, Membership, RelayCounter, locate, run_heartbeat};
use crate::metrics::Metrics;
use crate::profiles::Profiles;
use crate::recording::Recordings;
use crate::relay::Relays;
use crate::store::{
    CommandRecord, Instance, InstanceId, Member, Revocations, SessionRecord, SessionState, Store, StoreError,
};
use crate::webhooks::Webhooks;
use shared_protocol::{ErrorCode, SessionId};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// The shell of every session.
#[derive(Debug, Clone)]
pub struct ShellSettings {
    /// Path of the program.
    pub shell: String,
    /// Name of the user.
    pub user: String,
    /// Directory it starts in.
    pub home: PathBuf,
    /// Other shells, environments and limits, by name.
    pub profiles: Arc<Profiles>,
}

/// Dependencies and settings of a [`Registry`].
pub struct RegistryDeps {
    /// The directory of sessions.
    pub store: Arc<dyn Store>,
    /// Starts shells.
    pub shells: Shells,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn RandomSource>,
    /// The shell of every session.
    pub settings: ShellSettings,
    /// Timeouts and sizes of each session.
    pub limits: Limits,
    /// Open sessions of one user, at most.
    pub sessions_per_user: usize,
    /// Running sessions of this instance, at most.
    pub sessions: usize,
    /// This instance as the others see it.
    pub instance: Instance,
    /// Proof that this instance is alive, for as long as any session's task runs.
    pub liveness: Arc<Liveness>,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// Where sessions are recorded.
    pub recordings: Arc<Recordings>,
    /// Tell the operator's platform what happens.
    pub webhooks: Webhooks,
    /// Carry the frames of clients behind the gateway.
    pub relays: Arc<Relays>,
    /// Runs the sessions' tasks alone: they may keep it busy.
    pub runtime: Handle,
}

/// The sessions of this instance, and the way to all others.
pub struct Registry {
    pub(super) deps: Arc<RegistryDeps>,
    membership: Membership,
    pub(super) live: LiveSessions,
    /// The sessions' tasks. Closed once no new session may start.
    tasks: TaskTracker,
    admission: Admission,
}

impl Registry {
    /// A registry without any session.
    pub fn new(deps: RegistryDeps) -> Self {
        let membership = Membership::new(deps.instance.clone(), Arc::clone(&deps.liveness));
        let admission = Admission::new(deps.sessions_per_user);
        Self { deps: Arc::new(deps), membership, live: LiveSessions::default(), tasks: TaskTracker::new(), admission }
    }

    /// The relays of this instance.
    pub fn relays(&self) -> &Arc<Relays> {
        &self.deps.relays
    }

    /// The recordings of all sessions.
    pub fn recordings(&self) -> &Arc<Recordings> {
        &self.deps.recordings
    }

    /// The events for the operator's platform.
    pub fn webhooks(&self) -> &Webhooks {
        &self.deps.webhooks
    }

    /// An instance, while it is alive.
    pub async fn instance(&self, id: &InstanceId) -> Result<Option<Instance>, StoreError> {
        self.deps.store.instance(id).await
    }

    /// The id of this instance.
    pub fn instance_id(&self) -> &InstanceId {
        self.membership.instance_id()
    }

    /// A session that runs here, for a caller that was found to reach it before.
    pub fn live(&self, id: &SessionId) -> Option<SessionHandle> {
        self.live.0.lock().get(id).map(|live| live.handle.clone())
    }

    /// Number of sessions that run here.
    pub fn count(&self) -> usize {
        self.live.0.lock().len()
    }

    /// A session that runs here, if this caller may reach it; none where it does not run here.
    fn reach(&self, id: &SessionId, caller: &Caller) -> Option<Result<SessionHandle, SessionError>> {
        let live = self.live.0.lock().get(id).cloned()?;
        Some(if caller.may_reach(&live.creator) { Ok(live.handle) } else { Err(SessionError::not_found()) })
    }

    /// A session that runs here, if this caller may reach it.
    pub async fn running(&self, id: &SessionId, caller: &Caller) -> Result<SessionHandle, SessionError> {
        if let Some(reached) = self.reach(id, caller) {
            return reached;
        }
        match self.record(id, caller).await? {
            record if record.has_ended() && !can_restart(&record) => Err(SessionError::ended()),
            _ => Err(SessionError::new(ErrorCode::NotAttached, "the session has no shell here; attach first")),
        }
    }

    /// The record of a session, if this caller may reach it.
    pub async fn record(&self, id: &SessionId, caller: &Caller) -> Result<SessionRecord, SessionError> {
        let record = self.deps.store.session(id).await?;
        record.filter(|record| caller.may_reach(&record.creator)).ok_or_else(SessionError::not_found)
    }

    /// The command that runs in this session, if that runs here. None, too, of one that is too busy to answer.
    pub async fn running_command(&self, record: &SessionRecord) -> Option<CommandRecord> {
        let live = self.live.0.lock().get(&record.id).cloned()?;
        // By now the id may be another user's.
        let is_same = live.lease.is_some_and(|lease| lease.record().created_at == record.created_at);
        if is_same { live.handle.running_command().await.ok().flatten() } else { None }
    }

    /// True while the session that was created then, in ms since 1970, may write to its recording, or go on with it.
    pub async fn may_record(&self, id: &SessionId, created_at: u64) -> Result<bool, StoreError> {
        let live = self.live.0.lock().get(id).cloned();
        if live.is_some_and(|live| live.lease.is_none_or(|lease| lease.record().created_at == created_at)) {
            return Ok(true);
        }
        let record = self.deps.store.session(id).await?.filter(|record| record.created_at == created_at);
        Ok(record.is_some_and(|record| !record.has_ended() || can_restart(&record)))
    }

    /// Those who were removed from a session for good.
    pub async fn revoked(&self, id: &SessionId) -> Result<Revocations, StoreError> {
        let lease = self.live.0.lock().get(id).and_then(|live| live.lease.clone());
        match lease {
            Some(lease) => Ok(lease.revoked()),
            None => self.deps.store.revoked(id).await,
        }
    }

    /// Fails for a caller who was removed from the session.
    pub async fn check_not_removed(&self, record: &SessionRecord, caller: &Caller) -> Result<(), SessionError> {
        if self.revoked(&record.id).await?.has(&caller.member_in(&record.creator)) {
            return Err(SessionError::removed());
        }
        Ok(())
    }

    /// Stores those who were removed from a session that runs here.
    pub async fn save_revoked(&self, id: &SessionId) -> Result<(), StoreError> {
        let lease = self.live.0.lock().get(id).and_then(|live| live.lease.clone());
        match lease {
            Some(lease) => lease.save_revoked(&*self.deps.store, self.deps.clock.now_seconds()).await,
            None => Err(StoreError("the session ends or moves".into())),
        }
    }

    /// Lets a person in again. False if this one was not kept out.
    pub async fn let_in(&self, record: &SessionRecord, member: Member) -> Result<bool, SessionError> {
        if let Some(handle) = self.live(&record.id) {
            return handle.let_in(member).await;
        }
        self.check_not_remote(record).await?;
        let mut revoked = self.deps.store.revoked(&record.id).await?;
        let was_out = revoked.remove(&member);
        if was_out {
            self.deps.store.put_revoked(&record.id, &revoked, self.deps.clock.now_seconds()).await?;
        }
        Ok(was_out)
    }

    /// The location of a session's shell.
    pub async fn location(&self, record: &SessionRecord) -> Result<Location, StoreError> {
        if self.live(&record.id).is_some() {
            return Ok(Location::Local);
        }
        locate(record, &self.membership, &*self.deps.store).await
    }

    /// Fails for a session that only another instance may change.
    async fn check_not_remote(&self, record: &SessionRecord) -> Result<(), SessionError> {
        match self.location(record).await? {
            Location::Local | Location::Unowned => Ok(()),
            Location::Remote(_) => Err(SessionError::remote()),
            Location::Unknown => Err(SessionError::unknown_location()),
        }
    }

    /// Runs the heartbeat of this instance and its sessions until dropped.
    pub async fn run_heartbeat(&self) {
        let RegistryDeps { relays, store, clock, metrics, .. } = &*self.deps;
        run_heartbeat(&self.membership, &self.live, &**relays, &**store, &**clock, metrics).await;
    }

    /// A live instance that takes new sessions, for one that no longer does.
    pub async fn another_instance(&self) -> Result<Option<Instance>, StoreError> {
        self.membership.another(&*self.deps.store).await
    }

    /// A sentence for the operator while the service runs with a fault.
    pub fn degraded(&self) -> Option<&'static str> {
        self.membership.degraded()
    }
}

impl RelayCounter for Relays {
    fn here(&self) -> usize {
        self.count()
    }

    fn set_elsewhere(&self, relays: usize) {
        self.set_elsewhere(relays);
    }
}

/// True for an ended session that may start again, because its end was not intended.
pub(super) fn can_restart(record: &SessionRecord) -> bool {
    matches!(record.state, SessionState::Ended { reason, .. } if reason.is_loss())
}
