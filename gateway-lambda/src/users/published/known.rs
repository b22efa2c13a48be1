//! When to ask for the platform's keys, and how long to trust the answer. Pure: the time is an argument, and it is the time of
//! day, because a function that sleeps between two events has no other clock that goes on.

use auth_tokens::UserTokenVerifier;
use std::sync::Arc;
use std::time::Duration;

/// Keys are fetched again after this long: so long does a key that the platform has taken back go on serving.
const FRESH: Duration = Duration::from_secs(600);
/// While there are keys, the platform is asked at most once in this time, whatever tokens name.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// While there are none, nobody can be let in: it is asked more often.
const ASK_AGAIN_WITHOUT: Duration = Duration::from_secs(5);
/// Keys that could not be fetched again serve for this long.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// Which keys a token needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Those that there are.
    Any,
    /// Newer ones: the token names a key that is not among them.
    Newer,
}

/// What is known of the platform's keys. Times are since 1970.
#[derive(Debug, Default)]
pub(super) struct Known {
    found: Option<Found>,
    asked_at: Option<Duration>,
}

#[derive(Debug)]
struct Found {
    tokens: Arc<UserTokenVerifier>,
    at: Duration,
}

impl Known {
    /// The keys, unless there are none or they are too old.
    pub(super) fn usable(&self, now: Duration) -> Option<Arc<UserTokenVerifier>> {
        let found = self.found.as_ref()?;
        (now.saturating_sub(found.at) < STALE).then(|| found.tokens.clone())
    }

    /// Whether the platform is to be asked now.
    pub(super) fn is_due(&self, now: Duration, want: Want) -> bool {
        // A clock that was set back proves nothing: it is time.
        let over = |since: Option<Duration>, long: Duration| {
            since.is_none_or(|since| now.checked_sub(since).is_none_or(|age| age >= long))
        };
        if self.usable(now).is_none() {
            return over(self.asked_at, ASK_AGAIN_WITHOUT);
        }
        let old = over(self.found.as_ref().map(|found| found.at), FRESH);
        (old || want == Want::Newer) && over(self.asked_at, ASK_AGAIN)
    }

    /// The platform answered.
    pub(super) fn found(&mut self, tokens: Arc<UserTokenVerifier>, now: Duration) {
        self.found = Some(Found { tokens, at: now });
        self.asked_at = Some(now);
    }

    /// It did not, or not with keys.
    pub(super) fn failed(&mut self, now: Duration) {
        self.asked_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth_tokens::UserKey;

    const START: u64 = 1_800_000_000;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(START + seconds)
    }

    fn found() -> Known {
        let key = UserKey::hs256(&[7; 32]).unwrap();
        let mut known = Known::default();
        known.found(Arc::new(UserTokenVerifier::new(key)), at(0));
        known
    }

    fn due(known: &Known, seconds: u64) -> (bool, bool) {
        (known.is_due(at(seconds), Want::Any), known.is_due(at(seconds), Want::Newer))
    }

    #[test]
    fn nothing_known_is_asked_for_every_five_seconds() {
        let mut known = Known::default();
        assert_eq!(due(&known, 0), (true, true));
        known.failed(at(0));
        assert_eq!(due(&known, 4), (false, false));
        assert_eq!(due(&known, 5), (true, true));
        assert!(known.usable(at(5)).is_none());
    }

    #[test]
    fn known_keys_are_asked_for_when_old_and_for_unknown_names_once_a_minute() {
        let mut known = found();
        assert_eq!(due(&known, 59), (false, false));
        assert_eq!(due(&known, 60), (false, true));
        assert_eq!(due(&known, 600), (true, true));
        known.failed(at(600));
        assert_eq!(due(&known, 659), (false, false));
        assert_eq!(due(&known, 660), (true, true));
    }

    #[test]
    fn old_keys_serve_for_a_day_and_then_no_longer() {
        let mut known = found();
        let day = 24 * 3600;
        known.failed(at(day - 3));
        assert!(known.usable(at(day - 1)).is_some());
        assert!(known.usable(at(day)).is_none());
        assert_eq!(due(&known, day + 1), (false, false));
        assert_eq!(due(&known, day + 2), (true, true));
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let mut known = found();
        let before = at(0) - Duration::from_secs(7200);
        assert!(known.usable(before).is_some() && known.is_due(before, Want::Newer));
        known.failed(before);
        assert!(!known.is_due(before + Duration::from_secs(59), Want::Newer));
        assert!(known.is_due(before + Duration::from_secs(60), Want::Any));
    }
}
