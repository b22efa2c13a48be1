//! The life of one session's task: acquires the lease, starts the shell, runs the task to its end, and writes the tombstone.

use super::actor::{Actor, Savers};
use super::command_persistence::{CommandWriter, command_channel, persist_commands};
use super::handle::{Request, SessionError};
use super::live::RegistryEntryGuard;
use super::recorder::Recorder;
use super::registry::{RegistryDeps, can_restart};
use super::restore::PreviousShell;
use super::screen_persistence::{ScreenWriter, persist_screens, screen_channel};
use super::terminal::Terminal;
use super::termination::Outcome;
use super::watching::WatchSlot;
use crate::cluster::Lease;
use crate::metrics::Phase;
use crate::recording::{ActiveRecording, Meta};
use crate::store::{Cas, SessionRecord, SessionState, Store};
use crate::terminal::{Nonce, Size};
use crate::webhooks::Event;
use shared_protocol::server::{Recording, RecordingState};
use shared_protocol::{EndReason, Epoch, ErrorCode};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The ends of the tasks that write to the store.
struct Writers {
    screens: ScreenWriter,
    commands: CommandWriter,
}

pub(super) struct StartRequest {
    /// The session as it is in the store.
    pub record: SessionRecord,
    /// First size of the terminal.
    pub size: Size,
    /// Directory that the shell is asked to start in.
    pub directory: Option<PathBuf>,
    /// Id of the HTTP request, for logs.
    pub request: String,
    /// Set when the session moves to another instance; shared with the handle.
    pub migrating: Arc<AtomicBool>,
    /// Where walls see the session; shared with the handle.
    pub slot: Arc<WatchSlot>,
}

/// Runs a session from the lease to the tombstone. `started` is answered once the shell runs or cannot be started.
pub(super) async fn supervise(
    deps: Arc<RegistryDeps>,
    entry: RegistryEntryGuard,
    request: StartRequest,
    mailbox: mpsc::Receiver<Request>,
    started: oneshot::Sender<Result<(), SessionError>>,
) {
    let starting = deps.metrics.sessions.enter(Phase::Starting);
    let lease = match acquire_lease(&deps, &request.record).await {
        Ok(lease) => lease,
        Err(error) => {
            // The request may have been given up.
            let _ = started.send(Err(error));
            return;
        }
    };
    let before = request.record.clone();
    let actor = match what_was(&deps, &lease, &before).await {
        Ok(previous) => {
            // Only now: of a session with a lease here, those who were removed are known here.
            entry.set_lease(&lease);
            start(&deps, &lease, previous, request).await
        }
        Err(error) => Err(error),
    };
    drop(starting);
    // The request may have been given up; the session goes on without it.
    let record = match actor {
        Ok((actor, writer, recording)) => {
            let _ = started.send(Ok(()));
            let state = run(&deps, &lease, actor, writer, mailbox).await;
            // Before the tombstone: a session that has ended has its whole recording.
            let is_recorded = match recording {
                Some(recording) => recording.finish().await,
                None => false,
            };
            let record = state.map(|state| SessionRecord { state, owner: None, ..lease.record().clone() });
            if is_recorded && record.as_ref().is_some_and(|record| !can_restart(record)) {
                deps.webhooks.tell(lease.record(), Event::RecordingReady);
            }
            record
        }
        Err(error) => {
            let _ = started.send(Err(error));
            // Nothing ran: the record of before returns, with the epoch of everything that the last shell left.
            Some(SessionRecord { owner: None, ..before })
        }
    };
    if let Some(record) = record {
        give_up(&deps, &lease, &record).await;
    }
    drop(entry);
}

/// Reads who was removed from the session, before the first of its new shell's people attaches, and what its last shell left.
async fn what_was(
    deps: &RegistryDeps,
    lease: &Lease,
    before: &SessionRecord,
) -> Result<Option<PreviousShell>, SessionError> {
    let revoked = deps.store.revoked(&before.id).await?;
    if !revoked.is_empty() {
        lease.set_revoked(revoked);
    }
    previous_shell(deps, before).await
}

/// Writes this instance as the owner of the session.
async fn acquire_lease(deps: &RegistryDeps, before: &SessionRecord) -> Result<Arc<Lease>, SessionError> {
    let since = Instant::now();
    let epoch = Epoch(deps.clock.now_ms().max(before.epoch.0 + 1));
    let owner = Some(deps.instance.id.clone());
    let record = SessionRecord { state: SessionState::Running, owner, epoch, ..before.clone() };
    match deps.store.compare_and_set(&record, Some(&before.version())).await? {
        Cas::Stored => Ok(Lease::new(record, &*deps.store, since)),
        Cas::Conflict(_) => Err(SessionError::remote()),
    }
}

/// The last shell of the session, if it was lost. Fails if it is not known whose keys counted: an owner may have typed alone.
async fn previous_shell(deps: &RegistryDeps, before: &SessionRecord) -> Result<Option<PreviousShell>, SessionError> {
    let reason = match before.state {
        SessionState::Running => EndReason::OwnerLost,
        SessionState::Ended { reason, .. } if can_restart(before) => reason,
        SessionState::Created | SessionState::Ended { .. } => return Ok(None),
    };
    let class = deps.store.class(&before.id).await?;
    let screen = deps.store.screen(&before.id).await.unwrap_or_else(|error| {
        tracing::warn!(%error, session = %before.id, "the last screen cannot be read");
        None
    });
    // Not by its epoch: a start that failed together with the store has left another one.
    let class = class.filter(|class| class.created_at == before.created_at);
    Ok(Some(PreviousShell { reason, screen, class }))
}

