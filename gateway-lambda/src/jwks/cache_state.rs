//! State of the key cache: decides when a fetch is due and how long keys are usable. Pure: the time is an argument. It is the
//! time of day, the only clock that runs on while the function is frozen.

use auth_tokens::UserTokenVerifier;
use std::sync::Arc;
use std::time::Duration;

/// Age at which keys are fetched again. A key that the platform withdraws stays valid this long.
const REFRESH_INTERVAL: Duration = Duration::from_secs(600);
/// Shortest time between two fetches while there are usable keys.
const MIN_FETCH_INTERVAL: Duration = Duration::from_secs(60);
/// Shortest time between two fetches without usable keys, when no user can connect.
const MIN_FETCH_INTERVAL_WITHOUT_KEYS: Duration = Duration::from_secs(5);
/// Age at which keys that could not be fetched again become unusable.
const MAX_KEY_AGE: Duration = Duration::from_secs(24 * 3600);

/// Keys that a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Any usable keys.
    Cached,
    /// Newer keys than the cached ones: a token names an unknown key.
    Newer,
}

/// Cached keys and the last fetch. Times are since 1970.
#[derive(Debug, Default)]
pub(super) struct CacheState {
    /// Keys of the last successful fetch, and its time.
    keys: Option<(Arc<UserTokenVerifier>, Duration)>,
    /// Time of the last fetch, successful or not.
    last_fetch: Option<Duration>,
}

impl CacheState {
    /// The keys, if there are any that are not too old.
    pub(super) fn usable(&self, now: Duration) -> Option<Arc<UserTokenVerifier>> {
        let (tokens, fetched_at) = self.keys.as_ref()?;
        (now.saturating_sub(*fetched_at) < MAX_KEY_AGE).then(|| tokens.clone())
    }

    pub(super) fn is_due(&self, now: Duration, freshness: Freshness) -> bool {
        // True too if the clock was set back, when the age is unknown.
        let elapsed = |since: Option<Duration>, interval: Duration| {
            since.is_none_or(|since| now.checked_sub(since).is_none_or(|age| age >= interval))
        };
        if self.usable(now).is_none() {
            return elapsed(self.last_fetch, MIN_FETCH_INTERVAL_WITHOUT_KEYS);
        }
        let old = elapsed(self.keys.as_ref().map(|(_, fetched_at)| *fetched_at), REFRESH_INTERVAL);
        (old || freshness == Freshness::Newer) && elapsed(self.last_fetch, MIN_FETCH_INTERVAL)
    }

    pub(super) fn fetched(&mut self, tokens: Arc<UserTokenVerifier>, now: Duration) {
        self.keys = Some((tokens, now));
        self.last_fetch = Some(now);
    }

    pub(super) fn failed(&mut self, now: Duration) {
        self.last_fetch = Some(now);
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

    fn fetched() -> CacheState {
        let key = UserKey::hs256(&[7; 32]).unwrap();
        let mut state = CacheState::default();
        state.fetched(Arc::new(UserTokenVerifier::new(key)), at(0));
        state
    }

    fn due(state: &CacheState, seconds: u64) -> (bool, bool) {
        (state.is_due(at(seconds), Freshness::Cached), state.is_due(at(seconds), Freshness::Newer))
    }

    #[test]
    fn without_keys_a_fetch_is_due_every_five_seconds() {
        let mut state = CacheState::default();
        assert_eq!(due(&state, 0), (true, true));
        state.failed(at(0));
        assert_eq!(due(&state, 4), (false, false));
        assert_eq!(due(&state, 5), (true, true));
        assert!(state.usable(at(5)).is_none());
    }

    #[test]
    fn with_keys_a_fetch_is_due_when_old_or_once_a_minute_for_an_unknown_key() {
        let mut state = fetched();
        assert_eq!(due(&state, 59), (false, false));
        assert_eq!(due(&state, 60), (false, true));
        assert_eq!(due(&state, 600), (true, true));
        state.failed(at(600));
        assert_eq!(due(&state, 659), (false, false));
        assert_eq!(due(&state, 660), (true, true));
    }

    #[test]
    fn old_keys_are_usable_for_a_day() {
        let mut state = fetched();
        let day = 24 * 3600;
        state.failed(at(day - 3));
        assert!(state.usable(at(day - 1)).is_some());
        assert!(state.usable(at(day)).is_none());
        assert_eq!(due(&state, day + 1), (false, false));
        assert_eq!(due(&state, day + 2), (true, true));
    }

    #[test]
    fn a_clock_that_is_set_back_locks_no_user_out() {
        let mut state = fetched();
        let before = at(0) - Duration::from_secs(7200);
        assert!(state.usable(before).is_some() && state.is_due(before, Freshness::Newer));
        state.failed(before);
        assert!(!state.is_due(before + Duration::from_secs(59), Freshness::Newer));
        assert!(state.is_due(before + Duration::from_secs(60), Freshness::Cached));
    }
}
