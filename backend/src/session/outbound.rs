//! Frames for clients: queued replies, snapshots and the stream; at most 32 KB each.

use super::client::{Client, Outbound};
use super::frames::encode;
use super::output_budget::OutputBudget;
use super::output_log::{Item, OutputLog};
use super::snapshot;
use super::terminal::Terminal;
use crate::metrics::{Metrics, RetransmissionCause, SnapshotCause};
use crate::relay::{Due, Relays};
use bytes::Bytes;
use shared_protocol::server::{Event, InputAck, Output, Room};
use shared_protocol::{Epoch, Pos, ServerFrame, ServerMessage, SessionId, StreamEvent};
use std::sync::Arc;
use tokio::time::Instant;

/// Unsent output above which a client gets a snapshot instead, unless it applies backpressure. In bytes.
const SKIP_ABOVE: u64 = 640 * 1024;

/// Phase of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamPhase {
    /// The shell runs.
    Running,
    /// The shell is to end.
    Ending,
    /// The stream has ended.
    Over,
}

/// Makes the frames of one session, and counts them.
pub(super) struct FrameBuilder {
    session: SessionId,
    epoch: Epoch,
    /// Number of snapshots so far; the last one's id.
    snapshots: u32,
    /// Output that may still go through the gateway.
    budget: OutputBudget,
    /// The people, for clients that may have missed an event about them.
    pub(super) room: Room,
    metrics: Arc<Metrics>,
}

impl FrameBuilder {
    /// `output_rate` is in bytes per second; 0 means no limit.
    pub(super) fn new(session: SessionId, epoch: Epoch, output_rate: u64, metrics: Arc<Metrics>) -> Self {
        let budget = OutputBudget::new(output_rate, Instant::now());
        Self { session, epoch, snapshots: 0, budget, room: Room::default(), metrics }
    }

    /// The people, and where the shell is, as of now.
    fn whole_room(&self, terminal: &Terminal) -> Room {
        Room { directory: terminal.directory.path().map(str::to_owned), ..self.room.clone() }
    }

    pub(super) fn encode(&self, frame: &ServerFrame) -> Bytes {
        let bytes = encode(frame);
        self.metrics.streams.record_frame(&frame.message, bytes.len());
        bytes
    }

    /// Encodes a frame for this client. A page's frame carries the end of the log, the number of the last applied input, and
    /// whether the shell waits for a command there.
    pub(super) fn stamp(
        &self,
        client: &mut Client,
        mut message: ServerMessage,
        log: &OutputLog,
        terminal: &Terminal,
    ) -> Bytes {
        if client.one_shot {
            return self.encode(&message.into());
        }
        message.set_epoch(self.epoch);
        if let ServerMessage::Attached(attached) = &mut message {
            // As of now, which is the frame's `head`: the frame may have waited for its relay.
            attached.room = self.whole_room(terminal);
        }
        // It says that there is more: everything follows it.
        client.echo_hold.end();
        let ack_seq = Some(client.inbound.acknowledge());
        let prompt = terminal.prompt.is_ready();
        self.encode(&ServerFrame { message, head: Some(log.end()), ack_seq, prompt })
    }

    /// Hands over the client's next frames, as long as its relay accepts some.
    pub(super) fn send(
        &mut self,
        client: &mut Client,
        log: &mut OutputLog,
        terminal: &mut Terminal,
        relays: &Relays,
        phase: StreamPhase,
        now: Instant,
    ) {
        client.outbound.refresh(relays, self.epoch, now);
        // Not before it has parsed the end.
        let has_all = client.one_shot || client.outbound.cursor.acked() >= log.end();
        if phase == StreamPhase::Over && has_all && client.outbound.reply_count() == 0 {
            return client.outbound.link.finish(now);
        }
        while let Some(due) = client.outbound.link.due(now) {
            if client.outbound.cursor.resend_if_due(now) {
                self.metrics.streams.retransmissions.of(RetransmissionCause::Overdue).inc();
                client.echo_hold.end();
                resync_if_shorter(&mut client.outbound, log, terminal);
            }
            match self.next_message(client, log, terminal, due, now) {
                Some(message) => {
                    let frame = self.stamp(client, message, log, terminal);
                    client.outbound.link.push(frame, phase != StreamPhase::Running, now);
                }
                None => return,
            }
        }
    }

    /// Sends again from `pos`, as the client asked.
    pub(super) fn repair(&self, outbound: &mut Outbound, pos: Pos, log: &mut OutputLog, terminal: &mut Terminal) {
        tracing::debug!(session = %self.session, %pos, "client asks for a repair");
        self.metrics.streams.retransmissions.of(RetransmissionCause::Asked).inc();
        outbound.repair(pos, Instant::now());
        resync_if_shorter(outbound, log, terminal);
    }

