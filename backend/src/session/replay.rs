//! Replays of messages without a number: until its token has expired, a recorded request of the gateway could be presented again.
//! Pure: the time is an argument.

use super::handle::SessionError;
use auth_tokens::LEEWAY_SECONDS;
use shared_protocol::ErrorCode;
use shared_protocol::gateway::TOKEN_SECONDS;
use std::collections::VecDeque;

/// Messages of one connection that are remembered: twelve a second, for as long as a token holds. A bound of each connection, so
/// that none uses up the room of another.
const MAX_REMEMBERED: usize = 1000;

/// Longest time from the first use of a token to its end, in ms: it may come from a clock that is ahead by the leeway, and holds
/// for the leeway after its expiry.
const REMEMBERED_MS: u64 = (TOKEN_SECONDS + 2 * LEEWAY_SECONDS) * 1000;

/// The latest messages without a number of one connection, oldest first: the end of each one's time here, in ms of the steady
/// scale, and the id of its request.
#[derive(Debug, Default)]
pub(super) struct ReplayGuard(VecDeque<(u64, String)>);

impl ReplayGuard {
    /// Remembers a message. Refuses one that came before, and any beyond [`MAX_REMEMBERED`]: one that is not remembered could be
    /// replayed.
    pub(super) fn admit(&mut self, id: &str, steady_ms: u64) -> Result<(), SessionError> {
        while self.0.front().is_some_and(|(until, _)| *until <= steady_ms) {
            self.0.pop_front();
        }
        if self.0.iter().any(|(_, known)| known == id) {
            let text = "this request was received before; its message counts once";
            return Err(SessionError::new(ErrorCode::Forbidden, text));
        }
        if self.0.len() >= MAX_REMEMBERED {
            let text = format!("more than {MAX_REMEMBERED} messages without a number; wait, or attach and number them");
            return Err(SessionError::new(ErrorCode::RateLimited, text));
        }
        self.0.push_back((steady_ms + REMEMBERED_MS, id.to_owned()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(admitted: Result<(), SessionError>) -> Option<ErrorCode> {
        admitted.err().map(|error| error.code)
    }

    #[test]
    fn a_request_counts_once_until_its_token_has_expired_by_any_clock() {
        let mut guard = ReplayGuard::default();
        assert_eq!(refusal(guard.admit("a", 5)), None);
        assert_eq!(refusal(guard.admit("b", 5)), None, "another request");
        for at in [5, 6, 5 + REMEMBERED_MS - 1] {
            assert_eq!(refusal(guard.admit("a", at)), Some(ErrorCode::Forbidden), "{at}");
        }
        assert_eq!(REMEMBERED_MS, 80_000, "60 s, and 10 s that each clock may be wrong");
        assert_eq!(refusal(guard.admit("c", 5 + REMEMBERED_MS)), None);
        assert_eq!(guard.0.len(), 1, "the others are forgotten");
    }

    #[test]
    fn beyond_the_bound_messages_are_refused_and_none_is_forgotten_early() {
        let mut guard = ReplayGuard::default();
        for n in 0..MAX_REMEMBERED {
            assert_eq!(refusal(guard.admit(&n.to_string(), n as u64)), None);
        }
        let full = MAX_REMEMBERED as u64;
        assert_eq!(refusal(guard.admit("one more", full)), Some(ErrorCode::RateLimited));
        assert_eq!(refusal(guard.admit("0", full)), Some(ErrorCode::Forbidden), "the first is still known");
        assert_eq!(refusal(guard.admit("one more", REMEMBERED_MS)), None, "the first has made room");
    }
}
