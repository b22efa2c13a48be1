//! Throttling of the whole account: the one fault of posts whose state all connections share.

use super::plan::{DurationRange, PostPlan};
use super::rng::Draw;
use parking_lot::Mutex;
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::time::Instant;

/// Default length of a throttled time.
const THROTTLE_FOR: DurationRange = DurationRange::millis(0, 1000);

/// Posts of the current second.
#[derive(Debug)]
pub(super) struct Rate(Mutex<(Instant, u64)>);

impl Rate {
    pub(super) fn new() -> Self {
        Self(Mutex::new((Instant::now(), 0)))
    }

    /// Counts a post, and returns true if it exceeds the limit in the current second.
    pub(super) fn exceeds(&self, limit: NonZeroU64) -> bool {
        let mut second = self.0.lock();
        if second.0.elapsed() >= Duration::from_secs(1) {
            *second = (Instant::now(), 0);
        }
        second.1 += 1;
        second.1 > limit.get()
    }
}

#[derive(Debug)]
pub(super) struct Account {
    /// End of the time in which every post is refused.
    throttled_until: Mutex<Option<Instant>>,
    /// Posts of all connections.
    rate: Rate,
}

impl Account {
    pub(super) fn new() -> Self {
        Self { throttled_until: Mutex::default(), rate: Rate::new() }
    }

    /// Ends a throttled time.
    pub(super) fn reset(&self) {
        *self.throttled_until.lock() = None;
    }

    /// Returns the fault that refuses a post. The post may begin a throttled time, if it has random numbers.
    pub(super) fn refusal(&self, plan: &PostPlan, draw: Option<&mut Draw>) -> Option<&'static str> {
        let length = draw.and_then(|draw| {
            let set = plan.account_throttle_for;
            let range = if set == DurationRange::default() { THROTTLE_FOR } else { set };
            let (begins, length) = (draw.hits(plan.account_throttle), draw.within(range));
            begins.then_some(length)
        });
        let now = Instant::now();
        let mut until = self.throttled_until.lock();
        let is_throttled = until.is_some_and(|until| now < until);
        if !is_throttled && let Some(length) = length {
            *until = Some(now + length);
        }
        if is_throttled || length.is_some() {
            return Some("account-throttle");
        }
        plan.account_rate.is_some_and(|rate| self.rate.exceeds(rate)).then_some("account-rate")
    }
}

#[cfg(test)]
mod tests {
    use super::super::rng::{Decision, SeededRng};
    use super::*;
    use crate::faults::FaultPlan;

    #[tokio::test(start_paused = true)]
    async fn every_post_is_refused_for_a_time() {
        let account = Account::new();
        let refusal = |plan: &str, draws: bool| {
            let plan: FaultPlan = plan.parse().unwrap();
            let mut draw = draws.then(|| SeededRng(1).draw(Decision::Outbound, 1, 1));
            account.refusal(&plan.posts, draw.as_mut())
        };
        let (begin, wait) = ("account-throttle=1,account-throttle-for=500", "account-throttle=1e-9");
        assert_eq!(refusal(begin, false), None, "only a post to a client begins it");
        assert_eq!(refusal(begin, true), Some("account-throttle"));
        for (millis, expected) in [(499, Some("account-throttle")), (1, None)] {
            tokio::time::advance(Duration::from_millis(millis)).await;
            assert_eq!([refusal(wait, true), refusal(wait, false)], [expected; 2], "{millis}");
        }
        refusal(begin, true);
        account.reset();
        assert_eq!(refusal(wait, true), None);
    }

    #[tokio::test(start_paused = true)]
    async fn posts_beyond_the_accounts_rate_are_refused() {
        let account = Account::new();
        let plan: FaultPlan = "account-rate=2".parse().unwrap();
        for _ in 0..2 {
            let refusals = [(); 3].map(|()| account.refusal(&plan.posts, None));
            assert_eq!(refusals, [None, None, Some("account-rate")]);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }
}
