//! The stream put back together: by position, each byte and event once, snapshots in between.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Decompress, FlushDecompress, Status};
use shared_protocol::limits::FRAME_RAW_BYTES;
use shared_protocol::server::{Event, Output, Snapshot, SnapshotScope};
use shared_protocol::{Payload, Pos, StreamEvent};
use std::collections::BTreeMap;

/// Bytes that came early and are kept, at most; the rest is asked for again.
const EARLY_BYTES: usize = 4 * 1024 * 1024;

/// A piece of the stream, in its place.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamItem {
    /// Output.
    Bytes(Vec<u8>),
    /// Something other than output.
    Event(StreamEvent),
    /// The screen as it is now, instead of what came before.
    Snapshot {
        /// The stream goes on here.
        pos: Pos,
        /// What to write to the emulator.
        data: Vec<u8>,
        /// How much it restores.
        scope: SnapshotScope,
        /// Its width and height.
        size: (u16, u16),
        /// Positions that this client never gets.
        skipped: u64,
    },
}

#[derive(Debug)]
enum Early {
    Bytes(Vec<u8>),
    Event(StreamEvent),
}

#[derive(Debug, Default)]
struct Parts {
    id: u32,
    parts: BTreeMap<u16, (Vec<u8>, Vec<StreamEvent>)>,
}

/// What came so far.
#[derive(Debug, Default)]
pub(crate) struct OutputStream {
    pos: Pos,
    early: BTreeMap<Pos, Early>,
    early_bytes: usize,
    snapshot: Option<Parts>,
}

impl OutputStream {
    pub(crate) fn pos(&self) -> Pos {
        self.pos
    }

    /// Whether something waits for what is missing before it.
    pub(crate) fn waits(&self) -> bool {
        !self.early.is_empty() || self.snapshot.is_some()
    }

    /// Takes bytes. A payload that cannot be read is as good as lost.
    pub(crate) fn output(&mut self, output: &Output) -> Vec<StreamItem> {
        match bytes(&output.payload) {
            Some(bytes) if bytes.len() == output.len as usize => self.take(output.pos, Early::Bytes(bytes)),
            _ => Vec::new(),
        }
    }

    pub(crate) fn event(&mut self, event: Event) -> Vec<StreamItem> {
        self.take(event.pos, Early::Event(event.event))
    }

    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot) -> Vec<StreamItem> {
        if snapshot.pos < self.pos || (snapshot.pos == self.pos && self.pos > Pos(0)) {
            return Vec::new();
        }
        let Some(data) = bytes(&snapshot.payload) else { return Vec::new() };
        let known = self.snapshot.take().filter(|known| known.id >= snapshot.id).unwrap_or_default();
        let mut known = if known.id == 0 { Parts { id: snapshot.id, ..known } } else { known };
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
        let mut pieces = vec![StreamItem::Snapshot {
            pos: snapshot.pos,
            data: data.concat(),
            scope: snapshot.scope,
            size: (snapshot.cols, snapshot.rows),
            skipped: snapshot.skipped,
        }];
        pieces.extend(events.into_iter().flatten().map(StreamItem::Event));
        self.drain(&mut pieces);
        pieces
    }

    fn take(&mut self, pos: Pos, what: Early) -> Vec<StreamItem> {
        let mut pieces = Vec::new();
        if pos <= self.pos {
            self.append(pos, what, &mut pieces);
            self.drain(&mut pieces);
        } else if self.early_bytes < EARLY_BYTES {
            self.early_bytes += size(&what);
            if let Some(before) = self.early.insert(pos, what) {
                self.early_bytes -= size(&before);
            }
        }
        pieces
    }

    /// Appends what is new of it.
    fn append(&mut self, pos: Pos, what: Early, pieces: &mut Vec<StreamItem>) {
        let known = (self.pos.0 - pos.0) as usize;
        match what {
            Early::Bytes(bytes) if known < bytes.len() => {
                self.pos = pos.after(bytes.len() as u64);
                pieces.push(StreamItem::Bytes(bytes[known..].to_vec()));
            }
            Early::Event(event) if known == 0 => {
                self.pos = pos.after(1);
                pieces.push(StreamItem::Event(event));
            }
            _ => {}
        }
        if !pieces.is_empty() {
            // The stream went on, so the snapshot is not needed any more.
            self.snapshot = None;
        }
    }

    fn drain(&mut self, pieces: &mut Vec<StreamItem>) {
        while let Some(entry) = self.early.first_entry().filter(|entry| *entry.key() <= self.pos) {
            let (pos, what) = entry.remove_entry();
            self.early_bytes -= size(&what);
            self.append(pos, what, pieces);
        }
    }
}

fn size(what: &Early) -> usize {
    match what {
        Early::Bytes(bytes) => bytes.len(),
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
