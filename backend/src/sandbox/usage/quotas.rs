//! The quotas of one session, and the one that it exceeds most.

use super::FileUsage;
use super::sample::Usage;
use crate::sandbox::SandboxSettings;
use crate::terminal::{HARD_LIMIT_FACTOR, QuotaExceeded, Resource};
use rustix::fs::statvfs;

/// Pseudo-terminals of a session, of 4096 of the machine.
const MAX_TERMINALS: u64 = 16;

/// System V objects of a session, of some 32,000 of the machine.
const MAX_IPC_OBJECTS: u64 = 64;

/// Bytes of disk for each file that a session may have: file systems reserve room for one in 16 KiB.
const BYTES_PER_FILE: u64 = 16 * 1024;

/// A session may have one part in this number of the file system's files, if that is less.
const FILE_SYSTEM_SHARE: u64 = 4;

/// The quotas of a session that are measured.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) struct Quotas {
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of files.
    pub disk: u64,
    /// Files and directories.
    pub files: u64,
}

impl Quotas {
    /// Those of a session with these settings.
    pub(in crate::sandbox) fn of(settings: &SandboxSettings) -> Self {
        // Some file systems have no fixed number of files, and say 0.
        let available = statvfs(&settings.state).ok().map(|system| system.f_files).filter(|files| *files > 0);
        let files = available.map_or(u64::MAX, |files| files / FILE_SYSTEM_SHARE);
        Self { memory: settings.memory, disk: settings.disk, files: files.min(settings.disk / BYTES_PER_FILE) }
    }

    /// Usage at which a scan of a sandbox stops: more changes nothing.
    pub(super) fn scanned(&self) -> FileUsage {
        FileUsage {
            disk: self.disk.saturating_mul(HARD_LIMIT_FACTOR),
            memory: 0,
            count: self.files.saturating_mul(HARD_LIMIT_FACTOR),
        }
    }

    /// The quota that is exceeded most, relative to its size.
    pub(super) fn worst_exceeded(&self, usage: &Usage, files: FileUsage) -> Option<QuotaExceeded> {
        [
            (Resource::Memory, usage.memory, self.memory),
            (Resource::Disk, files.disk, self.disk),
            (Resource::Files, files.count, self.files),
            (Resource::Terminals, usage.terminals, MAX_TERMINALS),
            (Resource::IpcObjects, usage.ipc_objects, MAX_IPC_OBJECTS),
        ]
        .into_iter()
        .map(|(resource, used, quota)| QuotaExceeded { resource, used, quota })
        .filter(|exceeded| exceeded.used > exceeded.quota)
        .max_by(|one, other| (one.used as f64 / one.quota as f64).total_cmp(&(other.used as f64 / other.quota as f64)))
    }
}
