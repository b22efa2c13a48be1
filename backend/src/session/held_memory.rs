//! The memory that the service itself holds for a session: its screens with their history, its output, and what waits for its
//! clients and its terminal. It counts like the memory of the session's processes, so that a session cannot have the service hold
//! what it may not hold itself.

use crate::metrics::Metrics;
use crate::terminal::ProcessGroup;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Shortest time between two counts, each of which takes a step for each row: quotas are watched as often.
const INTERVAL: Duration = Duration::from_secs(1);

/// Tells the memory to the quota of the session, and to the metrics.
pub(super) struct HeldMemory {
    processes: Arc<dyn ProcessGroup>,
    metrics: Arc<Metrics>,
    /// Last count, in bytes.
    bytes: u64,
    /// True if something may have changed since.
    is_stale: bool,
    /// Time of the next count, if something has changed by then.
    due_at: Instant,
}

impl HeldMemory {
    pub(super) fn new(processes: Arc<dyn ProcessGroup>, metrics: Arc<Metrics>) -> Self {
        Self { processes, metrics, bytes: 0, is_stale: true, due_at: Instant::now() }
    }

    /// Notes a turn of the task that may have changed something.
    pub(super) fn changed(&mut self) {
        self.is_stale = true;
    }

    /// Time of the next count.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.is_stale.then_some(self.due_at)
    }

    /// Counts if that is due.
    pub(super) fn count_if_due(&mut self, now: Instant, count: impl FnOnce() -> usize) {
        if self.deadline().is_some_and(|at| at <= now) {
            (self.is_stale, self.due_at) = (false, now + INTERVAL);
            self.set(count() as u64);
            self.processes.set_held_by_service(self.bytes);
        }
    }

    fn set(&mut self, bytes: u64) {
        self.metrics.sessions.held.inc_by(bytes as i64 - self.bytes as i64);
        self.bytes = bytes;
    }
}

impl Drop for HeldMemory {
    fn drop(&mut self) {
        self.set(0);
    }
}
