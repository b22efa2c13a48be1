//! Schedules the scans of sessions' files: a scan may be slow, so each session's interval follows the length of its last scan.

use super::file_sizes::{size_of_directories, sizes_in_shared_directories, sizes_of_unlinked_files};
use crate::sandbox::sandbox::Sandbox;
use crate::terminal::procfs::of_user;
use crate::terminal::sys::as_user;
use rustix::fs::statvfs;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Rescan a session only after this multiple of its last scan time.
const INTERVAL_FACTOR: u32 = 20;

/// Scans the files of sandboxes.
pub(super) struct DiskScanner {
    /// Bytes at which a scan of a sandbox stops: more changes nothing.
    limit: u64,
    /// A directory on the disk that holds most files.
    state: PathBuf,
    min_interval: Duration,
    /// Time of the next scan, by uid.
    due: HashMap<u32, Instant>,
    /// Free bytes of the disk when all sessions were last due, or more.
    free: u64,
}

impl DiskScanner {
    pub(super) fn new(limit: u64, state: PathBuf, min_interval: Duration) -> Self {
        Self { limit, state, min_interval, due: HashMap::new(), free: 0 }
    }

    /// Scans the sandboxes that are due; all are when the disk fills quickly.
    pub(super) fn scan_due(&mut self, sandboxes: &[Arc<Sandbox>]) {
        self.due.retain(|uid, _| sandboxes.iter().any(|sandbox| sandbox.uid() == *uid));
        let free = statvfs(&self.state).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let fills = free.saturating_add(self.limit / 4) < self.free;
        if fills {
            self.due.clear();
        }
        if fills || free > self.free {
            self.free = free;
        }
        let now = Instant::now();
        let is_due = |sandbox: &&Arc<Sandbox>| self.due.get(&sandbox.uid()).is_none_or(|due| *due <= now);
        let due: Vec<_> = sandboxes.iter().filter(is_due).collect();
        if due.is_empty() {
            return;
        }
        let shared = sizes_in_shared_directories(|uid| due.iter().any(|sandbox| sandbox.uid() == uid));
        for sandbox in due {
            let (uid, started) = (sandbox.uid(), Instant::now());
            let mut files = shared.get(&uid).copied().unwrap_or_default();
            files.disk = files.disk.saturating_add(size_of_directories(&sandbox.directories(), self.limit));
            let processes = of_user(uid).map(|process| process.pid);
            as_user(uid, || sizes_of_unlinked_files(processes, &mut files));
            sandbox.quota().set_files(files);
            let ended = Instant::now();
            self.due.insert(uid, ended + self.min_interval.max((ended - started) * INTERVAL_FACTOR));
        }
    }
}
