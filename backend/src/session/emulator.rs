//! The session's own emulator, in step with its stream: it answers what programs ask the terminal, and turns the past into a
//! snapshot. It parses behind the frames, so that an echo never waits for it.

use crate::terminal::Size;
use shared_protocol::Pos;
use shared_protocol::server::SnapshotScope;
use std::collections::VecDeque;
use vt::{Scope, Screen};

/// What the emulator has to say after it caught up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CaughtUp {
    /// Answers to terminal queries, to be typed.
    pub answers: Vec<u8>,
    /// The title, when it changed.
    pub title: Option<String>,
}

pub(super) struct Emulator {
    screen: Screen,
    scrollback: usize,
    /// Output that is logged and not parsed yet, with its places.
    behind: VecDeque<(Pos, Vec<u8>)>,
    /// Place of the first byte that is held back because its sequence or character is not complete.
    held_from: Option<Pos>,
}

impl Emulator {
    pub(super) fn new(size: Size, scrollback: usize) -> Self {
        let screen = Screen::new(size.cols, size.rows, scrollback);
        Self { screen, scrollback, behind: VecDeque::new(), held_from: None }
    }

    /// Output at this place.
    pub(super) fn printed(&mut self, pos: Pos, bytes: &[u8]) {
        match self.behind.back_mut() {
            Some((start, last)) if start.after(last.len() as u64) == pos => last.extend_from_slice(bytes),
            _ => self.behind.push_back((pos, bytes.to_vec())),
        }
    }

    /// Parses what is behind.
    pub(super) fn catch_up(&mut self) -> CaughtUp {
        if self.behind.is_empty() {
            return CaughtUp::default();
        }
        let mut answers = Vec::new();
        for (pos, bytes) in self.behind.drain(..) {
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

    /// The terminal has another size from here on.
    pub(super) fn resize(&mut self, size: Size) -> CaughtUp {
        let caught_up = self.catch_up();
        self.screen.resize(size.cols, size.rows);
        caught_up
    }

    /// What the screen shows, as lines that any terminal can print.
    pub(super) fn render_visible(&self) -> Vec<u8> {
        self.screen.render_visible()
    }

    /// What restores the screen, and the place in the stream where it stands. `end` is the end of the stream.
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
    fn a_snapshot_stands_before_what_is_not_complete() {
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
        let said = emulator.catch_up();
        assert_eq!((said.answers.as_slice(), said.title.as_deref()), (&b"\x1b[1;3R"[..], Some("hello")));
        assert_eq!(emulator.catch_up(), CaughtUp::default());
    }
}
