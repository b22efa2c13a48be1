//! What a client gets instead of the stream: the screen as it is, and the events among what it skips.

use super::actor::Actor;
use super::deflate::Effort;
use super::send::{PAYLOAD_BYTES, pack};
use crate::metrics::SnapshotCause;
use shared_protocol::frame::Payload;
use shared_protocol::server::{PositionedEvent, Snapshot, SnapshotScope};
use shared_protocol::{ClientId, Pos, ServerMessage, StreamEvent};

/// Unsent output that an interrupt skips, in bytes. Less is sent as it is: it costs one frame either way.
const WORTH_SKIPPING: u64 = 8 * 1024;

/// History that a page which knows nothing is sent as it was printed, in bytes: a prompt or two. More comes as a snapshot.
const SHORT_HISTORY: u64 = 2 * 1024;

/// A missing tail that is sent as it is, in bytes, although a snapshot might be shorter: it keeps the page's own scrollback.
const SHORT_TAIL: u64 = 256 * 1024;

/// Events that a snapshot carries, at most; the latest.
const EVENTS: usize = 256;

impl Actor {
    /// Skips what nobody wants to see any more: output from before an interrupt that was not sent yet.
    pub(super) fn skip_unsent(&mut self) {
        let end = self.log.end();
        for client in self.clients.values_mut().filter(|client| !client.plain) {
            let worth = end.0 - client.sending.sent.0 > WORTH_SKIPPING;
            client.skip = client.skip.or(worth.then_some(SnapshotCause::Interrupt));
        }
    }

    /// Whether a client that has everything before `from` is better sent the rest as it was printed.
    pub(super) fn tail_serves(&mut self, from: Pos) -> bool {
        let missing = self.log.end().0 - from.0;
        if from < self.log.start() {
            return false;
        }
        let resized = self.log.events_from(from).any(|(_, event)| matches!(event, StreamEvent::Size { .. }));
        match from {
            Pos(0) => missing <= SHORT_HISTORY && !resized,
            _ if resized => false,
            _ => missing <= SHORT_TAIL || missing <= self.screen().len() as u64,
        }
    }

    /// A page that was sent everything and has heard nothing gets it again: the short way, not the long one.
    pub(super) fn start_over(&mut self, id: &ClientId) {
        let unheard = self.clients.get(id).is_some_and(|client| client.sending.sent == Pos(0));
        if unheard
            && !self.tail_serves(Pos(0))
            && let Some(client) = self.clients.get_mut(id)
        {
            (client.skip, client.reset) = (Some(SnapshotCause::Attach), true);
        }
    }

    fn screen(&mut self) -> Vec<u8> {
        self.catch_up();
        self.emulator.snapshot(SnapshotScope::Full, self.log.end()).0
    }

    /// The parts of a snapshot for this client.
    pub(super) fn snapshot_for(&mut self, id: &ClientId) -> Option<Vec<ServerMessage>> {
        self.catch_up();
        let client = self.clients.get(id)?;
        let (sent, deflates) = (client.sending.sent, client.deflates);
        // A page that has parsed something has an emulator to draw on, and its own scrollback.
        let knows = client.sending.acked > Pos(0);
        let scope = if knows && !client.reset { SnapshotScope::Screen } else { SnapshotScope::Full };
        let (data, pos) = self.emulator.snapshot(scope, self.log.end());
        let pos = pos.max(self.log.start());
        self.snapshots += 1;
        let mut contents: Vec<_> = pack_all(&data, deflates).into_iter().map(|payload| (payload, Vec::new())).collect();
        contents.extend(
            self.skipped_events(sent, pos, knows).into_iter().map(|events| (Payload::Data(String::new()), events)),
        );
        // A full snapshot has the scrollback too: what it lacks is what even the ring has lost.
        let skipped = match scope {
            _ if !knows => 0,
            SnapshotScope::Screen => pos.0.saturating_sub(sent.0),
            SnapshotScope::Full => self.log.start().0.saturating_sub(sent.0),
        };
        tracing::debug!(session = %self.id, skipped, "client gets a snapshot");
        let parts = contents.len() as u16;
        let (epoch, id, size) = (self.epoch, self.snapshots, self.size);
        let snapshot = |((payload, events), part)| {
            let (cols, rows) = (size.cols, size.rows);
            ServerMessage::Snapshot(Snapshot {
                epoch,
                pos,
                id,
                part,
                parts,
                scope,
                cols,
                rows,
                payload,
                skipped,
                events,
            })
        };
        Some(contents.into_iter().zip(1..).map(snapshot).collect())
    }

    /// The events between two places, in groups that fit into a frame. To a page that was not there, results are nothing.
    fn skipped_events(&self, from: Pos, to: Pos, was_there: bool) -> Vec<Vec<PositionedEvent>> {
        let wanted = |event: &StreamEvent| match event {
            StreamEvent::Size { .. } => false,
            StreamEvent::CommandResult { .. } | StreamEvent::Restarted { .. } => was_there,
            _ => true,
        };
        let mut groups: Vec<Vec<PositionedEvent>> = Vec::new();
        let mut room = 0;
        let events: Vec<_> =
            self.log.events_from(from).take_while(|(at, _)| *at < to).filter(|(_, event)| wanted(event)).collect();
        for (pos, event) in events.iter().skip(events.len().saturating_sub(EVENTS)) {
            let placed = PositionedEvent { pos: *pos, event: (*event).clone() };
            let length = serde_json::to_string(&placed).map_or(0, |json| json.len() + 1);
            if length > room {
                groups.push(Vec::new());
                room = PAYLOAD_BYTES;
            }
            room = room.saturating_sub(length);
            if let Some(group) = groups.last_mut() {
                group.push(placed);
            }
        }
        groups
    }
}

fn pack_all(mut data: &[u8], deflates: Option<Effort>) -> Vec<Payload> {
    let mut payloads = Vec::new();
    while !data.is_empty() || payloads.is_empty() {
        let (payload, length) = pack(data, deflates);
        payloads.push(payload);
        data = &data[length..];
    }
    payloads
}