async fn start(
    deps: &RegistryDeps,
    lease: &Arc<Lease>,
    previous: Option<PreviousShell>,
    StartRequest { size, directory, request, migrating, slot, .. }: StartRequest,
) -> Result<(Actor, Writers, Option<ActiveRecording>), SessionError> {
    let (recorder, recording) = begin_recording(deps, lease, size).await?;
    let began = Instant::now();
    let nonce = Nonce::new(deps.random.bytes());
    let profile = deps.settings.profile_of(&lease.record().creator)?;
    let spec = deps.settings.shell_with(profile, directory, size, &nonce);
    let pty = deps.shells.open(spec, &lease.record().id).await.map_err(|error| {
        tracing::error!(%request, session = %lease.record().id, %error, "the shell cannot be started");
        deps.metrics.sessions.start_failures.inc();
        SessionError::new(ErrorCode::Internal, "the shell cannot be started")
    })?;
    deps.metrics.sessions.shell_start.observe(began.elapsed().as_secs_f64());
    if let Some(previous) = &previous {
        deps.metrics.sessions.takeovers.of(previous.reason).inc();
    }
    deps.webhooks.tell(lease.record(), Event::SessionStarted { after: previous.as_ref().map(|shell| shell.reason) });
    let (screens, screen_writer) = screen_channel(&*deps.store);
    let (commands, command_writer) = command_channel();
    let (session, metrics, clock) = (lease.record().id.clone(), Arc::clone(&deps.metrics), Arc::clone(&deps.clock));
    let terminal = Terminal::new(session, pty, &nonce, size, deps.limits.scrollback, clock, metrics);
    let savers = Savers { screens, commands };
    let mut actor = Actor::new(deps, Arc::clone(lease), terminal, savers, previous, migrating, slot);
    actor.set_recorder(recorder);
    Ok((actor, Writers { screens: screen_writer, commands: command_writer }, recording))
}

/// Begins the recording of a session that is to have one. Without a store the shell starts all the same and its people are told,
/// unless the operator requires the recording.
async fn begin_recording(
    deps: &RegistryDeps,
    lease: &Lease,
    size: Size,
) -> Result<(Recorder, Option<ActiveRecording>), SessionError> {
    let (record, settings) = (lease.record(), &deps.recordings.settings);
    if !deps.recordings.wants(record.creator.recorded) {
        return Ok((Recorder::off(), None));
    }
    let now = deps.clock.now_ms();
    let (sub, grp) = (record.creator.user.clone(), record.creator.group.clone());
    let meta = Meta { session: record.id.clone(), sub, grp, started: now, cols: size.cols, rows: size.rows };
    let recording = deps.recordings.begin(meta, record.created_at, record.epoch, now).await;
    let recording = recording.inspect_err(|error| {
        tracing::error!(session = %record.id, %error, "a session cannot be recorded");
        deps.metrics.recordings.failures.inc();
    });
    if recording.is_err() && settings.required {
        let text = "the session must be recorded, and the store of recordings does not work; try again";
        return Err(SessionError::new(ErrorCode::Internal, text));
    }
    let told = Recording { state: RecordingState::On, input: settings.input, days: settings.days };
    let recording = recording.ok();
    Ok((Recorder::new(told, recording.as_ref()), recording))
}

/// Runs the task to its end. Returns the state to write; none if another instance owns the session.
async fn run(
    deps: &RegistryDeps,
    lease: &Lease,
    actor: Actor,
    Writers { screens, commands }: Writers,
    mailbox: mpsc::Receiver<Request>,
) -> Option<SessionState> {
    let SessionRecord { id, created_at, .. } = lease.record();
    let screens = tokio::spawn(persist_screens(Arc::clone(&deps.store), id.clone(), screens));
    let commands = tokio::spawn(persist_commands(Arc::clone(&deps.store), id.clone(), *created_at, commands));
    let outcome = actor.run(mailbox).await;
    // The last ones are saved before the tombstone is written. Both end by themselves: their senders are dropped.
    let _ = tokio::join!(screens, commands);
    match outcome {
        Outcome::Ended { reason, at } => {
            deps.metrics.sessions.ended.of(reason).inc();
            deps.webhooks.tell(lease.record(), Event::SessionEnded { reason });
            Some(SessionState::Ended { reason, at })
        }
        Outcome::LeaseLost => {
            deps.metrics.sessions.ownership_losses.inc();
            None
        }
    }
}

/// Deletes the screen of a session that does not start again.
pub(super) async fn forget_screen(store: &dyn Store, record: &SessionRecord) {
    if record.has_ended()
        && !can_restart(record)
        && let Err(error) = store.delete_screen(&record.id).await
    {
        tracing::warn!(%error, session = %record.id, "the last screen stays in the store until it expires");
    }
}

/// Leaves this record in place of the one with the lease.
async fn give_up(deps: &RegistryDeps, lease: &Lease, record: &SessionRecord) {
    match deps.store.compare_and_set(record, Some(&lease.record().version())).await {
        Ok(Cas::Stored) => forget_screen(&*deps.store, record).await,
        Ok(Cas::Conflict(_)) => {
            tracing::warn!(session = %record.id, "another instance owns the session that ended here");
        }
        Err(error) => tracing::error!(%error, session = %record.id, "the end of a session was not stored"),
    }
}
