//! Limits of retries: API Gateway counts every post of the account, so retries must not multiply what made it refuse.

use crate::clock::RandomSource;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Shortest pause after a refused post; doubles up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause after a refused post.
const MAX_PAUSE: Duration = Duration::from_millis(800);
/// Refused posts of this many members within [`ACCOUNT_WINDOW`], in which none was taken, are no matter of slow browsers.
const ACCOUNT_MEMBERS: usize = 3;
/// Time within which the refusals of several members count together, and a post that was taken outweighs them.
const ACCOUNT_WINDOW: Duration = Duration::from_millis(200);
/// Retries that the first posts may need.
const START_RETRIES: u32 = 10;
/// Posts that earn one retry.
const POSTS_PER_RETRY: u32 = 10;

/// Pause before retry number `retries`, from 0.
pub(super) fn pause(retries: u32) -> Duration {
    MIN_PAUSE.saturating_mul(2_u32.saturating_pow(retries)).min(MAX_PAUSE)
}

/// A random part of `most`.
pub(super) fn random_part(random: &dyn RandomSource, most: Duration) -> Duration {
    most.mul_f64(f64::from(u32::from_le_bytes(random.bytes())) / f64::from(u32::MAX))
}

/// Retries that are left, in parts of a retry that one post earns.
pub(super) struct RetryBudget(u32);

impl RetryBudget {
    pub(super) fn new() -> Self {
        Self(START_RETRIES * POSTS_PER_RETRY)
    }

    /// Counts a post that is no retry.
    pub(super) fn earn(&mut self) {
        self.0 = self.0.saturating_add(1);
    }

