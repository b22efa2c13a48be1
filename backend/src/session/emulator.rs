//! The session's terminal emulator: it answers queries of programs, and makes snapshots. It reads output from the log after the
//! frames went out, so that an echo never waits for it.

use super::output_log::OutputLog;
use crate::terminal::Size;
use shared_protocol::Pos;
use shared_protocol::server::SnapshotScope;
use std::collections::VecDeque;
use vt::{LazyScreen, Scope};

/// Pieces of the output whose positions are remembered. Few sequences are cut by an event, and none by more.
const MAX_PIECES: usize = 16;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CaughtUp {
    /// Replies to queries, to be written to the terminal.
    pub answers: Vec<u8>,
    /// New title, if it changed.
    pub title: Option<String>,
}

/// An emulator that lags behind the log.
pub(super) struct Emulator {
    screen: LazyScreen,
    /// Lines of scrollback in a full snapshot.
    scrollback: usize,
    /// Position up to which the screen has the output.
    read: Pos,
    /// The latest pieces of output between two events, by their positions and lengths: an incomplete sequence begins in one of
    /// them.
    pieces: VecDeque<(Pos, u64)>,
}

impl Emulator {
    pub(super) fn new(size: Size, scrollback: usize) -> Self {
        let screen = LazyScreen::new(size.cols, size.rows, scrollback);
        Self { screen, scrollback, read: Pos(0), pieces: VecDeque::new() }
    }

    /// Reads the output that the log got since the last call. The log must still have all of it.
    pub(super) fn catch_up(&mut self, log: &OutputLog) -> CaughtUp {
        if self.read == log.end() {
            return CaughtUp::default();
        }
        let mut answers = Vec::new();
        for (pos, bytes) in log.bytes_from(self.read) {
            self.screen.feed(bytes, &mut answers);
            self.remember(pos, bytes.len() as u64);
        }
        self.read = log.end();
        CaughtUp { answers, title: self.screen.take_title() }
    }

    fn remember(&mut self, pos: Pos, length: u64) {
        match self.pieces.back_mut() {
            Some((start, known)) if start.after(*known) == pos => *known += length,
            _ => {
                if self.pieces.len() == MAX_PIECES {
                    self.pieces.pop_front();
                }
                self.pieces.push_back((pos, length));
            }
        }
    }

    /// Reads the output so far, then changes the size.
    pub(super) fn resize(&mut self, size: Size, log: &OutputLog) -> CaughtUp {
        let caught_up = self.catch_up(log);
        self.screen.resize(size.cols, size.rows);
        caught_up
    }

    /// The bytes that restore the screen, and their position in the stream: its `end`, or the beginning of an incomplete sequence
    /// or character there.
    pub(super) fn snapshot(&mut self, scope: SnapshotScope, end: Pos) -> (Vec<u8>, Pos) {
        let scope = match scope {
            SnapshotScope::Full => Scope::Full { scrollback: self.scrollback },
            SnapshotScope::Screen => Scope::Screen,
        };
        let screen = self.screen.current();
        let mut held = screen.pending_bytes() as u64;
        let mut begin = end;
        for (pos, length) in self.pieces.iter().rev() {
            if held == 0 {
                break;
            }
            begin = pos.after(length.saturating_sub(held));
            held = held.saturating_sub(*length);
        }
        (screen.snapshot(scope), begin)
    }

    /// The visible screen, as lines that any terminal can print.
    pub(super) fn render_visible(&mut self) -> Vec<u8> {
        self.screen.current().render_visible()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::StreamEvent;

    const SIZE: Size = Size { cols: 20, rows: 4 };

    #[test]
    fn a_snapshot_stands_before_an_incomplete_sequence() {
        let (mut emulator, mut log) = (Emulator::new(SIZE, 10), OutputLog::default());
        let mut at = |log: &OutputLog| {
            emulator.catch_up(log);
            emulator.snapshot(SnapshotScope::Full, log.end()).1
        };
        log.push_bytes(b"ab\x1b[3");
        assert_eq!(at(&log), Pos(2));
        // An event stands between the two halves.
        log.push_event(StreamEvent::Size { cols: 1, rows: 1 });
        log.push_bytes(b"1");
        assert_eq!(at(&log), Pos(2));
        log.push_bytes(b"m");
        log.push_event(StreamEvent::Size { cols: 1, rows: 1 });
        assert_eq!(at(&log), Pos(9), "an event at the end is part of the past");
    }

    #[test]
    fn queries_are_answered_and_titles_told() {
        let (mut emulator, mut log) = (Emulator::new(SIZE, 10), OutputLog::default());
        log.push_bytes(b"ab\x1b[6n\x1b]2;hello\x07");
        let caught_up = emulator.catch_up(&log);
        assert_eq!((caught_up.answers.as_slice(), caught_up.title.as_deref()), (&b"\x1b[1;3R"[..], Some("hello")));
        assert_eq!(emulator.catch_up(&log), CaughtUp::default());
    }
}
