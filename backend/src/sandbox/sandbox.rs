//! The sandbox of one session: a uid of its own, a home and a directory for temporary files. The type is a guard: however the
//! session ends, dropping it kills the processes and removes the files.

use super::cleanup::CleanupTask;
pub(super) use super::root::HOME;
use super::root::{SandboxDirectory, SandboxRoot, copy, make};
use super::subcommand;
use super::usage::{QuotaStatus, Quotas};
use crate::terminal::procfs::{signal_if_owned, signal_user, wait_for_end};
use parking_lot::{Mutex, MutexGuard};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, Signal, pidfd_send_signal};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

const SKELETON: &str = "/etc/skel";

/// Directories of a sandbox besides its home: temporary files and sockets.
pub(super) const TEMPORARY: &str = "tmp";
pub(super) const RUNTIME: &str = "run";

/// Time to kill processes; the subcommand itself gives up sooner.
const KILL_TIMEOUT: Duration = Duration::from_secs(8);

/// Time to remove files: a million small ones take some 10 s.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Sandbox {
    root: Arc<SandboxRoot>,
    pub uid: u32,
    pub path: PathBuf,
    /// Locked while this service is alive. `None` after `Drop` moved it.
    lock: Option<std::fs::File>,
    /// Pidfd of the first process, which is root's until the launcher became the user.
    pub leader: OnceLock<OwnedFd>,
    pub quota: QuotaStatus,
    /// Limits of its resources.
    pub quotas: Quotas,
    /// Locked while processes are signalled or files removed: the process that removes files runs as the session's user, so a
    /// concurrent kill would hit it.
    cleaning: Mutex<()>,
    cleaned: AtomicBool,
}

impl Sandbox {
    fn existing(root: &Arc<SandboxRoot>, directory: SandboxDirectory, quotas: Quotas, cleaned: bool) -> Self {
        let SandboxDirectory { uid, path, lock } = directory;
        Self {
            root: Arc::clone(root),
            uid,
            path,
            lock: Some(lock),
            leader: OnceLock::new(),
            quota: QuotaStatus::default(),
            quotas,
            cleaning: Mutex::default(),
            cleaned: cleaned.into(),
        }
    }

    /// A sandbox with the files that each new user of the system gets.
    pub(super) fn new(root: &Arc<SandboxRoot>, quotas: Quotas) -> io::Result<Self> {
        let sandbox = Self::bare(root, quotas)?;
        copy(Path::new(SKELETON), &sandbox.directory(HOME), sandbox.uid)?;
        Ok(sandbox)
    }

    /// A sandbox without files.
    pub(super) fn bare(root: &Arc<SandboxRoot>, quotas: Quotas) -> io::Result<Self> {
        let sandbox = Self::existing(root, root.create()?, quotas, false);
        for directory in sandbox.directories() {
            make(&directory, 0o700, sandbox.uid, sandbox.uid)?;
        }
        Ok(sandbox)
    }

    /// Kills the processes and removes the files of killed services. Returns the number of sandboxes. Blocks.
    pub(super) fn clean_leftovers(root: &Arc<SandboxRoot>) -> io::Result<usize> {
        let leftovers = root.leftovers()?;
        let count = leftovers.len();
        for directory in leftovers {
            Self::existing(root, directory, Quotas::default(), true).kill_and_remove();
        }
        if let Err(error) = root.accounts.remove_stale() {
            tracing::warn!(%error, "users of past sessions were not removed");
        }
        Ok(count)
    }

