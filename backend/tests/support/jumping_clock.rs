//! The wall clock of a service, which a test lets jump.

use backend::clock::{Clock, SystemClock};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// A wall clock that follows the system's until it jumps, and a steady scale that starts with it and does not.
pub struct JumpingClock {
    /// Wall time of the start minus the steady time then, in ms.
    ahead_ms: u64,
    /// How far it has jumped, in seconds; below zero if back.
    jumped: AtomicI64,
}

impl JumpingClock {
    pub(super) fn start() -> Self {
        Self { ahead_ms: SystemClock.now_ms() - SystemClock.steady_ms(), jumped: AtomicI64::new(0) }
    }

    pub fn jump(&self, seconds: i64) {
        self.jumped.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> SystemTime {
        let jumped = self.jumped.load(Ordering::Relaxed);
        let steady = SystemTime::UNIX_EPOCH + Duration::from_millis(self.steady_ms());
        let by = Duration::from_secs(jumped.unsigned_abs());
        if jumped < 0 { steady - by } else { steady + by }
    }

    fn steady_ms(&self) -> u64 {
        SystemClock.steady_ms() + self.ahead_ms
    }
}
