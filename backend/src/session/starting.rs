//! From a record to a running session, and from its end to its tombstone.

use super::Request;
use super::SessionError;
use super::actor::{Actor, Over, Parts};
use super::hold::Hold;
use super::keeping::{Keeper, keep_screen};
use super::past::Past;
use super::registry::{LiveSessions, RegistryParts, ShellSettings, can_go_on, elsewhere};
use crate::metrics::Phase;
use crate::store::{Put, SessionRecord, SessionState};
use crate::terminal::{Nonce, ShellSpec, Size, environment};
use shared_protocol::{EndReason, Epoch, ErrorCode, SessionId};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// A session's place in the registry; it is free again when this is dropped, however the session ended.
pub(super) struct Registered {
    pub live: LiveSessions,
    pub id: SessionId,
    pub moves: Arc<AtomicBool>,
}

impl Registered {
    /// The store has said that it is this instance's.
    fn held(&self, hold: &Arc<Hold>) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = live.get_mut(&self.id) {
            live.hold = Some(Arc::clone(hold));
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// A shell that is to be started.
pub(super) struct Wanted {
    /// What is to run, as it stands in the store.
    pub record: SessionRecord,
    pub size: Size,
    /// The id of the request that asked for it, for logs.
    pub request: String,
}

/// Takes a session over, starts its shell, runs it to its end, and leaves its tombstone.
pub(super) async fn run(
    parts: Arc<RegistryParts>,
    registered: Registered,
    wanted: Wanted,
    mailbox: mpsc::Receiver<Request>,
    started: oneshot::Sender<Result<(), SessionError>>,
) {
    let Wanted { record: before, size, request } = wanted;
    let starting = parts.metrics.sessions.enter(Phase::Starting);
    let hold = match take(&parts, &before).await {
        Ok(hold) => hold,
        Err(refusal) => {
            // Whoever asked may be gone.
            let _ = started.send(Err(refusal));
            return;
        }
    };
    registered.held(&hold);
    let past = past(&parts, &before).await;
    if let Some(past) = &past {
        parts.metrics.sessions.takeovers.of(past.reason).inc();
    }
    let begun = start(&parts, &hold, past, size, &request, Arc::clone(&registered.moves)).await;
    drop(starting);
    // Whoever asked may be gone; the session goes on without them.
    let state = match begun {
        Ok((actor, keeper)) => {
            let keeping = tokio::spawn(keep_screen(Arc::clone(&parts.store), hold.record().id.clone(), keeper));
            let _ = started.send(Ok(()));
            let over = actor.run(mailbox).await;
            // It ends by itself, as nobody shows it anything any more; the last screen is written before the tombstone.
            let _ = keeping.await;
            match over {
                Over::Ended { reason, at } => {
                    parts.metrics.sessions.ended.of(reason).inc();
                    Some(SessionState::Ended { reason, at })
                }
                Over::Lost => {
                    parts.metrics.sessions.ownership_losses.inc();
                    None
                }
            }
        }
        Err(refusal) => {
            // It may be tried again: nothing has ended, because nothing had begun.
            let _ = started.send(Err(refusal));
            Some(SessionState::Created)
        }
    };
    if let Some(state) = state {
        let record = hold.record();
        let over = record.version();
        let tombstone = SessionRecord { state, owner: None, ..record.clone() };
        match parts.store.put(&tombstone, Some(&over)).await {
            Ok(Put::Written) => {}
            Ok(Put::Other(_)) => {
                tracing::warn!(session = %record.id, "another instance has the session that ended here");
            }
            Err(error) => tracing::error!(%error, session = %record.id, "the end of a session was not stored"),
        }
    }
    drop(registered);
}

/// Writes that this instance has the session now.
async fn take(parts: &RegistryParts, before: &SessionRecord) -> Result<Arc<Hold>, SessionError> {
    let since = Instant::now();
    let epoch = Epoch(parts.clock.now_ms().max(before.epoch.0 + 1));
    let owner = Some(parts.instance.id.clone());
    let record = SessionRecord { state: SessionState::Running, owner, epoch, ..before.clone() };
    match parts.store.put(&record, Some(&before.version())).await? {
        Put::Written => Ok(Hold::new(record, &*parts.store, since)),
        Put::Other(_) => Err(elsewhere()),
    }
}

/// What the session showed before, when its last shell was lost.
async fn past(parts: &RegistryParts, before: &SessionRecord) -> Option<Past> {
    let reason = match before.state {
        SessionState::Running => EndReason::OwnerLost,
        SessionState::Ended { reason, .. } if can_go_on(before) => reason,
        SessionState::Created | SessionState::Ended { .. } => return None,
    };
    let screen = parts.store.screen(&before.id).await.unwrap_or_else(|error| {
        tracing::warn!(%error, session = %before.id, "the last screen cannot be read");
        None
    });
    Some(Past { reason, screen })
}

async fn start(
    parts: &RegistryParts,
    hold: &Arc<Hold>,
    past: Option<Past>,
    size: Size,
    request: &str,
    moves: Arc<AtomicBool>,
) -> Result<(Actor, Keeper), SessionError> {
    let began = Instant::now();
    let nonce = Nonce::new(parts.entropy.bytes());
    let ShellSettings { shell, user, home } = &parts.settings;
    let environment = environment(user, &home.to_string_lossy(), shell, &nonce);
    let spec = ShellSpec { shell: shell.clone(), environment, directory: home.clone(), size, nonce: nonce.clone() };
    let shells = Arc::clone(&parts.shells);
    let opened = tokio::task::spawn_blocking(move || shells.spawn(&spec)).await;
    let id = hold.record().id.clone();
    let pty = opened.map_err(std::io::Error::other).flatten().map_err(|error| {
        tracing::error!(%request, session = %id, %error, "the shell cannot be started");
        parts.metrics.sessions.start_failures.inc();
        SessionError::new(ErrorCode::Internal, "the shell cannot be started")
    })?;
    parts.metrics.sessions.shell_start.observe(began.elapsed().as_secs_f64());
    let (shown, keeper) = Keeper::for_store(&*parts.store);
    let (store, clock, limits) = (Arc::clone(&parts.store), Arc::clone(&parts.clock), parts.limits);
    let (hold, metrics) = (Arc::clone(hold), Arc::clone(&parts.metrics));
    let actor = Actor::new(Parts { hold, store, limits, clock, pty, nonce, size, past, shown, metrics, moves });
    Ok((actor, keeper))
}
