//! The session's terminal emulator: it answers queries of programs, and makes snapshots. It reads output from the log after the
//! frames went out, so that an echo never waits for it, and only as much at once as costs little: a few bytes of output can ask
//! for a lot of work.

use super::output_log::{LogPiece, OutputLog};
use super::picture::Picture;
use crate::terminal::Size;
use shared_protocol::server::SnapshotScope;
use shared_protocol::{Pos, StreamEvent, Theme};
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
    /// Address of a directory, if a program told one.
    pub directory: Option<String>,
}

/// A screen at a position of the stream.
pub(super) struct ScreenSnapshot {
    /// The bytes that restore it.
    pub data: Vec<u8>,
    /// The stream goes on here.
    pub pos: Pos,
    /// Its size there.
    pub size: Size,
}

/// An emulator that lags behind the log.
pub(super) struct Emulator {
    screen: LazyScreen,
    /// Lines of scrollback in a full snapshot.
    scrollback: usize,
    /// Title that the program set last.
    pub(super) title: String,
    /// Position up to which the screen has the output.
    read: Pos,
    /// The latest pieces of output between two events, by their positions and lengths: an incomplete sequence begins in one of
    /// them.
    pieces: VecDeque<(Pos, u64)>,
}

impl Emulator {
    pub(super) fn new(size: Size, scrollback: usize) -> Self {
        let screen = LazyScreen::new(size.cols, size.rows, scrollback);
        Self { screen, scrollback, title: String::new(), read: Pos(0), pieces: VecDeque::new() }
    }

    /// Position up to which the screen has the stream.
    pub(super) fn read(&self) -> Pos {
        self.read
    }

    /// Memory of the screens, in bytes.
    pub(super) fn held(&self) -> usize {
        self.screen.bytes()
    }

