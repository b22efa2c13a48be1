//! Bounds the log lines about requests without a valid token: a stranger can send them without end. Metrics count all.

use crate::rate_limit::RateLimiter;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Lines in a second.
const RATE: u32 = 5;

/// Lines at once.
const BURST: u32 = 50;

pub(super) struct RefusalLog {
    rate: RateLimiter<()>,
    /// Refusals without a line since the last one that has a line.
    omitted: AtomicU64,
}

impl Default for RefusalLog {
    fn default() -> Self {
        Self { rate: RateLimiter::new(RATE, Duration::from_secs(1), BURST), omitted: AtomicU64::new(0) }
    }
}

impl RefusalLog {
    /// Counts a refusal. True if it has a line.
    pub(super) fn claim_line(&self) -> bool {
        if self.rate.check(&()).is_err() {
            self.omitted.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let omitted = self.omitted.swap(0, Ordering::Relaxed);
        if omitted > 0 {
            tracing::info!(omitted, "refused requests that have no line of their own");
        }
        true
    }
}
