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
    const DAY: i64 = 24 * 3600;

    fn at(seconds: i64) -> Duration {
        Duration::from_secs(START.saturating_add_signed(seconds))
    }

    /// Each row: the state, the time of a later failed fetch, the time, whether the keys are usable, and whether a fetch is due
    /// for cached and for newer keys.
    #[test]
    fn fetches_are_due_and_keys_are_usable() {
        let (none, some) = (false, true);
        for (name, keys, failed, time, usable, due) in [
            ("at the start", none, None, 0, false, (true, true)),
            ("soon after a failure", none, Some(0), 4, false, (false, false)),
            ("five seconds after a failure", none, Some(0), 5, false, (true, true)),
            ("fresh keys", some, None, 59, true, (false, false)),
            ("keys of a minute", some, None, 60, true, (false, true)),
            ("old keys", some, None, 600, true, (true, true)),
            ("old keys, soon after a failure", some, Some(600), 659, true, (false, false)),
            ("old keys, a minute after a failure", some, Some(600), 660, true, (true, true)),
            ("keys of almost a day", some, Some(DAY - 3), DAY - 1, true, (false, false)),
            ("keys of a day", some, Some(DAY - 3), DAY, false, (false, false)),
            ("keys of a day, soon after a failure", some, Some(DAY - 3), DAY + 1, false, (false, false)),
            ("keys of a day, five seconds after a failure", some, Some(DAY - 3), DAY + 2, false, (true, true)),
            ("a clock that is set back", some, None, -7200, true, (true, true)),
            ("the same, soon after a failure", some, Some(-7200), -7141, true, (false, false)),
            ("the same, a minute after a failure", some, Some(-7200), -7140, true, (true, true)),
        ] {
            let mut state = CacheState::default();
            if keys {
                state.fetched(Arc::new(UserTokenVerifier::new(UserKey::hs256(&[7; 32]).unwrap())), at(0));
            }
            failed.into_iter().for_each(|failed| state.failed(at(failed)));
            assert_eq!(state.usable(at(time)).is_some(), usable, "{name}");
            let is_due = |freshness| state.is_due(at(time), freshness);
            assert_eq!((is_due(Freshness::Cached), is_due(Freshness::Newer)), due, "{name}");
        }
    }
}
