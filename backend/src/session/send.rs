//! What goes out: direct replies, snapshots and the stream, in frames of at most 32 KB, one for each request that waits.

use super::actor::Actor;
use super::client::{Client, Waiter};
use super::deflate::{Effort, WORTH_DEFLATING, deflate};
use super::follower::{Asked, PollToken};
use super::output_log::Item;
use super::{Close, OutputResponse};
use crate::metrics::{RetransmissionCause, SnapshotCause};
use bytes::Bytes;
use shared_protocol::frame::{Payload, fitting_prefix};
use shared_protocol::limits::{ENVELOPE_BYTES, FRAME_BYTES, FRAME_RAW_BYTES};
use shared_protocol::server::{ErrorMessage, Event, InputAck, Output};
use shared_protocol::{ClientId, ConnectionId, Epoch, ErrorCode, Role, ServerFrame, ServerMessage};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Room for the bytes in one frame, as JSON text.
pub(super) const PAYLOAD_BYTES: usize = FRAME_BYTES - ENVELOPE_BYTES;

/// A client that is further behind is skipped to now, unless it holds the program back. In bytes.
const SKIP_ABOVE: u64 = 640 * 1024;

/// How long a request may wait for a fuller frame while a program pours out more. The post before takes longer than this.
const GATHER: Duration = Duration::from_millis(8);

/// JSON text of a frame. Only what echoes a client's own words can be too long, and is refused instead.
pub(super) fn encode(frame: &ServerFrame) -> Bytes {
    let json = frame.to_json();
    if json.len() <= FRAME_BYTES {
        return Bytes::from(json);
    }
    let error = ErrorMessage::new(ErrorCode::TooLarge, "the answer would be larger than a frame");
    Bytes::from(ServerFrame { message: error.into(), ..frame.clone() }.to_json())
}

/// As much of `bytes` as fits into a frame, and how much that is.
pub(super) fn pack(bytes: &[u8], deflates: Option<Effort>) -> (Payload, usize) {
    if let Some(effort) = deflates
        && bytes.len() >= WORTH_DEFLATING
        && let Some(packed) = deflate(bytes, PAYLOAD_BYTES, effort)
    {
        return packed;
    }
    let bytes = fitting_prefix(bytes, PAYLOAD_BYTES);
    (Payload::encode(bytes), bytes.len())
}

impl Client {
    /// A frame that only acknowledges, when one is due.
    fn acknowledgement(&self, epoch: Epoch, now: Instant) -> Option<ServerMessage> {
        self.ack_is_due(now).then_some(ServerMessage::InputAck(InputAck { epoch }))
    }

    /// Bytes of output that one frame may stand for.
    fn most(&self) -> usize {
        if self.deflates.is_some() { FRAME_RAW_BYTES } else { PAYLOAD_BYTES }
    }

    /// Whether these bytes wait for more: each frame is a post, and the same output in fewer of them costs less and comes sooner.
    fn gathers(&mut self, bytes: u64, now: Instant) -> bool {
        let until = self.waiter.as_ref().map(|waiter| waiter.until.min(waiter.asked + GATHER));
        let gathers = self.pours && !self.direct && (1..self.most() as u64).contains(&bytes);
        self.gather_until = until.filter(|until| gathers && *until > now);
        self.gather_until.is_some()
    }

    /// Whether the terminal waits for this client.
    pub(super) fn may_hold_back(&self) -> bool {
        self.role == Role::Controller && !self.plain
    }
}

impl Actor {
    /// A request for a client's next frame.
    pub(super) fn output(
        &mut self,
        connection: &ConnectionId,
        token: PollToken,
        wait: Duration,
        reply: oneshot::Sender<OutputResponse>,
    ) {
        let now = Instant::now();
        if let Some(code) = self.turned_away.why(connection) {
            self.metrics.streams.record_error(code);
            let _ = reply.send(OutputResponse::rejected(code));
            return;
        }
        self.heard(connection);
        let client = self.connections.get(connection).and_then(|connected| self.clients.get_mut(&connected.client));
        let Some(client) = client else {
            let _ = reply.send(OutputResponse::default());
            return;
        };
        match client.follower.ask(token, now) {
            Asked::Stop => drop(reply.send(OutputResponse::default())),
            Asked::Again(answer) => drop(reply.send(answer)),
            Asked::Waits => {
                let (connection, _counted) = (connection.clone(), self.metrics.streams.waiting());
                client.waiter = Some(Waiter { connection, reply, asked: now, until: now + wait, _counted });
            }
        }
    }

