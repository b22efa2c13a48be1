//! Snapshots: the screen as it is and the skipped events, sent instead of the stream; and the choice between the two.

use super::client::Outbound;
use super::emulator::ScreenSnapshot;
use super::frames::{PAYLOAD_BYTES, pack_all};
use super::output_log::OutputLog;
use super::terminal::Terminal;
use crate::terminal::Size;
use shared_protocol::frame::Payload;
use shared_protocol::server::{PositionedEvent, Room, Snapshot, SnapshotScope};
use shared_protocol::{Epoch, Pos, ServerMessage, StreamEvent};

/// History that a page without any is sent as it was printed, in bytes: a prompt or two. A snapshot replaces more.
const SHORT_HISTORY: u64 = 2 * 1024;

/// Missing tail that is sent as it is, in bytes, although a snapshot may be shorter: it keeps the page's own scrollback.
const SHORT_TAIL: u64 = 256 * 1024;

/// Events that a snapshot carries; the oldest are dropped.
const MAX_EVENTS: usize = 256;

/// True if a client that has everything before `from` is better sent the rest as it was printed.
pub(super) fn prefers_tail(from: Pos, log: &mut OutputLog, terminal: &mut Terminal) -> bool {
    let missing = log.end().0 - from.0;
    if from < log.start() {
        return false;
    }
    let resized = log.events_from(from).any(|(_, event)| matches!(event, StreamEvent::Size { .. }));
    match from {
        Pos(0) => missing <= SHORT_HISTORY && !resized,
        _ if resized => false,
        _ if missing <= SHORT_TAIL => true,
        _ => terminal.snapshot(SnapshotScope::Full, from, log).is_none_or(|full| missing <= full.data.len() as u64),
    }
}

/// The parts of a snapshot for this client, or none while the emulator is behind what the client was sent. `id` tells snapshots
/// of one epoch apart.
pub(super) fn parts(
    outbound: &Outbound,
    (epoch, id): (Epoch, u32),
    room: &Room,
    log: &mut OutputLog,
    terminal: &mut Terminal,
) -> Option<Vec<ServerMessage>> {
    let (sent, acked) = (outbound.cursor.sent(), outbound.cursor.acked());
    // A page that has parsed something has an emulator to draw on, and its own scrollback.
    let has_screen = acked > Pos(0);
    let scope = outbound.snapshot_scope();
    let ScreenSnapshot { data, pos, size } = terminal.snapshot(scope, sent, log)?;
    let pos = pos.max(log.start());
    let payloads = pack_all(&data, outbound.effort()).into_iter().map(|payload| (payload, Vec::new()));
    // An event that was sent may be lost; a page drops the ones that it has.
    let (events, is_lossy) = skipped_events(log, acked, pos, has_screen);
    let events = events.into_iter().map(|events| (Payload::Data(String::new()), events));
    let mut contents: Vec<_> =
        payloads.chain(events).map(|(payload, events)| (payload, events, Room::default())).collect();
    if is_lossy {
        contents.push((Payload::Data(String::new()), Vec::new(), room.clone()));
    }
    // A full snapshot has the scrollback too, so only bytes that the ring no longer has are skipped.
    let skipped = match scope {
        _ if !has_screen => 0,
        SnapshotScope::Screen => pos.0.saturating_sub(sent.0),
        SnapshotScope::Full => log.start().0.saturating_sub(sent.0),
    };
    let parts = contents.len() as u16;
    let Size { cols, rows } = size;
    let snapshot = |((payload, events, room), part)| {
        let whole = Snapshot { epoch, pos, id, part, parts, scope, cols, rows, payload, skipped, events, room };
        ServerMessage::Snapshot(whole)
    };
    Some(contents.into_iter().zip(1..).map(snapshot).collect())
}

/// The events between two positions, in groups that fit into a frame, and whether some are missing. A page without a screen
/// needs no results.
fn skipped_events(log: &OutputLog, from: Pos, to: Pos, has_screen: bool) -> (Vec<Vec<PositionedEvent>>, bool) {
    let is_sent = |event: &StreamEvent| match event {
        // A command has its place in output, which is skipped; the size is the snapshot's.
        StreamEvent::Size { .. } | StreamEvent::Command(_) => false,
        StreamEvent::CommandResult { .. } | StreamEvent::Restarted { .. } => has_screen,
        _ => true,
    };
    let mut groups: Vec<Vec<PositionedEvent>> = Vec::new();
    let mut room = 0;
    let events: Vec<_> =
        log.events_from(from).take_while(|(at, _)| *at < to).filter(|(_, event)| is_sent(event)).collect();
    let dropped = events.len().saturating_sub(MAX_EVENTS);
    for (pos, event) in events.iter().skip(dropped) {
        let positioned = PositionedEvent { pos: *pos, event: (*event).clone() };
        let length = serde_json::to_string(&positioned).map_or(0, |json| json.len() + 1);
        if length > room {
            groups.push(Vec::new());
            room = PAYLOAD_BYTES;
        }
        room = room.saturating_sub(length);
        if let Some(group) = groups.last_mut() {
            group.push(positioned);
        }
    }
    (groups, dropped > 0 || from < log.start())
}
