//! How often someone may do something: so often in a time, after a burst, by the generic cell rate algorithm. Used wherever a
//! stranger could otherwise do it without end.

use governor::clock::Clock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Questions between two looks for those who have been idle long enough to be forgotten.
const FORGET_EVERY: u32 = 4096;

/// The time that tests can stop.
#[derive(Debug, Clone, Copy, Default)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// Counts for each key.
pub(crate) struct Pace<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, HashMapStateStore<K>, TokioClock>,
    asked: AtomicU32,
}

impl<K: Hash + Eq + Clone> Pace<K> {
    /// So many in this time, which is not none, and up to `burst` at once. Zero counts as one.
    pub(crate) fn new(many: u32, time: Duration, burst: u32) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let each = (time / at_least_one(many).get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        let quota = quota.allow_burst(at_least_one(burst));
        let limiter = RateLimiter::new(quota, HashMapStateStore::default(), TokioClock);
        Self { limiter, asked: AtomicU32::new(0) }
    }

    /// Counts one; when it is too early, counts none and says how long to wait.
    pub(crate) fn may(&self, key: &K) -> Result<(), Duration> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|too_early| too_early.wait_time_from(TokioClock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);

    fn done(pace: &Pace<&'static str>, key: &'static str) -> usize {
        (0..100).take_while(|_| pace.may(&key).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_burst_it_is_so_many_in_a_time_for_each() {
        let pace = Pace::new(10, SECOND, 20);
        assert_eq!((done(&pace, "ada"), done(&pace, "eve")), (20, 20));
        let wait = pace.may(&"ada").unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        advance(wait).await;
        assert_eq!(done(&pace, "ada"), 1);
        advance(SECOND).await;
        assert_eq!(done(&pace, "ada"), 10);
        advance(100 * SECOND).await;
        assert_eq!(done(&pace, "ada"), 20, "not more than a burst is saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_idle_is_forgotten() {
        let pace = Pace::new(10, SECOND, 20);
        for key in 0..FORGET_EVERY - 1 {
            assert!(pace.may(&key).is_ok());
        }
        assert_eq!(pace.limiter.len(), FORGET_EVERY as usize - 1);
        advance(10 * SECOND).await;
        assert!(pace.may(&0).is_ok());
        assert_eq!(pace.limiter.len(), 1);
    }
}
