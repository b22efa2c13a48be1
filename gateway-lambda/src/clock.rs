//! Time of day as an argument, so that tests can set it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time of day. Waits use tokio's clock instead, which tests can pause.
pub trait Clock: Send + Sync {
    /// Time since 1970.
    fn since_epoch(&self) -> Duration;

    /// Seconds since 1970, the unit of tokens and time-to-live attributes.
    fn unix_seconds(&self) -> u64 {
        self.since_epoch().as_secs()
    }

    /// Milliseconds since 1970, the unit of API Gateway and Lambda.
    fn unix_millis(&self) -> u64 {
        u64::try_from(self.since_epoch().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes the real clock")]
    fn since_epoch(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// A clock that a test moves, in milliseconds since 1970.
#[cfg(feature = "test-support")]
#[derive(Debug, Default)]
pub struct ManualClock(std::sync::atomic::AtomicU64);

#[cfg(feature = "test-support")]
impl ManualClock {
    /// A clock at this time, in seconds since 1970.
    pub fn new(unix_seconds: u64) -> Self {
        Self((unix_seconds * 1000).into())
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(feature = "test-support")]
impl Clock for ManualClock {
    fn since_epoch(&self) -> Duration {
        Duration::from_millis(self.0.load(std::sync::atomic::Ordering::Relaxed))
    }
}