    fn next_message(
        &mut self,
        client: &mut Client,
        log: &mut OutputLog,
        terminal: &mut Terminal,
        due: Due,
        now: Instant,
    ) -> Option<ServerMessage> {
        if let Some(reply) = client.outbound.next_reply() {
            return Some(reply);
        }
        if client.one_shot {
            return None;
        }
        if !terminal.at_end && holds_echo(client, log, now) {
            return None;
        }
        let epoch = self.epoch;
        let ack = client.inbound.ack_is_due(now).then_some(ServerMessage::InputAck(InputAck { epoch }));
        let (applies_backpressure, is_guest) = (client.can_apply_backpressure(), client.is_guest);
        let outbound = &mut client.outbound;
        let (sent, end) = (outbound.cursor.sent(), log.end());
        if !outbound.may_send(end, &mut self.budget, due, now) {
            return ack;
        }
        let is_behind = end.0 - sent.0 > SKIP_ABOVE && !applies_backpressure;
        let is_lost = sent < log.start();
        let needed = if is_lost { Some(SnapshotCause::Lost) } else { is_behind.then_some(SnapshotCause::Behind) };
        if let Some(cause) = outbound.take_skip(needed) {
            let room = self.whole_room(terminal);
            let Some(parts) = snapshot::parts(outbound, (epoch, self.snapshots + 1), &room, log, terminal) else {
                outbound.put_off(cause);
                return ack;
            };
            self.metrics.streams.snapshots.of(cause).inc();
            self.snapshots += 1;
            tracing::debug!(session = %self.session, ?cause, "client gets a snapshot");
            outbound.queue_snapshot(parts);
        }
        if let Some(part) = outbound.take_snapshot_part(now) {
            return Some(part);
        }
        if !terminal.at_end && outbound.coalesce(end.0 - sent.0, due, now) {
            return ack;
        }
        match log.at(sent, outbound.max_frame_bytes()) {
            Item::Event(event) => {
                outbound.cursor.advance(sent.after(1), now);
                let event = match event {
                    StreamEvent::Command(command) if is_guest => StreamEvent::Command(command.without_line()),
                    event => event.clone(),
                };
                Some(ServerMessage::Event(Event { epoch, pos: sent, event }))
            }
            Item::Bytes(bytes) => {
                let (payload, len) = outbound.pack(&bytes, &mut self.budget, now);
                Some(ServerMessage::Output(Output { epoch, pos: sent, len, payload }))
            }
            Item::End | Item::Lost => ack,
        }
    }
}

/// True if all that the client has not been sent is the echo of keys that its page shows, and may wait.
fn holds_echo(client: &mut Client, log: &OutputLog, now: Instant) -> bool {
    let bytes = client.outbound.unsent(log.end());
    if !client.echo_hold.may_hold(bytes) {
        return false;
    }
    match log.at(client.outbound.cursor.sent(), bytes as usize) {
        Item::Bytes(unsent) if unsent.len() as u64 == bytes => client.echo_hold.holds(&unsent, now),
        _ => false,
    }
}

/// Sends a snapshot to a page that acknowledged nothing of the stream, where that is shorter than the stream again, or where
/// the page wants it.
fn resync_if_shorter(outbound: &mut Outbound, log: &mut OutputLog, terminal: &mut Terminal) {
    if outbound.cursor.sent() > Pos(0) {
        return;
    }
    if outbound.starts_with_snapshot || !snapshot::prefers_tail(Pos(0), log, terminal) {
        outbound.resync();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::metrics::FrameKind;
    use crate::session::caller::caller;
    use crate::session::stateless::unknown_command;
    use crate::terminal::scripted::Script;
    use crate::terminal::{Nonce, Size};
    use shared_protocol::Seq;

    fn bench(one_shot: bool) -> (FrameBuilder, Client, OutputLog, Terminal) {
        let (session, metrics) = (SessionId::new("s").unwrap(), Metrics::new(0));
        let (size, pty) = (Size { cols: 20, rows: 4 }, Box::new(Script::default()));
        let terminal = Terminal::new(
            session.clone(),
            pty,
            &Nonce::new([0; 16]),
            size,
            10,
            Arc::new(SystemClock),
            Arc::clone(&metrics),
        );
        let client = Client::new(&caller("ada", "c1"), one_shot, Instant::now());
        (FrameBuilder::new(session, Epoch(1), 0, metrics), client, OutputLog::default(), terminal)
    }

    #[test]
    fn every_frame_is_counted_and_a_pages_frame_acknowledges() {
        for (one_shot, stamp) in [(false, (Some(Pos(7)), Some(Seq(0)))), (true, (None, None))] {
            let (frames, mut client, mut log, terminal) = bench(one_shot);
            log.push_bytes(b"1234567");
            let bytes = frames.stamp(&mut client, unknown_command("x"), &log, &terminal);
            let frame: ServerFrame = serde_json::from_slice(&bytes).unwrap();
            assert_eq!((frame.head, frame.ack_seq), stamp);
            assert_eq!(frames.metrics.streams.frames.of(FrameKind::from(&frame.message)).get(), 1);
        }
    }

    #[test]
    fn a_client_that_missed_events_hears_where_the_shell_is() {
        let (frames, _, _, mut terminal) = bench(false);
        assert_eq!(frames.whole_room(&terminal), Room::default());
        assert!(terminal.directory.tell("file:///srv"));
        assert_eq!(frames.whole_room(&terminal).directory.as_deref(), Some("/srv"));
    }

    #[test]
    fn each_snapshot_has_the_next_id_and_the_stream_goes_on_behind_it() {
        let (mut frames, mut client, mut log, mut terminal) = bench(false);
        for id in 1..=2 {
            log.push_bytes(b"hello");
            client.outbound.resync();
            let now = Instant::now();
            let due = Due { since: now, is_throttled: false, shares: false };
            let mut next = || frames.next_message(&mut client, &mut log, &mut terminal, due, now);
            let Some(ServerMessage::Snapshot(snapshot)) = next() else { panic!("no snapshot") };
            assert_eq!((snapshot.id, next()), (id, None));
        }
        assert_eq!(frames.metrics.streams.snapshots.of(SnapshotCause::Attach).get(), 2);
    }
}
