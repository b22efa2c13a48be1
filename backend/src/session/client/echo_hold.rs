//! Output that may wait: the echo of keys that the client's page shows already. Several then share a frame, and so do their
//! acknowledgements (ADR 18). Pure: what was typed and what would be sent are arguments.

use shared_protocol::limits::ECHO_HOLD;
use std::time::Duration;
use tokio::time::Instant;

/// Time for which a key's echo is waited for, so that no frame acknowledges a key without its effect. Later, what there is leaves:
/// the page may have shown something wrong.
const ECHO_DELAY: Duration = Duration::from_millis(100);

/// Most bytes whose echo is waited for: more than a person types within [`ECHO_HOLD`].
const MAX_BYTES: usize = 64;

/// Keys without an echo on its way, and how long that may wait.
#[derive(Debug, Default)]
pub(in crate::session) struct EchoHold {
    /// Bytes of the echo that the page shows, in the order of typing: all since the last frame, up to a key that it does not show.
    expected: Vec<u8>,
    /// True if such a key follows: any more output leaves with the echo.
    is_closed: bool,
    /// Time at which the first and the last of these keys were typed; `None` while there are none.
    typed: Option<(Instant, Instant)>,
    /// End of the present wait; `None` while nothing waits.
    until: Option<Instant>,
}

impl EchoHold {
    /// Takes keys that were typed. Behind those that the page does not show, or that are not characters, no echo is known.
    pub(in crate::session) fn typed(&mut self, keys: &[u8], predicted: bool, now: Instant) {
        let are_characters = std::str::from_utf8(keys).is_ok_and(|text| !text.chars().any(char::is_control));
        let is_known = predicted && are_characters && self.expected.len() + keys.len() <= MAX_BYTES;
        if is_known && !self.is_closed {
            self.expected.extend_from_slice(keys);
        } else if !self.expected.is_empty() {
            self.is_closed = true;
        } else {
            return;
        }
        let (first, _) = self.typed.unwrap_or((now, now));
        self.typed = Some((first, now));
    }

    /// Ends the wait: a frame leaves, or must.
    pub(in crate::session) fn end(&mut self) {
        // Keeps the memory of the keys: a typist needs it again at once.
        self.expected.clear();
        (self.is_closed, self.typed, self.until) = (false, None, None);
    }

    /// Decides anew: true if this many bytes of output may be the echo that is waited for.
    pub(in crate::session) fn may_hold(&mut self, bytes: u64) -> bool {
        self.until = None;
        (1..=self.expected.len() as u64).contains(&bytes)
    }

    /// True if the unsent output is nothing but the echo of such keys, and may wait for that of further ones.
    pub(in crate::session) fn holds(&mut self, unsent: &[u8], now: Instant) -> bool {
        let Some((first, last)) = self.typed.filter(|_| !unsent.is_empty() && self.expected.starts_with(unsent)) else {
            self.end();
            return false;
        };
        let all = first + ECHO_HOLD;
        let is_missing = self.is_closed || unsent.len() < self.expected.len();
        let until = if is_missing { (last + ECHO_DELAY).min(all + ECHO_DELAY) } else { all };
        self.until = (now < until).then_some(until);
        self.until.is_some()
    }

    /// End of the present wait.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn typed(keys: &str) -> (EchoHold, Instant) {
        let (mut hold, now) = (EchoHold::default(), Instant::now());
        hold.typed(keys.as_bytes(), true, now);
        (hold, now)
    }

    #[test]
    fn an_echo_waits_from_the_first_key_on_and_no_longer() {
        let (mut hold, now) = typed("l");
        assert!(hold.holds(b"l", now + MS));
        hold.typed(b"s", true, now + 200 * MS);
        assert!(hold.holds(b"ls", now + 499 * MS));
        assert_eq!(hold.until(), Some(now + ECHO_HOLD));
        assert!(!hold.holds(b"ls", now + ECHO_HOLD));
        assert_eq!(hold.until(), None);
    }

    #[test]
    fn anything_but_the_echo_leaves_at_once() {
        for output in ["x", "lx", "l\x1b[m", "ls", "\x07", "*"] {
            let (mut hold, now) = typed("l");
            assert!(!hold.holds(output.as_bytes(), now), "{output:?}");
            assert!(!hold.holds(b"l", now), "nor does the rest wait");
        }
    }

    #[test]
    fn a_missing_echo_is_waited_for_no_longer_than_its_time() {
        let (mut hold, now) = typed("ls");
        assert!(hold.holds(b"l", now + 99 * MS));
        assert_eq!(hold.until(), Some(now + ECHO_DELAY));
        assert!(!hold.holds(b"l", now + ECHO_DELAY));
        assert!(hold.may_hold(1) && hold.may_hold(2) && !hold.may_hold(0) && !hold.may_hold(3));
        // A key that came just before the end is not acknowledged without its echo.
        let (mut hold, now) = typed("l");
        hold.typed(b"s", true, now + 499 * MS);
        assert!(hold.holds(b"l", now + 550 * MS) && !hold.holds(b"ls", now + 551 * MS));
    }

    #[test]
    fn slow_echoes_of_a_quick_typist_do_not_wait_for_ever() {
        let (mut hold, now) = typed("l");
        for ms in [90, 180, 270, 360, 450, 540] {
            hold.typed(b"l", true, now + ms * MS);
            assert!(hold.holds(b"l", now + ms * MS));
        }
        assert_eq!(hold.until(), Some(now + ECHO_HOLD + ECHO_DELAY));
    }

    #[test]
    fn behind_a_key_that_is_not_shown_any_output_leaves() {
        let many = "x".repeat(MAX_BYTES);
        for (keys, predicted) in [("s", false), ("\r", true), ("\x1b[A", true), ("\u{7f}", true), (many.as_str(), true)]
        {
            let (mut hold, now) = typed("l");
            hold.typed(keys.as_bytes(), predicted, now + MS);
            hold.typed(b"s", true, now + 2 * MS);
            assert!(hold.holds(b"l", now + 2 * MS), "its effect takes the echo along");
            assert_eq!(hold.until(), Some(now + 2 * MS + ECHO_DELAY));
            assert!(!hold.may_hold(2) && !hold.holds(b"ls", now + 2 * MS), "{keys:?}");
        }
        let (mut hold, now) = typed("");
        hold.typed(b"\r", false, now);
        hold.typed(b"l", true, now);
        assert!(hold.holds(b"l", now), "before the first such key, others change nothing");
        let (mut hold, now) = typed("l");
        hold.typed(&[0xff], true, now);
        assert!(!hold.holds(b"l\xff", now), "bytes that are no text");
    }

    #[test]
    fn a_character_of_several_bytes_waits_too() {
        let (mut hold, now) = typed("é日");
        assert!(hold.holds("é日".as_bytes(), now));
        hold.end();
        assert!(!hold.may_hold(1));
    }
}
