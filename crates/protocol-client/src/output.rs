//! Reassembles the stream from frames in any order: each byte and event once, snapshots in between.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Decompress, FlushDecompress, Status};
use shared_protocol::limits::FRAME_RAW_BYTES;
use shared_protocol::server::{Event, Output, Snapshot, SnapshotScope};
use shared_protocol::{Payload, Pos, StreamEvent};
use std::collections::BTreeMap;

/// Bytes kept beyond a gap; later ones are dropped and asked for again.
const MAX_EARLY_BYTES: usize = 4 * 1024 * 1024;

/// An item of the stream, delivered in order.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamItem {
    /// Output.
    Bytes(Vec<u8>),
    /// An event between the output.
    Event(StreamEvent),
    /// The current screen, in place of the output before it.
    Snapshot {
        /// Position at which the stream continues.
        pos: Pos,
        /// Output that restores the screen.
        data: Vec<u8>,
        /// Extent of the restored state.
        scope: SnapshotScope,
        /// Columns and rows.
        size: (u16, u16),
        /// Count of positions that this client never receives.
        skipped: u64,
    },
}

#[derive(Debug)]
enum Early {
    Bytes(Vec<u8>),
    Event(StreamEvent),
}

#[derive(Debug, Default)]
struct PartialSnapshot {
    id: u32,
    /// Output and events by part number.
    parts: BTreeMap<u16, (Vec<u8>, Vec<StreamEvent>)>,
}

/// The stream of one epoch, as far as it was received.
#[derive(Debug, Default)]
pub struct OutputStream {
    /// The stream is complete up to here.
    pos: Pos,
    /// Bytes and events beyond a gap, by position.
    early: BTreeMap<Pos, Early>,
    early_bytes: usize,
    snapshot: Option<PartialSnapshot>,
}

impl OutputStream {
    /// Position up to which the stream is complete.
    pub fn pos(&self) -> Pos {
        self.pos
    }

    /// True if a part beyond that position was received.
    pub fn has_gap(&self) -> bool {
        !self.early.is_empty() || self.snapshot.is_some()
    }

    /// Adds output. A payload that does not decode counts as lost.
    pub fn output(&mut self, output: &Output) -> Vec<StreamItem> {
        match bytes(&output.payload) {
            Some(bytes) if bytes.len() == output.len as usize => self.take(output.pos, Early::Bytes(bytes)),
            _ => Vec::new(),
        }
    }

    /// Adds an event.
    pub fn event(&mut self, event: Event) -> Vec<StreamItem> {
        self.take(event.pos, Early::Event(event.event))
    }

    /// Adds a part of a snapshot.
    pub fn snapshot(&mut self, snapshot: &Snapshot) -> Vec<StreamItem> {
        if snapshot.pos < self.pos || (snapshot.pos == self.pos && self.pos > Pos(0)) {
            return Vec::new();
        }
        let Some(data) = bytes(&snapshot.payload) else { return Vec::new() };
        let known = self.snapshot.take().filter(|known| known.id >= snapshot.id).unwrap_or_default();
        let mut known = if known.id == 0 { PartialSnapshot { id: snapshot.id, ..known } } else { known };
        if known.id == snapshot.id {
            let events = snapshot.events.iter().filter(|placed| placed.pos >= self.pos);
            known.parts.insert(snapshot.part, (data, events.map(|placed| placed.event.clone()).collect()));
        }
        if known.id != snapshot.id || known.parts.len() < snapshot.parts as usize {
            self.snapshot = Some(known);
            return Vec::new();
        }
        self.pos = snapshot.pos;
        let (data, events): (Vec<_>, Vec<_>) = known.parts.into_values().unzip();
        let mut items = vec![StreamItem::Snapshot {
            pos: snapshot.pos,
            data: data.concat(),
            scope: snapshot.scope,
            size: (snapshot.cols, snapshot.rows),
            skipped: snapshot.skipped,
        }];
        items.extend(events.into_iter().flatten().map(StreamItem::Event));
        self.drain(&mut items);
        items
    }

    fn take(&mut self, pos: Pos, data: Early) -> Vec<StreamItem> {
        let mut items = Vec::new();
        if pos <= self.pos {
            self.append(pos, data, &mut items);
            self.drain(&mut items);
        } else if self.early_bytes < MAX_EARLY_BYTES {
            self.early_bytes += size(&data);
            if let Some(before) = self.early.insert(pos, data) {
                self.early_bytes -= size(&before);
            }
        }
        items
    }

    /// Appends the part that is new.
    fn append(&mut self, pos: Pos, data: Early, items: &mut Vec<StreamItem>) {
        let known = (self.pos.0 - pos.0) as usize;
        match data {
            Early::Bytes(bytes) if known < bytes.len() => {
                self.pos = pos.after(bytes.len() as u64);
                items.push(StreamItem::Bytes(bytes[known..].to_vec()));
            }
            Early::Event(event) if known == 0 => {
                self.pos = pos.after(1);
                items.push(StreamItem::Event(event));
            }
            _ => {}
        }
        if !items.is_empty() {
            // The stream continued, which makes the snapshot superfluous.
            self.snapshot = None;
        }
    }

    fn drain(&mut self, items: &mut Vec<StreamItem>) {
        while let Some(entry) = self.early.first_entry().filter(|entry| *entry.key() <= self.pos) {
            let (pos, data) = entry.remove_entry();
            self.early_bytes -= size(&data);
            self.append(pos, data, items);
        }
    }
}

fn size(data: &Early) -> usize {
    match data {
        Early::Bytes(bytes) => bytes.len(),
        // About its size in memory.
        Early::Event(_) => 64,
    }
}

fn bytes(payload: &Payload) -> Option<Vec<u8>> {
    let Payload::Z(text) = payload else { return payload.decode() };
    let packed = STANDARD.decode(text).ok()?;
    let mut bytes = Vec::with_capacity(FRAME_RAW_BYTES);
    let status = Decompress::new(false).decompress_vec(&packed, &mut bytes, FlushDecompress::Finish).ok()?;
    (status == Status::StreamEnd).then_some(bytes)
}
