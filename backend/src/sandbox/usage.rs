//! Quotas of sandboxes. The kernel limits processes but not users, so usage is measured and enforced here. Quotas of users need
//! a file system or a control group of the service's own, which the platforms of containers withhold.

mod file_sizes;
mod memory_shares;
mod monitor;
mod open_files;
mod quotas;
mod sample;

pub(super) use monitor::UsageMonitor;
pub(super) use quotas::Quotas;

use crate::terminal::QuotaExceeded;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::task::{Context, Poll};

/// A session's files.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileUsage {
    /// Bytes on disk.
    pub disk: u64,
    /// Bytes of files that are memory.
    pub memory: u64,
    /// Number of files and directories.
    pub count: u64,
}

#[derive(Debug, Default)]
struct State {
    files: FileUsage,
    /// Memory of the service for the session, in bytes.
    held: u64,
    exceeded: Option<QuotaExceeded>,
    /// True until the session polled the change of `exceeded`.
    changed: bool,
}

/// The latest measurements, and a wake-up for the session.
#[derive(Debug, Default)]
pub(super) struct QuotaStatus {
    state: Mutex<State>,
    waker: AtomicWaker,
}

impl QuotaStatus {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock())
    }

    /// Records the usage by files, which is scanned less often than the rest.
    fn set_files(&self, files: FileUsage) {
        self.with(|state| state.files = files);
    }

    fn files(&self) -> FileUsage {
        self.with(|state| state.files)
    }

    /// Bytes of files on disk, as they were last measured.
    pub(super) fn disk(&self) -> u64 {
        self.files().disk
    }

    /// Records the memory that the service itself holds for the session, in bytes.
    pub(super) fn set_held(&self, bytes: u64) {
        self.with(|state| state.held = bytes);
    }

    fn held(&self) -> u64 {
        self.with(|state| state.held)
    }

    /// Records the quota that this sandbox exceeds. Wakes the session if the severity changed; amounts change all the time.
    fn report(&self, exceeded: Option<QuotaExceeded>) {
        let severity = |exceeded: Option<QuotaExceeded>| exceeded.map(|exceeded| exceeded.is_hard());
        let changed = self.with(|state| {
            let changed = severity(state.exceeded) != severity(exceeded);
            state.exceeded = exceeded;
            state.changed |= changed;
            changed
        });
        if changed {
            self.waker.wake();
        }
    }

    pub(super) fn poll_change(&self, context: &Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        if self.with(|state| std::mem::take(&mut state.changed)) { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(super) fn exceeded(&self) -> Option<QuotaExceeded> {
        self.with(|state| state.exceeded)
    }
}
