//! Removes what ended sessions left in shared directories where their own sweep could not reach, because another session closed
//! the directory around it. A thread of the service looks at its own pace, and as root, because only root reaches everything.

use super::remove::{MAX_DEPTH, empty, names};
use crate::sandbox::dirfd::{is_directory, is_world_writable, open_directory, status};
use crate::sandbox::root::SandboxRoot;
use crate::terminal::sys::as_user;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, RenameFlags, fstat, renameat_with, unlinkat};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two passes.
const INTERVAL: Duration = Duration::from_secs(5);

/// Time to work before a rest.
const WORK: Duration = Duration::from_millis(10);

/// A rest takes this multiple of the work before it: the thread has at most a twentieth of a processor.
const REST_FACTOR: u32 = 19;

/// Handle of the thread, which ends when it is dropped.
#[derive(Debug)]
pub(in crate::sandbox) struct OrphanSweeper {
    /// Closes when this is dropped.
    _stop: SyncSender<()>,
}

impl OrphanSweeper {
    /// Starts the thread. The first pass begins at once, for what sessions of earlier services left.
    pub(in crate::sandbox) fn start(root: Arc<SandboxRoot>) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        std::thread::Builder::new().name("orphans".into()).spawn(move || {
            let mut pace = Pace { stopped, working_since: Instant::now() };
            while pass(&root, &mut pace).is_continue() && pace.rest(INTERVAL).is_continue() {}
        })?;
        Ok(Self { _stop: stop })
    }
}

struct Pace {
    stopped: Receiver<()>,
    working_since: Instant,
}

impl Pace {
    /// Rests if it is time to. Breaks when the thread must end.
    fn step(&mut self) -> ControlFlow<()> {
        let worked = self.working_since.elapsed();
        if worked < WORK { ControlFlow::Continue(()) } else { self.rest(worked * REST_FACTOR) }
    }

    fn rest(&mut self, time: Duration) -> ControlFlow<()> {
        let rested = self.stopped.recv_timeout(time);
        self.working_since = Instant::now();
        if rested == Err(RecvTimeoutError::Timeout) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

fn pass(root: &SandboxRoot, pace: &mut Pace) -> ControlFlow<()> {
    let next = match root.next_uid() {
        Ok(next) => next,
        Err(error) => {
            tracing::warn!(%error, "files of ended sessions are not searched for");
            return ControlFlow::Continue(());
        }
    };
    for shared in &root.shared_directories {
        if let Ok(directory) = open_directory(CWD, shared.as_path()) {
            let mut search = Search { root, next, pace, top: &directory, moved: 0 };
            let mut before = None;
            // Again while directories came up from where it did not reach.
            while before != Some(search.moved) {
                before = Some(search.moved);
                search.remove_from(&directory, MAX_DEPTH)?;
            }
        }
    }
    ControlFlow::Continue(())
}

struct Search<'a> {
    root: &'a SandboxRoot,
    /// The first uid that no session had when the pass began.
    next: u32,
    pace: &'a mut Pace,
    /// The shared directory.
    top: &'a OwnedFd,
    /// Number of directories moved to it.
    moved: u32,
}

impl Search<'_> {
    fn is_orphan(&self, uid: u32) -> bool {
        uid < self.next && self.root.has_ended(uid)
    }

    /// Removes entries of ended sessions. Between a look at an entry and its removal, only one who may remove it anyway can put
    /// another in its place: root's rights add nothing to that.
    fn remove_from(&mut self, directory: &OwnedFd, depth: usize) -> ControlFlow<()> {
        let Ok(names) = names(directory, usize::MAX) else { return ControlFlow::Continue(()) };
        for name in names {
            self.pace.step()?;
            let Ok(found) = status(directory, &*name) else { continue };
            if !is_directory(&found) {
                if self.is_orphan(found.st_uid) {
                    let _ = unlinkat(directory, &*name, AtFlags::empty());
                }
                continue;
            }
            if depth == 0 {
                if self.is_orphan(found.st_uid) {
                    self.move_to_top(directory, &name)?;
                }
                continue;
            }
            if !(self.root.is_session(found.st_uid) || is_world_writable(&found)) {
                continue;
            }
            let Ok(inner) = open_directory(directory, &*name) else { continue };
            let orphan = fstat(&inner).ok().map(|inner| inner.st_uid).filter(|uid| self.is_orphan(*uid));
            if let Some(uid) = orphan {
                // With no more rights than its owner had. Fails where others have files in it, which are looked at next.
                let _ = as_user(uid, || empty(&inner));
            }
            self.remove_from(&inner, depth - 1)?;
            if orphan.is_some() {
                // Fails unless it is empty.
                let _ = unlinkat(directory, &*name, AtFlags::REMOVEDIR);
            }
        }
        ControlFlow::Continue(())
    }

    /// Moves a directory that is too deep to the shared one.
    fn move_to_top(&mut self, directory: &OwnedFd, name: &CStr) -> ControlFlow<()> {
        loop {
            self.pace.step()?;
            self.moved += 1;
            let new = format!(".ended-{}", self.moved);
            // A session may have taken the name.
            if renameat_with(directory, name, self.top, new, RenameFlags::NOREPLACE) != Err(Errno::EXIST) {
                return ControlFlow::Continue(());
            }
        }
    }
}