    /// Reads what the log got since the last call, until `budget` is spent, in cells. `size` is that at the log's end.
    pub(super) fn catch_up(&mut self, log: &OutputLog, size: Size, budget: &mut usize) -> CaughtUp {
        if self.read < log.start() {
            // More events came in the meantime than the log keeps: begins anew.
            let title = std::mem::take(&mut self.title);
            *self = Self { read: log.start(), title, ..Self::new(size, self.scrollback) };
        }
        let mut answers = Vec::new();
        for (pos, piece) in log.pieces_from(self.read) {
            if *budget == 0 {
                break;
            }
            let (length, read) = match piece {
                LogPiece::Bytes(bytes) => {
                    let read = self.screen.feed(bytes, &mut answers, budget);
                    self.remember(pos, read as u64);
                    (bytes.len(), read)
                }
                LogPiece::Event(event) => {
                    if let StreamEvent::Size { cols, rows } = event {
                        *budget = budget.saturating_sub(self.screen.resize(*cols, *rows));
                    }
                    (1, 1)
                }
            };
            self.read = pos.after(read as u64);
            if read < length {
                break;
            }
        }
        let title = self.screen.take_title();
        if let Some(title) = &title {
            self.title.clone_from(title);
        }
        CaughtUp { answers, title, directory: self.screen.take_directory() }
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

    /// Sets the page's colours. Returns the report of the change, for a program that wants one.
    pub(super) fn set_theme(&mut self, theme: &Theme) -> Vec<u8> {
        let Theme { foreground, background, cursor, palette } = theme;
        let theme = vt::Theme {
            foreground: foreground.0,
            background: background.0,
            cursor: cursor.0,
            palette: palette.map(|colour| colour.0),
        };
        let mut report = Vec::new();
        self.screen.set_theme(theme, &mut report);
        report
    }

    /// The bytes that restore the screen, its size, and its position in the stream: up to where it was read, or the beginning of
    /// an incomplete sequence or character there.
    pub(super) fn snapshot(&mut self, scope: SnapshotScope) -> ScreenSnapshot {
        let scope = match scope {
            SnapshotScope::Full => Scope::Full { scrollback: self.scrollback },
            SnapshotScope::Screen => Scope::Screen,
        };
        let screen = self.screen.current();
        let mut held = screen.pending_bytes() as u64;
        let mut pos = self.read;
        for (start, length) in self.pieces.iter().rev() {
            if held == 0 {
                break;
            }
            pos = start.after(length.saturating_sub(held));
            held = held.saturating_sub(*length);
        }
        let (cols, rows) = screen.size();
        ScreenSnapshot { data: screen.snapshot(scope), pos, size: Size { cols, rows } }
    }

    /// The visible screen as cells.
    pub(super) fn picture(&mut self) -> Picture {
        Picture::of(self.screen.current())
    }

    /// The visible screen, as lines that any terminal can print.
    pub(super) fn render_visible(&mut self) -> Vec<u8> {
        self.screen.current().render_visible()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::EndReason;

    const SIZE: Size = Size { cols: 20, rows: 4 };

    #[test]
    fn a_snapshot_stands_before_an_incomplete_sequence() {
        let (mut emulator, mut log) = (Emulator::new(SIZE, 10), OutputLog::default());
        let mut at = |log: &OutputLog| {
            emulator.catch_up(log, SIZE, &mut { usize::MAX });
            emulator.snapshot(SnapshotScope::Full).pos
        };
        log.push_bytes(b"ab\x1b[3");
        assert_eq!(at(&log), Pos(2));
        // An event stands between the two halves.
        log.push_event(StreamEvent::Restarted { reason: EndReason::OwnerLost });
        log.push_bytes(b"1");
        assert_eq!(at(&log), Pos(2));
        log.push_bytes(b"m");
        log.push_event(StreamEvent::Restarted { reason: EndReason::OwnerLost });
        assert_eq!(at(&log), Pos(9), "an event at the end is part of the past");
    }

    #[test]
    fn queries_are_answered_and_titles_and_directories_told() {
        let (mut emulator, mut log) = (Emulator::new(SIZE, 10), OutputLog::default());
        log.push_bytes(b"ab\x1b[6n\x1b]2;hello\x07\x1b]7;file:///tmp\x07");
        let caught_up = emulator.catch_up(&log, SIZE, &mut { usize::MAX });
        assert_eq!(caught_up.directory.as_deref(), Some("file:///tmp"));
        assert_eq!((caught_up.answers.as_slice(), caught_up.title.as_deref()), (&b"\x1b[1;3R"[..], Some("hello")));
        assert_eq!(emulator.catch_up(&log, SIZE, &mut { usize::MAX }), CaughtUp::default());
    }

    #[test]
    fn the_size_changes_in_its_place() {
        let (mut emulator, mut log) = (Emulator::new(SIZE, 10), OutputLog::default());
        log.push_bytes(b"\x1b[9;99H\x1b[6n");
        log.push_event(StreamEvent::Size { cols: 30, rows: 8 });
        log.push_bytes(b"\x1b[9;99H\x1b[6n");
        let answers = emulator.catch_up(&log, SIZE, &mut { usize::MAX }).answers;
        assert_eq!(String::from_utf8(answers).unwrap(), "\x1b[4;20R\x1b[8;30R");
    }

    #[test]
    fn much_work_for_few_bytes_is_done_in_pieces() {
        let size = Size { cols: 200, rows: 1000 };
        let (mut emulator, mut log) = (Emulator::new(size, 10), OutputLog::default());
        log.push_bytes("before\x1bc".repeat(1000).as_bytes());
        log.push_event(StreamEvent::Title { title: "end".into() });
        let mut turns = 0;
        while emulator.read() < log.end() {
            let before = emulator.read();
            let mut budget = 20_000;
            emulator.catch_up(&log, size, &mut budget);
            assert!(emulator.read() > before, "each turn makes progress");
            // The page goes on from here.
            assert_eq!(emulator.snapshot(SnapshotScope::Full).pos, emulator.read());
            turns += 1;
        }
        assert!((100..=1000).contains(&turns), "{turns} turns");
    }

    #[test]
    fn what_the_log_has_lost_is_passed_over() {
        let (mut emulator, mut log) = (Emulator::new(SIZE, 10), OutputLog::default());
        log.push_bytes(&[b'x'; crate::session::output_log::RING_BYTES + 1]);
        log.push_bytes(b"\r\n\x1b[2J\x1b[Hend\x1b[6n");
        assert_eq!(emulator.catch_up(&log, SIZE, &mut { usize::MAX }).answers, b"\x1b[1;4R");
        assert_eq!(emulator.read(), log.end());
    }
}