    /// Takes one retry; false if none is left.
    pub(super) fn take(&mut self) -> bool {
        let left = self.0.checked_sub(POSTS_PER_RETRY);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

/// Finds out when API Gateway refuses posts of the whole account, and then lets one post try after each pause.
#[derive(Default)]
pub(super) struct AccountThrottle {
    /// Times and members of the last refusals.
    refusals: VecDeque<(Instant, u64)>,
    /// Time at which a post was taken last.
    taken_at: Option<Instant>,
    /// Pauses so far; 0 while posts are taken.
    pauses: u32,
    /// End of the pause.
    resumes_at: Option<Instant>,
    /// Member whose post is the probe.
    probe: Option<u64>,
}

impl AccountThrottle {
    pub(super) fn is_on(&self) -> bool {
        self.pauses > 0
    }

    /// End of the pause, while it lasts.
    pub(super) fn resumes_at(&self) -> Option<Instant> {
        self.resumes_at
    }

    /// True if a post may begin: any, or the probe. `slow` is true for a member whose last post was refused: only it waits for
    /// the end of the pause, because its own refusals may be all that there is.
    pub(super) fn may_begin(&self, slow: bool, now: Instant) -> bool {
        !self.is_on() || (self.probe.is_none() && (!slow || self.resumes_at.is_none_or(|at| at <= now)))
    }

    /// Counts a post that begins. During a pause it is the probe.
    pub(super) fn begin(&mut self, member: u64) {
        if self.is_on() {
            self.probe = Some(member);
            self.resumes_at = None;
        }
    }

    /// Counts a post that API Gateway took or refused for another reason: the account has requests left.
    pub(super) fn taken(&mut self, member: u64, now: Instant) {
        if !self.is_on() || self.probe == Some(member) {
            let refusals = std::mem::take(&mut self.refusals);
            *self = Self { refusals, taken_at: Some(now), ..Self::default() };
        }
    }

    /// Counts a refused post. One of a member whose last post was refused too, `again`, says nothing about the account: a relay
    /// may be left with those whose browsers read too slowly, when the others have moved to its successor.
    pub(super) fn refused(&mut self, member: u64, again: bool, now: Instant, random: &dyn RandomSource) {
        if self.is_on() {
            return self.probe_failed(member, now, random);
        }
        if again {
            return;
        }
        self.refusals.retain(|(at, other)| *other != member && now.duration_since(*at) <= ACCOUNT_WINDOW);
        self.refusals.push_back((now, member));
        let was_taken = self.taken_at.is_some_and(|at| now.duration_since(at) <= ACCOUNT_WINDOW);
        if self.refusals.len() >= ACCOUNT_MEMBERS && !was_taken {
            self.refusals.clear();
            self.pause(now, random);
        }
    }

    /// Counts a post without an answer: it proves nothing, so a probe is repeated.
    pub(super) fn probe_failed(&mut self, member: u64, now: Instant, random: &dyn RandomSource) {
        if self.probe == Some(member) {
            self.probe = None;
            self.pause(now, random);
        }
    }

    fn pause(&mut self, now: Instant, random: &dyn RandomSource) {
        let pause = pause(self.pauses);
        // Other relays of the account pause too, and must not return together.
        self.resumes_at = Some(now + pause / 2 + random_part(random, pause / 2));
        self.pauses += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<_> = (0..7).map(|retries| pause(retries).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 800, 800]);
    }

    #[test]
    fn ten_posts_earn_a_retry() {
        let mut budget = RetryBudget::new();
        assert_eq!((0..20).filter(|_| budget.take()).count(), 10);
        (0..19).for_each(|_| budget.earn());
        assert_eq!((0..20).filter(|_| budget.take()).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn three_members_within_the_window_pause_everything() {
        let (at, ms) = (Instant::now(), Duration::from_millis);
        for (refusals, on) in [
            (vec![(1, 0), (2, 100), (3, 200)], true),
            (vec![(1, 0), (2, 100), (3, 201)], false),
            (vec![(1, 0), (1, 50), (2, 100), (2, 150)], false),
        ] {
            let mut throttle = AccountThrottle::default();
            refusals
                .iter()
                .for_each(|(member, after)| throttle.refused(*member, false, at + ms(*after), &SystemRandom));
            assert_eq!(throttle.is_on(), on, "{refusals:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_beside_posts_that_are_taken_pause_no_other_member() {
        let (mut throttle, now) = (AccountThrottle::default(), Instant::now());
        for member in 1..50 {
            throttle.refused(member, false, now, &SystemRandom);
            throttle.refused(member + 100, false, now, &SystemRandom);
            throttle.taken(1000, now);
        }
        (1..50).for_each(|member| throttle.refused(member, false, now + ACCOUNT_WINDOW, &SystemRandom));
        assert!(!throttle.is_on());
        throttle.refused(1, false, now + ACCOUNT_WINDOW + Duration::from_millis(1), &SystemRandom);
        assert!(throttle.is_on(), "nothing was taken for long");
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_follows_each_pause_and_its_success_ends_them() {
        let mut now = Instant::now();
        let mut throttle = AccountThrottle::default();
        (1..=3).for_each(|member| throttle.refused(member, false, now, &SystemRandom));
        for pause in [50, 100, 200, 400, 800, 800] {
            let resumes_at = throttle.resumes_at().unwrap();
            let took = resumes_at - now;
            assert!((Duration::from_millis(pause / 2)..=Duration::from_millis(pause)).contains(&took), "{took:?}");
            assert!(!throttle.may_begin(true, now) && throttle.may_begin(true, resumes_at));
            assert!(throttle.may_begin(false, now), "a member that was not refused tries at once");
            now = resumes_at;
            throttle.begin(4);
            assert!(!throttle.may_begin(false, now), "one probe at a time");
            throttle.refused(9, false, now, &SystemRandom);
            throttle.taken(9, now);
            assert!(!throttle.may_begin(false, now), "a post from before the pause proves nothing");
            throttle.refused(4, false, now, &SystemRandom);
        }
        throttle.begin(4);
        throttle.taken(4, now);
        assert!(!throttle.is_on() && throttle.may_begin(true, now));
    }
}
