//! A session's stream: bytes and events in order, addressed by position. A ring keeps the latest part.
//! Pure: no clock, no I/O.

use shared_protocol::server::{Notice, ShellCommand, Typist};
use shared_protocol::{Pos, StreamEvent};
use std::collections::VecDeque;

/// Bytes of output and events in the ring: twice what a controller may leave unacknowledged, so that the ring always has it.
pub const RING_BYTES: usize = 1024 * 1024;

/// Events in the ring, so that a flood of chat cannot grow it.
pub const RING_EVENTS: usize = 4096;

/// Size of a chunk, in bytes: the unit that a full ring drops.
const CHUNK_BYTES: usize = 16 * 1024;

#[derive(Debug)]
enum Entry {
    Bytes(Vec<u8>),
    Event(StreamEvent),
}

/// Approximate memory of an event, in bytes.
fn weight(event: &StreamEvent) -> usize {
    64 + match event {
        StreamEvent::CommandResult { id, result, .. } => id.len() + result.len(),
        StreamEvent::Chat { from, name, message } => from.len() + name.as_deref().map_or(0, str::len) + message.len(),
        StreamEvent::Title { title } => title.len(),
        StreamEvent::Directory { directory } => directory.as_ref().map_or(0, String::len),
        StreamEvent::Command(ShellCommand { line, directory, by, .. }) => {
            let names = by.iter().map(|typist| size_of::<Typist>() + typist.name.len()).sum::<usize>();
            line.as_deref().map_or(0, str::len) + directory.as_deref().map_or(0, str::len) + names
        }
        StreamEvent::Notice(Notice { id, from, text, line, .. }) => {
            id.len() + from.len() + text.len() + line.as_deref().map_or(0, str::len)
        }
        _ => 0,
    }
}

impl Entry {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Event(_) => 1,
        }
    }
}

/// Content at a position.
#[derive(Debug, PartialEq)]
pub enum Item<'a> {
    /// An event.
    Event(&'a StreamEvent),
    /// Bytes up to the next event, the end, or the requested number.
    Bytes(Vec<u8>),
    /// The end of the stream.
    End,
    /// Dropped from the ring, or past the end.
    Lost,
}

