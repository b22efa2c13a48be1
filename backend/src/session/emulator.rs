//! The session's past, as a page that missed it gets it: a reset, and the last lines that were printed.

use crate::pty::Size;
use shared_protocol::Pos;
use shared_protocol::server::SnapshotScope;
use std::collections::VecDeque;

/// Output that is kept to be shown again, in bytes.
const TAIL_BYTES: usize = 64 * 1024;

/// Resets the terminal (RIS).
const RESET: &[u8] = b"\x1bc";

/// What the emulator has to say after it caught up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CaughtUp {
    /// Answers to terminal queries, to be typed.
    pub answers: Vec<u8>,
    /// The title, when it changed.
    pub title: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Emulator {
    tail: VecDeque<u8>,
    cut: bool,
}

impl Emulator {
    pub(super) fn new(_size: Size, _scrollback: usize) -> Self {
        Self::default()
    }

    /// Output at this place.
    pub(super) fn printed(&mut self, _pos: Pos, bytes: &[u8]) {
        self.tail.extend(bytes);
        let over = self.tail.len().saturating_sub(TAIL_BYTES);
        self.cut |= over > 0;
        self.tail.drain(..over);
    }

    /// Parses what is behind.
    pub(super) fn catch_up(&mut self) -> CaughtUp {
        CaughtUp::default()
    }

    /// The terminal has another size from here on.
    pub(super) fn resize(&mut self, _size: Size) -> CaughtUp {
        self.catch_up()
    }

    /// What restores the screen, and the place in the stream where it stands. `end` is the end of the stream.
    pub(super) fn snapshot(&mut self, _scope: SnapshotScope, end: Pos) -> (Vec<u8>, Pos) {
        let tail = self.tail.make_contiguous();
        // From the start of a line, so that no sequence or character is cut in half.
        let from = memchr::memchr(b'\n', tail).filter(|_| self.cut).map_or(0, |at| at + 1);
        ([RESET, &tail[from..]].concat(), end)
    }
}
