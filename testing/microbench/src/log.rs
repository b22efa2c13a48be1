//! The stream of a session: an append for each read of the terminal, a read for each frame.

use crate::Work;
use crate::inputs::{READ, coloured};
use backend::session::output_log::{Item, OutputLog, RING_BYTES, RING_EVENTS};
use backend::terminal::{Nonce, Piece, PromptMarkScanner};
use shared_protocol::{Pos, StreamEvent};

/// A log whose ring was filled this many times.
fn aged(rings: usize) -> OutputLog {
    let mut log = OutputLog::default();
    let bytes = coloured(READ);
    (0..rings * RING_BYTES / READ).for_each(|_| log.push_bytes(&bytes));
    log
}

/// Bytes of one repetition. Divides the size of a drop, so that each repetition costs the same.
const TURN: usize = 64 * 1024;

/// Appends output in pieces of this size to a log of this age in rings.
pub(crate) fn append(piece: usize, rings: usize) -> Work {
    let (mut log, bytes) = (aged(rings), coloured(TURN));
    Work::new(TURN, move || {
        bytes.chunks(piece).for_each(|piece| log.push_bytes(piece));
        log.end()
    })
}

/// Appends an event to a log that holds the most events.
pub(crate) fn append_events() -> Work {
    let mut log = with_events(RING_EVENTS);
    Work::new(0, move || {
        log.push_event(StreamEvent::Size { cols: 80, rows: 24 });
        log.end()
    })
}

/// A log with this many events, each after a little output.
fn with_events(events: usize) -> OutputLog {
    let mut log = OutputLog::default();
    for _ in 0..events {
        log.push_bytes(b"$ make\r\n");
        log.push_event(StreamEvent::Size { cols: 80, rows: 24 });
    }
    log
}

/// Reads the bytes at a position, as a frame does.
fn taken(log: &OutputLog, from: Pos, max: usize) -> Vec<u8> {
    match log.at(from, max) {
        Item::Bytes(bytes) => bytes,
        Item::Event(_) | Item::End | Item::Lost => Vec::new(),
    }
}

/// Reads bytes from this far behind the end of a full ring.
pub(crate) fn read(max: usize, behind: usize) -> Work {
    let log = aged(1);
    let from = Pos(log.end().0 - behind as u64);
    Work::new(max, move || taken(&log, from, max))
}

/// Reads a few bytes among this many events.
pub(crate) fn find(events: usize) -> Work {
    let log = with_events(events);
    let middle = log.events_from(Pos((log.start().0 + log.end().0) / 2)).next().map_or(Pos(0), |(at, _)| at.after(1));
    Work::new(8, move || taken(&log, middle, 8))
}

/// Scans output in pieces of this size for prompt marks.
pub(crate) fn marks(bytes: Vec<u8>, piece: usize) -> Work {
    let mut scanner = PromptMarkScanner::new(&Nonce::new([7; 16]));
    Work::new(bytes.len(), move || {
        let mut found = 0;
        for piece in bytes.chunks(piece) {
            scanner.scan(piece, |piece| found += usize::from(matches!(piece, Piece::Mark(..))));
        }
        found
    })
}
