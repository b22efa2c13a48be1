//! Measured usage of one sandbox: written by the usage monitor, read by the session.

use crate::terminal::QuotaExceeded;
use futures_util::task::AtomicWaker;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

/// Files of a session, in bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) struct FileUsage {
    /// Bytes on disk.
    pub disk: u64,
    /// Bytes of files that are in memory.
    pub memory: u64,
}

#[derive(Debug, Default)]
struct State {
    files: FileUsage,
    exceeded: Option<QuotaExceeded>,
    /// True until the session polled the change of `exceeded`.
    changed: bool,
}

/// The latest measurements, and a wake-up for the session.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct QuotaStatus {
    state: Mutex<State>,
    waker: AtomicWaker,
}

impl QuotaStatus {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records the usage by files, which is scanned less often than the rest.
    pub(super) fn set_files(&self, files: FileUsage) {
        self.with(|state| state.files = files);
    }

    /// The last recorded usage by files.
    pub(super) fn files(&self) -> FileUsage {
        self.with(|state| state.files)
    }

    /// Records the quota that this sandbox exceeds. Wakes the session if the severity changed; amounts change all the time.
    pub(super) fn report(&self, exceeded: Option<QuotaExceeded>) {
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

    /// Ready once [`Self::exceeded`] changed.
    pub(in crate::sandbox) fn poll_change(&self, context: &Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        if self.with(|state| std::mem::take(&mut state.changed)) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The quota exceeded, if any.
    pub(in crate::sandbox) fn exceeded(&self) -> Option<QuotaExceeded> {
        self.with(|state| state.exceeded)
    }
}
