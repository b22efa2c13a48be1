//! The received stream of a terminal: its bytes, its events, and what a snapshot replaced.

use protocol_client::StreamItem;
use shared_protocol::{Epoch, Payload, ServerMessage, StreamEvent};

/// The received stream of one epoch.
#[derive(Debug, Default)]
pub struct Stream {
    /// Epoch of the shell.
    epoch: Epoch,
    /// All bytes so far, except forgotten ones.
    pub bytes: Vec<u8>,
    /// All events so far, with the number of `bytes` before each.
    pub events: Vec<(usize, StreamEvent)>,
    /// Positions that a snapshot replaced.
    pub skipped: u64,
    /// Frames with a deflated payload.
    pub deflated: usize,
}

impl Stream {
    /// Starts the stream of another epoch; keeps the state if the epoch is known.
    pub(super) fn start(&mut self, epoch: Epoch) {
        if epoch != self.epoch {
            *self = Self { epoch, ..Self::default() };
        }
    }

    /// Drops the first `count` bytes.
    pub(super) fn forget(&mut self, count: usize) {
        self.bytes.drain(..count);
        for (before, _) in &mut self.events {
            *before = before.saturating_sub(count);
        }
    }

    /// Counts a received frame by its encoding.
    pub(super) fn count(&mut self, message: &ServerMessage) {
        let payload = match message {
            ServerMessage::Output(output) => &output.payload,
            ServerMessage::Snapshot(snapshot) => &snapshot.payload,
            _ => return,
        };
        self.deflated += usize::from(matches!(payload, Payload::Z(_)));
    }

    pub(super) fn add(&mut self, item: StreamItem) {
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
