//! The directory that holds all sandboxes of a service, and the uids for new ones.

use super::directories::{ensure, make};
use super::uid_pool::{UidPool, lock_file};
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// State that all sandboxes of a service share.
#[derive(Debug)]
pub(super) struct SandboxRoot {
    /// The service's binary.
    pub program: PathBuf,
    /// Parent of the sandboxes: any user may pass through, and only root may list it.
    sessions: PathBuf,
    /// Lock files and the counter of uids; for root only.
    private: PathBuf,
    uids: UidPool,
    /// Sends the signals of cleanup; no session has it.
    pub signal_uid: u32,
}

/// The directory of one sandbox.
#[derive(Debug)]
pub(super) struct SandboxDirectory {
    /// The uid that owns the sandbox.
    pub uid: u32,
    /// Path of the directory.
    pub path: PathBuf,
    /// Locked while the service that made it is alive.
    pub lock: File,
}

impl SandboxRoot {
    /// Makes the shared directories.
    pub(super) fn new(program: PathBuf, state: &Path, uids: RangeInclusive<u32>) -> io::Result<Self> {
        let (sessions, private) = (state.join("sessions"), state.join("private"));
        if !state.exists() {
            ensure(state, 0o711)?;
        }
        ensure(&sessions, 0o711)?;
        ensure(&private, 0o700)?;
        let signal_uid = *uids.start();
        let uids = UidPool::new(signal_uid + 1..=*uids.end(), &private);
        Ok(Self { program, sessions, private, uids, signal_uid })
    }

    /// Makes an empty directory for an unused uid.
    pub(super) fn create(&self) -> io::Result<SandboxDirectory> {
        let uid = self.uids.take()?;
        let path = self.sessions.join(uid.to_string());
        let creating = lock_file(&self.creation_lock())?;
        creating.lock_shared()?;
        // Through this directory only the session's user may pass, even if it opens its home to others.
        make(&path, 0o710, 0, uid)?;
        let lock = File::open(&path)?;
        lock.lock()?;
        Ok(SandboxDirectory { uid, path, lock })
    }

    /// Directories of services that were killed. Directories of live services are locked.
    pub(super) fn leftovers(&self) -> io::Result<Vec<SandboxDirectory>> {
        let mut left = Vec::new();
        let creating = lock_file(&self.creation_lock())?;
        creating.lock()?;
        for entry in std::fs::read_dir(&self.sessions)? {
            let path = entry?.path();
            let uid = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            let (Some(uid), Ok(lock)) = (uid, File::open(&path)) else { continue };
            if lock.try_lock().is_ok() {
                left.push(SandboxDirectory { uid, path, lock });
            }
        }
        Ok(left)
    }

    /// Lock that excludes concurrent kills.
    pub(super) fn kill_lock(&self) -> PathBuf {
        self.private.join("sweep.lock")
    }

    /// Lock that is held while a directory exists but is not locked yet.
    fn creation_lock(&self) -> PathBuf {
        self.private.join("making.lock")
    }
}
