//! Reassembles a session's stream by position.

use shared_protocol::limits::FRAME_RAW_BYTES;
use shared_protocol::server::{Event, Output, Snapshot};
use shared_protocol::{Epoch, Payload, Pos, StreamEvent};
use std::collections::BTreeMap;
use std::io::Read;

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Event(StreamEvent),
}

/// The received stream of one epoch.
#[derive(Debug, Default)]
pub struct Stream {
    epoch: Epoch,
    /// First missing position.
    next: u64,
    /// Pieces beyond a gap, by position.
    early: BTreeMap<u64, Piece>,
    /// Received parts of an incomplete snapshot.
    parts: BTreeMap<u16, Vec<u8>>,
    /// All bytes so far, except forgotten ones.
    pub bytes: Vec<u8>,
    /// All events so far, with the number of `bytes` before each.
    pub events: Vec<(usize, StreamEvent)>,
    /// Positions that a snapshot replaced.
    pub skipped: u64,
    pub deflated: usize,
}

impl Stream {
    /// Starts at the position of `attached`; keeps the state if the epoch is known.
    pub(crate) fn start(&mut self, epoch: Epoch, pos: Pos) {
        if epoch != self.epoch {
            *self = Self { epoch, next: pos.0, ..Self::default() };
        }
    }

    /// Epoch of the shell.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Position up to which everything was received.
    pub fn pos(&self) -> Pos {
        Pos(self.next)
    }

    /// Drops the first `count` bytes.
    pub(crate) fn forget(&mut self, count: usize) {
        self.bytes.drain(..count);
        for (before, _) in &mut self.events {
            *before = before.saturating_sub(count);
        }
    }

    /// True if a piece beyond the next position was received.
    pub(crate) fn has_gap(&self) -> bool {
        !self.early.is_empty()
    }

    pub(crate) fn output(&mut self, output: &Output) {
        let bytes = self.decode(&output.payload);
        assert_eq!(bytes.len(), output.len as usize, "`len` is the number of raw bytes");
        self.piece(output.epoch, output.pos, Piece::Bytes(bytes));
    }

    pub(crate) fn event(&mut self, event: &Event) {
        self.piece(event.epoch, event.pos, Piece::Event(event.event.clone()));
    }

    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot) {
        if snapshot.epoch != self.epoch || snapshot.pos.0 < self.next {
            return;
        }
        let part = self.decode(&snapshot.payload);
        self.parts.insert(snapshot.part, part);
        if self.parts.len() == usize::from(snapshot.parts) {
            for (_, part) in std::mem::take(&mut self.parts) {
                self.bytes.extend(part);
            }
            self.skipped += snapshot.skipped;
            self.next = snapshot.pos.0;
            self.take_early();
        }
    }

    fn decode(&mut self, payload: &Payload) -> Vec<u8> {
        let Payload::Z(text) = payload else { return payload.decode().expect("good base64") };
        self.deflated += 1;
        let deflated = Payload::B64(text.clone()).decode().expect("good base64");
        let mut bytes = Vec::new();
        let most = FRAME_RAW_BYTES as u64 + 1;
        flate2::read::DeflateDecoder::new(&deflated[..]).take(most).read_to_end(&mut bytes).expect("good deflate");
        assert!(bytes.len() <= FRAME_RAW_BYTES, "more than a frame may stand for");
        bytes
    }

    fn piece(&mut self, epoch: Epoch, pos: Pos, piece: Piece) {
        if epoch == self.epoch {
            self.early.insert(pos.0, piece);
            self.take_early();
        }
    }

    fn take_early(&mut self) {
        while let Some(entry) = self.early.first_entry().filter(|entry| *entry.key() <= self.next) {
            let (pos, piece) = entry.remove_entry();
            let known = usize::try_from(self.next - pos).expect("a frame's worth");
            match piece {
                Piece::Bytes(bytes) if known < bytes.len() => {
                    self.next += (bytes.len() - known) as u64;
                    self.bytes.extend(&bytes[known..]);
                }
                Piece::Event(event) if known == 0 => {
                    self.next += 1;
                    self.events.push((self.bytes.len(), event));
                }
                // A repetition.
                Piece::Bytes(_) | Piece::Event(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::Payload;

    fn output(pos: u64, text: &str) -> Output {
        Output { epoch: Epoch(1), pos: Pos(pos), len: text.len() as u32, payload: Payload::Data(text.into()) }
    }

    #[test]
    fn repeats_overlaps_and_any_order_make_one_stream() {
        let mut stream = Stream::default();
        stream.start(Epoch(1), Pos(0));
        let title = || Event { epoch: Epoch(1), pos: Pos(3), event: StreamEvent::Title { title: "t".into() } };
        stream.output(&output(4, "def"));
        stream.event(&title());
        assert!(stream.has_gap());
        stream.output(&output(0, "ab"));
        stream.output(&output(1, "bc"));
        stream.event(&title());
        stream.output(&output(5, "efg"));
        stream.output(&Output { epoch: Epoch(0), ..output(8, "old") });
        assert_eq!(stream.bytes, b"abcdefg");
        assert_eq!(stream.events, [(3, StreamEvent::Title { title: "t".into() })]);
        assert_eq!((stream.pos(), stream.has_gap()), (Pos(8), false));
    }
}
