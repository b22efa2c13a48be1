//! The received stream of a terminal: its bytes, its events, and what a snapshot replaced.

use protocol_client::{OutputStream, StreamItem};
use shared_protocol::server::{Event, Output, Snapshot};
use shared_protocol::{Epoch, Payload, Pos, StreamEvent};

/// The received stream of one epoch.
#[derive(Debug, Default)]
pub struct Stream {
    epoch: Epoch,
    received: OutputStream,
    /// All bytes so far, except forgotten ones.
    pub bytes: Vec<u8>,
    /// All events so far, with the number of `bytes` before each.
    pub events: Vec<(usize, StreamEvent)>,
    /// Positions that a snapshot replaced.
    pub skipped: u64,
    pub deflated: usize,
}

impl Stream {
    /// Starts the stream of another epoch; keeps the state if the epoch is known.
    pub(crate) fn start(&mut self, epoch: Epoch) {
        if epoch != self.epoch {
            *self = Self { epoch, ..Self::default() };
        }
    }

    /// Epoch of the shell.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Position up to which everything was received.
    pub fn pos(&self) -> Pos {
        self.received.pos()
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
        self.received.has_gap()
    }

    pub(crate) fn output(&mut self, output: &Output) {
        self.add(output.epoch, Some(&output.payload), |received| received.output(output));
    }

    pub(crate) fn event(&mut self, event: &Event) {
        self.add(event.epoch, None, |received| received.event(event.clone()));
    }

    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot) {
        self.add(snapshot.epoch, Some(&snapshot.payload), |received| received.snapshot(snapshot));
    }

    fn add(
        &mut self,
        epoch: Epoch,
        payload: Option<&Payload>,
        take: impl FnOnce(&mut OutputStream) -> Vec<StreamItem>,
    ) {
        if epoch != self.epoch {
            return;
        }
        self.deflated += usize::from(matches!(payload, Some(Payload::Z(_))));
        for item in take(&mut self.received) {
            match item {
                StreamItem::Bytes(bytes) => self.bytes.extend(bytes),
                StreamItem::Event(event) => self.events.push((self.bytes.len(), event)),
                StreamItem::Snapshot { data, skipped, .. } => {
                    self.bytes.extend(data);
                    self.skipped += skipped;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(pos: u64, text: &str) -> Output {
        Output { epoch: Epoch(1), pos: Pos(pos), len: text.len() as u32, payload: Payload::Data(text.into()) }
    }

    #[test]
    fn repeats_overlaps_and_any_order_make_one_stream() {
        let mut stream = Stream::default();
        stream.start(Epoch(1));
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
