//! Children of this process: tracked ones, which their starter waits for, and orphans of sessions, which the kernel reparents
//! to this process as their subreaper. Without a reaper orphans would stay zombies, with or without an init in the container.

use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, getpid, set_child_subreaper, waitid, waitpid};
use std::collections::HashSet;
use std::io;
use std::time::Duration;

/// Pids of tracked children. Children belong to the process, so the list is global.
static TRACKED: Mutex<Option<HashSet<Pid>>> = Mutex::new(None);

/// Delay from SIGCHLD to the scan of `/proc`, so that one scan serves many children that end together.
const COALESCE_DELAY: Duration = Duration::from_millis(50);

/// A child that its starter waits for; the reaper leaves it alone until this guard is dropped.
#[derive(Debug)]
pub(crate) struct TrackedChild(Pid);

impl TrackedChild {
    /// Starts a child. The lock stops the reaper meanwhile, which could otherwise reap the child before it is tracked.
    pub(crate) fn spawn<T>(start: impl FnOnce() -> io::Result<(T, Option<u32>)>) -> io::Result<(T, Self)> {
        let mut tracked = TRACKED.lock();
        let (started, id) = start()?;
        let pid = id.and_then(|id| Pid::from_raw(id as i32)).ok_or_else(|| io::Error::other("no process id"))?;
        tracked.get_or_insert_default().insert(pid);
        Ok((started, Self(pid)))
    }

    pub(crate) fn pid(&self) -> Pid {
        self.0
    }
}

impl Drop for TrackedChild {
    fn drop(&mut self) {
        // A child that was not waited for becomes the reaper's.
        if let Some(tracked) = TRACKED.lock().as_mut() {
            tracked.remove(&self.0);
        }
    }
}

/// Makes this process a subreaper and reaps orphans, for ever. Call it within the runtime.
pub async fn reap_orphans() {
    let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::child());
    let adopted = set_child_subreaper(Some(getpid())).map_err(io::Error::from);
    let mut ended = match adopted.and(signal) {
        Ok(ended) => ended,
        Err(error) => {
            tracing::warn!(%error, "orphans of sessions are not reaped");
            return;
        }
    };
    while ended.recv().await.is_some() {
        tokio::time::sleep(COALESCE_DELAY).await;
        if tokio::task::spawn_blocking(reap).await.is_err() {
            tracing::error!("reaping orphans failed");
        }
    }
}

fn reap() {
    // Held over the scan: see `TrackedChild::spawn`.
    let tracked = TRACKED.lock();
    let any = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT);
    if !matches!(any, Ok(Some(_))) {
        return;
    }
    let me = getpid();
    for process in super::procfs::all() {
        let orphan = process.is_zombie() && process.parent() == Some(me);
        if orphan && tracked.as_ref().is_none_or(|tracked| !tracked.contains(&process.pid)) {
            match waitpid(Some(process.pid), WaitOptions::NOHANG) {
                Ok(_) | Err(Errno::CHILD) => {}
                Err(error) => tracing::debug!(%error, "an orphan was not reaped"),
            }
        }
    }
}