/// A part of the stream, as it lies in the ring.
#[derive(Debug, PartialEq)]
pub enum LogPiece<'a> {
    /// Output.
    Bytes(&'a [u8]),
    /// An event.
    Event(&'a StreamEvent),
}

/// The stream. Its entries have no gaps between them, and end at `end`.
#[derive(Debug, Default)]
pub struct OutputLog {
    /// Entries with their positions.
    entries: VecDeque<(u64, Entry)>,
    /// Position of the next byte or event.
    end: u64,
    /// Sum of the entries' weights, in bytes.
    bytes: usize,
    /// Number of events among the entries.
    events: usize,
}

impl OutputLog {
    /// First position in the ring.
    pub fn start(&self) -> Pos {
        Pos(self.entries.front().map_or(self.end, |(pos, _)| *pos))
    }

    /// Position of the next byte or event.
    pub fn end(&self) -> Pos {
        Pos(self.end)
    }

    /// Memory, in bytes.
    pub fn held(&self) -> usize {
        self.bytes + self.entries.capacity() * size_of::<(u64, Entry)>()
    }

    /// Appends output.
    pub fn push_bytes(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = match self.entries.back_mut() {
                Some((_, Entry::Bytes(chunk))) if chunk.len() < CHUNK_BYTES => {
                    let count = bytes.len().min(CHUNK_BYTES - chunk.len());
                    chunk.extend_from_slice(&bytes[..count]);
                    count
                }
                _ => {
                    let count = bytes.len().min(CHUNK_BYTES);
                    self.entries.push_back((self.end, Entry::Bytes(bytes[..count].to_vec())));
                    count
                }
            };
            self.end += room as u64;
            self.bytes += room;
            bytes = &bytes[room..];
        }
        self.trim();
    }

    /// Appends an event.
    pub fn push_event(&mut self, event: StreamEvent) {
        self.bytes += weight(&event);
        self.entries.push_back((self.end, Entry::Event(event)));
        self.end += 1;
        self.events += 1;
        self.trim();
    }

    /// Content at `pos`; at most `max` bytes.
    pub fn at(&self, pos: Pos, max: usize) -> Item<'_> {
        if pos.0 == self.end {
            return Item::End;
        }
        if pos.0 > self.end || pos < self.start() {
            return Item::Lost;
        }
        let first = self.entries.partition_point(|(at, _)| *at <= pos.0) - 1;
        if let (_, Entry::Event(event)) = &self.entries[first] {
            return Item::Event(event);
        }
        let mut found = Vec::with_capacity(max.min((self.end - pos.0) as usize));
        for (at, entry) in self.entries.range(first..) {
            let Entry::Bytes(chunk) = entry else { break };
            let from = pos.0.saturating_sub(*at) as usize;
            let count = (chunk.len() - from).min(max - found.len());
            found.extend_from_slice(&chunk[from..from + count]);
            if found.len() == max {
                break;
            }
        }
        Item::Bytes(found)
    }

    /// Everything in the ring from `from` on, with its position; bytes in pieces.
    pub fn pieces_from(&self, from: Pos) -> impl Iterator<Item = (Pos, LogPiece<'_>)> {
        // The piece before holds `from`, or ends there.
        let first = self.entries.partition_point(|(at, _)| *at <= from.0).saturating_sub(1);
        self.entries.range(first..).filter_map(move |(at, entry)| match entry {
            Entry::Bytes(chunk) => {
                let skipped = from.0.saturating_sub(*at).min(chunk.len() as u64);
                let bytes = &chunk[skipped as usize..];
                (!bytes.is_empty()).then_some((Pos(at + skipped), LogPiece::Bytes(bytes)))
            }
            Entry::Event(event) => (*at >= from.0).then_some((Pos(*at), LogPiece::Event(event))),
        })
    }

    /// Events in the ring from `from` on, with their positions.
    pub fn events_from(&self, from: Pos) -> impl Iterator<Item = (Pos, &StreamEvent)> {
        let first = self.entries.partition_point(|(at, _)| *at < from.0);
        self.entries.range(first..).filter_map(|(at, entry)| match entry {
            Entry::Event(event) => Some((Pos(*at), event)),
            Entry::Bytes(_) => None,
        })
    }

    fn trim(&mut self) {
        while self.bytes > RING_BYTES || self.events > RING_EVENTS {
            let Some((_, entry)) = self.entries.pop_front() else { return };
            match &entry {
                Entry::Bytes(_) => self.bytes -= entry.len() as usize,
                Entry::Event(event) => {
                    self.bytes -= weight(event);
                    self.events -= 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u16) -> StreamEvent {
        StreamEvent::Size { cols: n, rows: n }
    }

    #[test]
    fn bytes_and_events_keep_their_positions() {
        let mut log = OutputLog::default();
        log.push_bytes(b"ab");
        log.push_event(event(1));
        log.push_bytes(b"cd");
        let event = super::tests::event(1);
        assert_eq!(log.at(Pos(0), 10), Item::Bytes(b"ab".to_vec()));
        assert_eq!(log.at(Pos(1), 10), Item::Bytes(b"b".to_vec()));
        assert_eq!(log.at(Pos(2), 10), Item::Event(&event));
        assert_eq!(log.at(Pos(3), 1), Item::Bytes(b"c".to_vec()));
        assert_eq!(log.at(Pos(5), 10), Item::End);
        assert_eq!(log.at(Pos(6), 10), Item::Lost);
        assert_eq!(log.events_from(Pos(1)).collect::<Vec<_>>(), [(Pos(2), &event)]);
        assert_eq!(log.events_from(Pos(3)).count(), 0);
        let pieces = |from| log.pieces_from(Pos(from)).collect::<Vec<_>>();
        let (b, size, cd) = (LogPiece::Bytes(b"b"), LogPiece::Event(&event), LogPiece::Bytes(b"cd"));
        assert_eq!(pieces(1), [(Pos(1), b), (Pos(2), size), (Pos(3), cd)]);
        assert_eq!((pieces(4), pieces(5)), (vec![(Pos(4), LogPiece::Bytes(b"d"))], vec![]));
    }

    #[test]
    fn the_ring_forgets_the_oldest() {
        let mut log = OutputLog::default();
        log.push_bytes(&vec![b'x'; 1024 * 1024]);
        assert_eq!(log.start(), Pos(0));
        log.push_bytes(b"y");
        assert!(log.start() > Pos(0));
        assert_eq!(log.at(Pos(0), 1), Item::Lost);
        assert_eq!(log.end(), Pos(1024 * 1024 + 1));
        for n in 0..=RING_EVENTS {
            log.push_event(event(n as u16));
        }
        assert_eq!(log.events, RING_EVENTS);
    }
}
