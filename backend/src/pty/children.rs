//! The children of this process: those that it started and waits for itself, and the orphans of sessions, which the kernel
//! hands to it and nobody waits for. Without a reaper they would stay in the process table for ever, whether or not the
//! container has an init.

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, getpid, set_child_subreaper, waitid, waitpid};
use std::collections::HashSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Those that somebody here waits for. Children belong to the process, so there is one list.
static OURS: Mutex<Option<HashSet<Pid>>> = Mutex::new(None);

/// Longest time between looks when children end one after the other.
const PAUSE: Duration = Duration::from_millis(50);

fn ours() -> MutexGuard<'static, Option<HashSet<Pid>>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child that somebody here waits for, until this is dropped.
#[derive(Debug)]
pub(super) struct Awaited(Pid);

impl Awaited {
    /// Starts a child; no orphan is collected meanwhile, so that it is known before it can be taken for one.
    pub(super) fn spawn<T>(start: impl FnOnce() -> io::Result<(T, Option<u32>)>) -> io::Result<(T, Self)> {
        let mut ours = ours();
        let (started, id) = start()?;
        let pid = id.and_then(|id| Pid::from_raw(id as i32)).ok_or_else(|| io::Error::other("no process id"))?;
        ours.get_or_insert_default().insert(pid);
        Ok((started, Self(pid)))
    }

    /// Its process id.
    pub(super) fn pid(&self) -> Pid {
        self.0
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        // If it has not been waited for, it is an orphan from now on.
        if let Some(ours) = ours().as_mut() {
            ours.remove(&self.0);
        }
    }
}

/// From now on orphans come to this process; collects them, for ever. Call it within the runtime.
pub async fn collect_orphans() {
    let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::child());
    // As PID 1 they come without being asked for.
    let adopted = set_child_subreaper(Some(getpid())).map_err(io::Error::from);
    let mut ended = match adopted.and(signal) {
        Ok(ended) => ended,
        Err(error) => {
            tracing::warn!(%error, "orphans of sessions are not collected");
            return;
        }
    };
    while ended.recv().await.is_some() {
        // Many end at once, and each look walks through all processes.
        tokio::time::sleep(PAUSE).await;
        if tokio::task::spawn_blocking(collect).await.is_err() {
            tracing::error!("collecting orphans failed");
        }
    }
}

fn collect() {
    // Held, so that nothing is started meanwhile.
    let ours = ours();
    let any = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT);
    if !matches!(any, Ok(Some(_))) {
        return;
    }
    let me = getpid();
    for process in super::processes::all() {
        let orphan = process.is_zombie() && process.parent() == Some(me);
        if orphan && ours.as_ref().is_none_or(|ours| !ours.contains(&process.pid)) {
            match waitpid(Some(process.pid), WaitOptions::NOHANG) {
                Ok(_) | Err(Errno::CHILD) => {}
                Err(error) => tracing::debug!(%error, "an orphan"),
            }
        }
    }
}
