//! Rate limit of a session's output through the gateway, where every frame costs money. Pure: the time is an argument.

use shared_protocol::limits::FRAME_RAW_BYTES;
use std::time::Duration;
use tokio::time::Instant;

/// Burst that goes out at full speed, in bytes: builds, logs and listings stay whole.
pub const BURST_BYTES: u64 = 16 * 1024 * 1024;

/// Time between two snapshots of the screen while the budget is spent: short enough to follow scrolling output.
pub const SCREEN_INTERVAL: Duration = Duration::from_millis(250);

/// Tokens at which the stream resumes, in bytes: more than a single frame, or it would stop again at once.
const RESUME_BYTES: u64 = 256 * 1024;

/// A token bucket; one token is one byte.
#[derive(Debug)]
pub struct OutputBudget {
    /// Bytes a second; `None` for no limit.
    rate: Option<u64>,
    /// Tokens, at most [`BURST_BYTES`].
    left: u64,
    /// Time up to which tokens were added.
    filled: Instant,
    /// True between running out and [`RESUME_BYTES`].
    exhausted: bool,
}

impl OutputBudget {
    /// A full bucket. A rate of 0 means no limit.
    pub fn new(rate: u64, now: Instant) -> Self {
        Self { rate: (rate > 0).then_some(rate), left: BURST_BYTES, filled: now, exhausted: false }
    }

    /// True if the stream may be sent.
    pub fn allows_stream(&mut self, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let since = now.saturating_duration_since(self.filled);
        let earned = u64::try_from(since.as_micros() * u128::from(rate) / 1_000_000).unwrap_or(u64::MAX);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(BURST_BYTES);
            self.filled = now;
        }
        // Stops while less than one frame's worth of tokens is left, so that the bucket never goes negative.
        self.exhausted = self.left < if self.exhausted { RESUME_BYTES } else { FRAME_RAW_BYTES as u64 / 8 };
        !self.exhausted
    }

    /// Takes the tokens of bytes that were sent.
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
        let mut budget = OutputBudget::new(1024 * 1024, start);
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
        let mut budget = OutputBudget::new(0, now);
        budget.spend(u64::MAX);
        assert!(budget.allows_stream(now));
    }
}