    pub(super) fn directory(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The sandbox's private directories; excludes shared ones such as `/tmp`.
    pub(super) fn directories(&self) -> [PathBuf; 3] {
        [HOME, TEMPORARY, RUNTIME].map(|name| self.directory(name))
    }

    pub(super) fn hang_up(&self) {
        let _guard = self.cleaning.lock();
        signal_user(self.uid, &[Signal::HUP, Signal::CONT]);
    }

    /// Kills all processes. Returns 0 when none is left. Blocks.
    pub(super) fn kill(&self) -> usize {
        let guard = self.cleaning.lock();
        self.kill_with(&guard)
    }

    /// Kills all processes, `first` before the others, unless a cleanup runs already. Blocks.
    pub(super) fn kill_unless_cleaning(&self, first: Option<Pid>) {
        let Some(guard) = self.cleaning.try_lock() else { return };
        if self.cleaned.load(Ordering::Acquire) {
            return;
        }
        if let Some(first) = first {
            signal_if_owned(self.uid, first, &[Signal::KILL]);
        }
        self.kill_with(&guard);
    }

    /// Kills a process, unless a cleanup runs, which is a process of the same user.
    pub(super) fn kill_one_unless_cleaning(&self, pid: Pid) {
        if let Some(_guard) = self.cleaning.try_lock() {
            signal_if_owned(self.uid, pid, &[Signal::KILL]);
        }
    }

    /// Removes the files, once. Blocks.
    pub(super) fn remove(&self) {
        if !self.cleaned.swap(true, Ordering::AcqRel) {
            self.remove_now();
        }
    }

    /// Kills all processes and removes all files, for others of the same user. True if nothing is left. Blocks.
    pub(super) fn empty(&self) -> bool {
        let left = self.kill();
        let _guard = self.cleaning.lock();
        self.remove_contents() && left == 0
    }

    fn kill_and_remove(&self) {
        self.kill();
        self.remove_now();
    }

    fn kill_with(&self, _guard: &MutexGuard<'_, ()>) -> usize {
        if let Some(leader) = self.leader.get() {
            // Fails if it ended already.
            let _ = pidfd_send_signal(leader, Signal::KILL);
            wait_for_end(leader, Instant::now() + KILL_TIMEOUT);
        }
        let (signal_uid, lock) = (self.root.signal_uid, self.root.kill_lock.clone());
        usize::from(!self.run(&CleanupTask::Kill { uid: self.uid, signal_uid, lock }, KILL_TIMEOUT))
    }

    fn remove_now(&self) {
        let _guard = self.cleaning.lock();
        if let Err(error) = self.root.accounts.remove(self.uid) {
            tracing::warn!(uid = self.uid, %error, "the user of a session was not removed");
        }
        self.remove_contents();
        // They are empty now, and only root can make or remove entries of their parent.
        for directory in self.directories().iter().chain([&self.path]) {
            if let Err(error) = std::fs::remove_dir(directory)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(uid = self.uid, %error, "a directory of a session was not removed");
                return;
            }
        }
    }

    fn remove_contents(&self) -> bool {
        let (uid, directories, shared) = (self.uid, self.directories().to_vec(), self.root.shared_directories.clone());
        self.run(&CleanupTask::Remove { uid, directories, shared }, REMOVE_TIMEOUT)
    }

    fn run(&self, task: &CleanupTask, timeout: Duration) -> bool {
        subcommand::run(&self.root.program, "sweep", task, timeout)
            .inspect_err(|error| tracing::error!(uid = self.uid, %error, "a session was not swept up"))
            .is_ok()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let (false, Some(lock)) = (*self.cleaned.get_mut(), self.lock.take()) else { return };
        // The session's task panicked. Cleanup blocks, so it must not run on this thread, which may be the runtime's.
        let directory = SandboxDirectory { uid: self.uid, path: std::mem::take(&mut self.path), lock };
        let left = Self::existing(&self.root, directory, self.quotas, true);
        if let Some(leader) = self.leader.take() {
            let _ = left.leader.set(leader);
        }
        let sweep = std::thread::Builder::new().name("sweep".into()).spawn(move || left.kill_and_remove());
        if let Err(error) = sweep {
            tracing::error!(uid = self.uid, %error, "a session was not swept up; the next start of the service does it");
        }
    }
}
