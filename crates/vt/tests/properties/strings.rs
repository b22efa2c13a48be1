//! Properties of control strings (titles, marks, the clipboard, queries) of any length. A file of its own, because the fuzzer
//! includes it.

use crate::snapshots::{FULL, shown};
use vt::Screen;

/// Most that is held back, in bytes.
const MAX_PENDING_BYTES: usize = 64 * 1024;
/// Most that waits as an answer, in bytes, and the longest answer.
const MAX_REPLY_BYTES: usize = 16 * 1024 + 4096;

/// Fed in pieces of this many bytes it is bounded at any time, types nothing, and comes to the same as in one piece.
pub(crate) fn holds(output: &[u8], step: usize) {
    let (mut cut, mut replies) = (Screen::new(20, 4, 100), Vec::new());
    for piece in output.chunks(step.max(1)) {
        cut.feed(piece, &mut replies);
        assert!(cut.pending_bytes() <= MAX_PENDING_BYTES && replies.len() <= MAX_REPLY_BYTES);
    }
    types_nothing(&replies);
    let (mut whole, mut at_once) = (Screen::new(20, 4, 100), Vec::new());
    whole.feed(output, &mut at_once);
    assert_eq!(at_once, replies);
    assert_eq!((cut.pending_bytes(), shown(&cut, FULL)), (whole.pending_bytes(), shown(&whole, FULL)));
    let title = whole.take_title();
    assert_eq!(cut.take_title(), title);
    if let Some(title) = title {
        assert!(title.chars().count() <= 256 && !title.chars().any(char::is_control), "{title:?}");
    }
    // After a reset, the terminal shows new output in any case.
    whole.feed(b"\x18\x1b\\\x1bcnew", &mut Vec::new());
    assert_eq!((whole.text().lines().next(), whole.pending_bytes()), (Some("new"), 0));
}

/// An answer reaches the shell as if it had been typed: it ends no line, presses no key, and gives away no clipboard.
fn types_nothing(replies: &[u8]) {
    let text = std::str::from_utf8(replies).expect("an answer is text");
    assert!(text.chars().all(|c| matches!(c, ' '..='~' | '\x1b' | '\x07')), "{text:?}");
    assert!(!text.contains("\x1b]52"), "{text:?}");
    let begins = |part: &str| part.starts_with(['[', ']', 'P', '\\']);
    assert!(text.split('\x1b').skip(1).all(begins) && text.split('\x1b').next() == Some(""), "{text:?}");
}
