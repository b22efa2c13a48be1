//! The session's terminal emulator: it answers queries of programs, and makes snapshots. It parses output after the frames
//! went out, so that an echo never waits for it.

use crate::terminal::Size;
use shared_protocol::Pos;
use shared_protocol::server::SnapshotScope;
use std::collections::VecDeque;
use vt::{Scope, Screen};

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CaughtUp {
    /// Replies to queries, to be written to the terminal.
    pub answers: Vec<u8>,
    /// New title, if it changed.
    pub title: Option<String>,
}

/// An emulator that lags behind the log by `pending`.
pub(super) struct Emulator {
    pub(super) screen: Screen,
    /// Lines of scrollback in a full snapshot.
    scrollback: usize,
    /// Output that was logged and not parsed, with its positions.
    pending: VecDeque<(Pos, Vec<u8>)>,
    /// Position of the first byte of an incomplete sequence or character, if the output ends with one.
    held_from: Option<Pos>,
}

impl Emulator {
    pub(super) fn new(size: Size, scrollback: usize) -> Self {
        let screen = Screen::new(size.cols, size.rows, scrollback);
        Self { screen, scrollback, pending: VecDeque::new(), held_from: None }
    }

    pub(super) fn printed(&mut self, pos: Pos, bytes: &[u8]) {
        match self.pending.back_mut() {
            Some((start, last)) if start.after(last.len() as u64) == pos => last.extend_from_slice(bytes),
            _ => self.pending.push_back((pos, bytes.to_vec())),
        }
    }

    pub(super) fn catch_up(&mut self) -> CaughtUp {
        if self.pending.is_empty() {
            return CaughtUp::default();
        }
        let mut answers = Vec::new();
        for (pos, bytes) in self.pending.drain(..) {
            self.screen.feed(&bytes, &mut answers);
            let (end, length) = (pos.after(bytes.len() as u64), bytes.len() as u64);
            self.held_from = match self.screen.pending_bytes() as u64 {
                0 => None,
                held if held <= length => Some(Pos(end.0 - held)),
                // It began in an earlier piece.
                _ => self.held_from,
            };
        }
        CaughtUp { answers, title: self.screen.take_title() }
    }

    /// Parses the pending output, then changes the size.
    pub(super) fn resize(&mut self, size: Size) -> CaughtUp {
        let caught_up = self.catch_up();
        self.screen.resize(size.cols, size.rows);
        caught_up
    }

    /// The bytes that restore the screen, and their position in the stream, which ends at `end`.
    pub(super) fn snapshot(&self, scope: SnapshotScope, end: Pos) -> (Vec<u8>, Pos) {
        let scope = match scope {
            SnapshotScope::Full => Scope::Full { scrollback: self.scrollback },
            SnapshotScope::Screen => Scope::Screen,
        };
        (self.screen.snapshot(scope), self.held_from.unwrap_or(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { cols: 20, rows: 4 };

    #[test]
    fn a_snapshot_stands_before_an_incomplete_sequence() {
        let mut emulator = Emulator::new(SIZE, 10);
        emulator.printed(Pos(0), b"ab\x1b[3");
        emulator.catch_up();
        assert_eq!(emulator.snapshot(SnapshotScope::Full, Pos(5)).1, Pos(2));
        // An event stands between the two halves.
        emulator.printed(Pos(6), b"1");
        emulator.catch_up();
        assert_eq!(emulator.snapshot(SnapshotScope::Full, Pos(7)).1, Pos(2));
        emulator.printed(Pos(7), b"m");
        emulator.catch_up();
        assert_eq!(emulator.snapshot(SnapshotScope::Full, Pos(9)).1, Pos(9), "an event at the end is part of the past");
    }

    #[test]
    fn queries_are_answered_and_titles_told() {
        let mut emulator = Emulator::new(SIZE, 10);
        emulator.printed(Pos(0), b"ab\x1b[6n\x1b]2;hello\x07");
        let caught_up = emulator.catch_up();
        assert_eq!((caught_up.answers.as_slice(), caught_up.title.as_deref()), (&b"\x1b[1;3R"[..], Some("hello")));
        assert_eq!(emulator.catch_up(), CaughtUp::default());
    }
}
