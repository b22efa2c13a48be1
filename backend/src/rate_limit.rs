//! A rate limit per key, with a burst, by the generic cell rate algorithm: for every action that a client could repeat without
//! end.

use governor::Quota;
use governor::clock::Clock;
use governor::state::keyed::HashMapStateStore;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Checks between two removals of idle keys, so that the table stays small.
const CLEANUP_INTERVAL: u32 = 4096;

/// Tokio's clock, which tests can pause.
#[derive(Debug, Clone, Copy, Default)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// Limits the rate of each key on its own.
pub(crate) struct RateLimiter<K: Hash + Eq + Clone> {
    limiter: governor::RateLimiter<K, HashMapStateStore<K>, TokioClock>,
    /// Calls of [`Self::check`], modulo 2^32.
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone> RateLimiter<K> {
    /// Allows `count` per `period`, and up to `burst` at once. Both numbers are at least 1; the period is not zero.
    pub(crate) fn new(count: u32, period: Duration, burst: u32) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let each = (period / at_least_one(count).get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        let quota = quota.allow_burst(at_least_one(burst));
        let limiter = governor::RateLimiter::new(quota, HashMapStateStore::default(), TokioClock);
        Self { limiter, checks: AtomicU32::new(0) }
    }

    /// Counts one action, or counts nothing and returns the time to wait.
    pub(crate) fn check(&self, key: &K) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % CLEANUP_INTERVAL == CLEANUP_INTERVAL - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|not_until| not_until.wait_time_from(TokioClock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);

    fn allowed(limiter: &RateLimiter<&'static str>, key: &'static str) -> usize {
        (0..100).take_while(|_| limiter.check(&key).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn each_key_has_a_burst_and_then_its_rate() {
        let limiter = RateLimiter::new(10, SECOND, 20);
        assert_eq!((allowed(&limiter, "ada"), allowed(&limiter, "eve")), (20, 20));
        let wait = limiter.check(&"ada").unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        advance(wait).await;
        assert_eq!(allowed(&limiter, "ada"), 1);
        advance(SECOND).await;
        assert_eq!(allowed(&limiter, "ada"), 10);
        advance(100 * SECOND).await;
        assert_eq!(allowed(&limiter, "ada"), 20, "no more than one burst accumulates");
    }

    #[tokio::test(start_paused = true)]
    async fn idle_keys_are_removed() {
        let limiter = RateLimiter::new(10, SECOND, 20);
        for key in 0..CLEANUP_INTERVAL - 1 {
            assert!(limiter.check(&key).is_ok());
        }
        assert_eq!(limiter.limiter.len(), CLEANUP_INTERVAL as usize - 1);
        advance(10 * SECOND).await;
        assert!(limiter.check(&0).is_ok());
        assert_eq!(limiter.limiter.len(), 1);
    }
}
