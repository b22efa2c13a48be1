//! How much output a session may send through the gateway, where every frame costs money and quota. Pure: the time is an argument.

use shared_protocol::limits::FRAME_RAW_BYTES;
use std::time::Duration;
use tokio::time::Instant;

/// Output at full speed before the rate counts, in bytes: builds, logs and listings stay whole.
pub const BURST_BYTES: u64 = 16 * 1024 * 1024;

/// Beyond the budget, the screen is shown this often: often enough to read, whatever scrolls by.
pub const READABLE: Duration = Duration::from_millis(250);

/// The stream goes on once so much of the budget has come back, in bytes: not for a single frame.
const RESUME_BYTES: u64 = 256 * 1024;

/// A token bucket.
#[derive(Debug)]
pub struct Budget {
    /// Bytes a second; `None` for no limit.
    rate: Option<u64>,
    left: u64,
    filled: Instant,
    exhausted: bool,
}

impl Budget {
    /// Full. A rate of 0 means no limit.
    pub fn new(rate: u64, now: Instant) -> Self {
        Self { rate: (rate > 0).then_some(rate), left: BURST_BYTES, filled: now, exhausted: false }
    }

    /// Whether the stream may be sent as it is.
    pub fn allows_stream(&mut self, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let since = now.saturating_duration_since(self.filled);
        let earned = u64::try_from(since.as_micros() * u128::from(rate) / 1_000_000).unwrap_or(u64::MAX);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(BURST_BYTES);
            self.filled = now;
        }
        // With less left than a frame is likely to take, the next would be paid for by nobody.
        self.exhausted = self.left < if self.exhausted { RESUME_BYTES } else { FRAME_RAW_BYTES as u64 / 8 };
        !self.exhausted
    }

    /// So many bytes went out.
    pub fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_then_the_rate_counts() {
        let start = Instant::now();
        let mut budget = Budget::new(1024 * 1024, start);
        assert!(budget.allows_stream(start));
        budget.spend(BURST_BYTES);
        assert!(!budget.allows_stream(start));
        assert!(!budget.allows_stream(start + Duration::from_millis(200)), "not for a single frame");
        assert!(budget.allows_stream(start + Duration::from_millis(300)));
        budget.spend(200 * 1024);
        assert!(budget.allows_stream(start + Duration::from_millis(301)), "it goes on until too little is left");
        budget.spend(100 * 1024);
        assert!(!budget.allows_stream(start + Duration::from_millis(302)));
        assert!(budget.allows_stream(start + Duration::from_secs(60)));
    }

    #[test]
    fn no_rate_is_no_limit() {
        let now = Instant::now();
        let mut budget = Budget::new(0, now);
        budget.spend(u64::MAX);
        assert!(budget.allows_stream(now));
    }
}