    /// Answers every request that waits and can be answered.
    pub(super) fn send_frames(&mut self) {
        let now = Instant::now();
        let waiting: Vec<ClientId> =
            self.clients.iter().filter(|(_, client)| client.waiter.is_some()).map(|(id, _)| id.clone()).collect();
        for id in waiting {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            if !client.is_followed(now) || client.waiter.is_none() {
                continue;
            }
            if client.sending.resend_when_due(now) {
                self.metrics.streams.retransmissions.of(RetransmissionCause::Overdue).inc();
                self.start_over(&id);
            }
            let Some(client) = self.clients.get(&id) else { continue };
            let time_is_up = client.waiter.as_ref().is_some_and(|waiter| waiter.until <= now);
            let (frame, close) = match self.next_message(&id, now) {
                Some(message) => (Some(self.stamp(&id, message)), None),
                // Not before it has heard the end.
                None if self.is_over() && self.has_heard_all(&id) => (None, Some(Close::Connection)),
                None if time_is_up => (None, None),
                None => continue,
            };
            let Some(client) = self.clients.get_mut(&id) else { continue };
            let next = close.is_none().then(|| client.follower.next_token());
            let answer = OutputResponse { frame, next, close };
            client.follower.answered(answer.clone(), now);
            if close.is_some() {
                client.follower.revoke();
            }
            if let Some(waiter) = client.waiter.take() {
                // A request that is gone asks again with the same token and gets the same answer.
                let _ = waiter.reply.send(answer);
            }
        }
    }

    fn has_heard_all(&self, id: &ClientId) -> bool {
        let heard = |client: &Client| client.plain || client.sending.acked >= self.log.end();
        self.clients.get(id).is_none_or(heard)
    }

    /// The session is gone: whoever still waits is told to close.
    pub(super) fn close_all(&mut self) {
        for client in self.clients.values_mut() {
            if let Some(waiter) = client.waiter.take() {
                let _ =
                    waiter.reply.send(OutputResponse { close: Some(Close::Connection), ..OutputResponse::default() });
            }
        }
    }

    /// A frame with where stream and input stand.
    pub(super) fn stamp(&mut self, id: &ClientId, mut message: ServerMessage) -> Bytes {
        let head = self.log.end();
        let client = self.clients.get_mut(id).filter(|client| !client.plain);
        let Some(client) = client else { return self.encoded(&message.into()) };
        client.ack_told();
        message.set_epoch(self.epoch);
        let ack_seq = Some(client.order.applied());
        self.encoded(&ServerFrame { message, head: Some(head), ack_seq })
    }

    /// The frame as it goes out, counted.
    pub(super) fn encoded(&self, frame: &ServerFrame) -> Bytes {
        let bytes = encode(frame);
        self.metrics.streams.record_frame(&frame.message, bytes.len());
        bytes
    }

    fn next_message(&mut self, id: &ClientId, now: Instant) -> Option<ServerMessage> {
        let client = self.clients.get_mut(id)?;
        if let Some(message) = client.urgent.pop_front() {
            return Some(message);
        }
        if client.plain {
            return None;
        }
        let (sent, end) = (client.sending.sent, self.log.end());
        let behind = end.0 - sent.0 > SKIP_ABOVE && !(client.may_hold_back() && self.log.start() <= sent);
        client.show_at = None;
        if client.snapshot.is_empty() && sent < end {
            match client.may_stream(&mut self.budget, now) {
                Ok(()) => {}
                Err(true) => client.skip = Some(SnapshotCause::Budget),
                Err(false) => return client.acknowledgement(self.epoch, now),
            }
        }
        let lost = (sent < self.log.start()).then_some(SnapshotCause::Lost);
        let skip = client.skip.take().or(lost).or(behind.then_some(SnapshotCause::Behind));
        if let Some(cause) = skip.filter(|_| client.snapshot.is_empty()) {
            self.metrics.streams.snapshots.of(cause).inc();
            let parts = self.snapshot_for(id)?;
            self.clients.get_mut(id)?.snapshot.extend(parts);
        }
        let epoch = self.epoch;
        let client = self.clients.get_mut(id)?;
        if let Some(part) = client.snapshot.pop_front() {
            if client.snapshot.is_empty()
                && let ServerMessage::Snapshot(snapshot) = &part
            {
                client.sending.sent(snapshot.pos, now);
            }
            return Some(part);
        }
        if !self.output_over && client.gathers(end.0 - sent.0, now) {
            return client.acknowledgement(epoch, now);
        }
        match self.log.at(sent, client.most()) {
            Item::Event(event) => {
                client.sending.sent(sent.after(1), now);
                Some(ServerMessage::Event(Event { epoch, pos: sent, event: event.clone() }))
            }
            Item::Bytes(bytes) => {
                client.pours = bytes.len() >= WORTH_DEFLATING;
                let (payload, len) = pack(&bytes, client.deflates);
                client.sending.sent(sent.after(len as u64), now);
                if !client.direct {
                    self.budget.spend(len as u64);
                }
                Some(ServerMessage::Output(Output { epoch, pos: sent, len: len as u32, payload }))
            }
            Item::End | Item::Lost => client.acknowledgement(epoch, now),
        }
    }
}
