//! Budget of one wall, because data that leaves AWS costs: a token bucket of bytes that goes into debt for one update. Pure: the
//! time is an argument.

use tokio::time::Instant;

/// Bytes a second, sustained: with one frame a second, about a cent an hour.
pub(super) const RATE: u64 = 16 * 1024;

/// Bytes at once: the first screens of a class come together.
pub(super) const BURST: i64 = 256 * 1024;

/// A token bucket; one token is one byte.
#[derive(Debug)]
pub(super) struct Budget {
    /// Negative while in debt.
    left: i64,
    filled: Instant,
}

impl Budget {
    /// A full bucket.
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, filled: now }
    }

    /// Bytes that may be sent; none while in debt.
    pub(super) fn left(&mut self, now: Instant) -> usize {
        let earned = (now.saturating_duration_since(self.filled).as_millis() as u64).saturating_mul(RATE) / 1000;
        if earned > 0 {
            self.left = self.left.saturating_add_unsigned(earned).min(BURST);
            self.filled = now;
        }
        usize::try_from(self.left).unwrap_or(0)
    }

    /// Takes what was sent.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub_unsigned(bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_free_and_then_the_rate_holds() {
        assert_eq!((RATE, BURST), (16 * 1024, 256 * 1024));
        let start = Instant::now();
        let mut budget = Budget::new(start);
        assert_eq!(budget.left(start), BURST as usize);
        budget.spend(BURST as usize + RATE as usize);
        assert_eq!(budget.left(start + Duration::from_secs(1)), 0, "in debt");
        assert_eq!(budget.left(start + Duration::from_secs(2)), RATE as usize);
        assert_eq!(budget.left(start + Duration::from_secs(3600)), BURST as usize, "no more than a burst is saved");
    }
}
