//! The client's half of the protocol, without I/O: messages in, messages out, time as an argument. For tests,
//! benchmarks and tools that use a terminal over any transport. The page has its own in TypeScript (`web/src/core`).
#![cfg_attr(doctest, doc = include_str!("../README.md"))] // Its example is a test.

mod carrier;
mod epoch;
mod input;
mod output;

pub use carrier::{Carrier, CarrierEnd};
use epoch::epoch_of;
use input::InputQueue;
pub use output::{OutputStream, StreamItem};
use shared_protocol::client::{Ack, Attach, Chat, ChatMessage, Close, Command, Follow, Ping, Resize, Resume};
use shared_protocol::limits::{MAX_ACK_DELAY, MIN_SKIP_ACK_INTERVAL};
use shared_protocol::server::{Attached, ErrorMessage};
use shared_protocol::{ClientId, ClientMessage, Dispatch, Epoch, ErrorCode, Pos, ServerFrame, ServerMessage};
use std::collections::VecDeque;
use std::time::Duration;

/// Delay before an unanswered `attach` is repeated.
const ATTACH_INTERVAL: Duration = Duration::from_secs(1);
/// Delay of a ping after the last frame.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Delay of a ping after the last one while frames arrive, the same as the page's.
const MAX_PING_INTERVAL: Duration = Duration::from_secs(120);
/// Age of the last frame up to which the client's relay counts as alive after a renewal.
const FRESH_FRAME: Duration = Duration::from_secs(5);
/// Delay before a gap in the stream is asked for.
const GAP_TIMEOUT: Duration = Duration::from_millis(300);
/// Delay before a missing end of the stream is asked for.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// Delay after a renewal until the client pings if it has no fresh frame. The relay before it has ended by then, and
/// a user who types has seen an echo. If the renewal was lost, the `head` of the answer shows what is missing.
const VERIFY_DELAY: Duration = Duration::from_secs(10);
/// Delay before the client asks for frames again after a failed invocation.
const FOLLOW_RETRY_DELAY: Duration = Duration::from_secs(1);

/// An event for the client's user.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientEvent {
    /// The session is attached.
    Attached(Attached),
    /// The shell is a new one, and this many messages for the previous shell were discarded.
    Discarded(usize),
    /// The next item of the stream.
    Stream(StreamItem),
    /// A direct reply.
    Reply(ServerMessage),
}

/// A client. `now` is the time since a fixed moment, the same for all calls.
#[derive(Debug)]
pub struct Client {
    id: ClientId,
    /// Columns and rows.
    size: (u16, u16),
    /// Encodings offered beyond text and base64.
    pub accept: Vec<String>,
    /// Last `attached` message, also of an earlier connection.
    attached: Option<Attached>,
    connected: bool,
    /// Kind of dispatch that the last `attached`, or a `pong` after it, has named.
    dispatch: Option<Dispatch>,
    input: InputQueue,
    output: OutputStream,
    /// Messages for the next [`Client::send`].
    outgoing: VecDeque<ClientMessage>,
    events: VecDeque<ClientEvent>,
    /// Time of the next `attach`; `None` once attached.
    attach_at: Option<Duration>,
    /// Time of the next `follow`.
    follow_at: Option<Duration>,
    ping_at: Option<Duration>,
    /// Time of a ping that verifies the renewal, unless a frame arrives before.
    verify_at: Option<Duration>,
    last_ping: Duration,
    last_frame: Duration,
    /// Time of the next acknowledgement; `None` if all output is acknowledged.
    ack_at: Option<Duration>,
    acked: Pos,
    /// Positions that snapshots skipped since then.
    skipped: u64,
    /// Earliest time of the next acknowledgement of such positions.
    skip_ack_from: Duration,
    /// Time to ask for missing output; `None` if none is missing.
    repair_at: Option<Duration>,
    /// End of the service's stream as far as known.
    head: Pos,
}

impl Client {
    /// A client that is not connected yet.
    pub fn new(id: ClientId, cols: u16, rows: u16) -> Self {
        Self {
            id,
            size: (cols, rows),
            accept: vec!["z".to_owned()],
            attached: None,
            connected: false,
            dispatch: None,
            input: InputQueue::default(),
            output: OutputStream::default(),
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
            attach_at: None,
            follow_at: None,
            ping_at: None,
            verify_at: None,
            last_ping: Duration::ZERO,
            last_frame: Duration::ZERO,
            ack_at: None,
            acked: Pos(0),
            skipped: 0,
            skip_ack_from: Duration::ZERO,
            repair_at: None,
            head: Pos(0),
        }
    }

    /// Names the client.
    pub const fn id(&self) -> &ClientId {
        &self.id
    }

    /// Handles a new connection.
    pub fn connected(&mut self, now: Duration) {
        self.connected = true;
        self.outgoing.clear();
        self.attach_at = Some(now);
        self.ping_at = Some(now + PING_INTERVAL);
        (self.follow_at, self.repair_at) = (None, None);
    }

    /// Handles the loss of the connection. Messages wait for the next one.
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.outgoing.clear();
        (self.attach_at, self.follow_at, self.ping_at, self.verify_at) = (None, None, None, None);
    }

    /// True if the session is attached over the current connection.
    pub fn is_attached(&self) -> bool {
        self.connected && self.attached.is_some() && self.attach_at.is_none()
    }

    /// The shell's epoch, once known.
    pub fn epoch(&self) -> Option<Epoch> {
        self.attached.as_ref().map(|attached| attached.epoch)
    }

    /// Kind of dispatch of the connection's API, once known. Under [`Dispatch::Serial`] a client needs a [`Carrier`].
    pub const fn dispatch(&self) -> Option<Dispatch> {
        self.dispatch
    }

    /// Position up to which the stream is complete.
    pub fn pos(&self) -> Pos {
        self.output.pos()
    }

    /// True if all output that is known to exist was received.
    pub fn is_complete(&self) -> bool {
        self.output.pos() >= self.head && !self.output.has_gap()
    }

    /// Count of unacknowledged numbered messages, including those not sent yet.
    pub fn unacknowledged(&self) -> usize {
        self.input.len()
    }

    /// Count of retransmissions so far.
    pub fn resent(&self) -> u64 {
        self.input.resent
    }

    /// Types text. The text of one call is never split over two messages.
    pub fn keys(&mut self, text: &str) {
        self.input.keys(text);
    }

    /// Resizes the window.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.size = (cols, rows);
        self.input.push(move |seq, epoch| ClientMessage::Resize(Resize { seq, epoch, cols, rows }));
    }

    /// Runs a command line. Its result carries `id`.
    pub fn command(&mut self, id: &str, line: &str) {
        let (id, command) = (id.to_owned(), line.to_owned());
        self.input.push(move |seq, epoch| ClientMessage::Command(Command { seq, epoch, id, command, loan: None }));
    }

    /// Interrupts the running program, ahead of all unsent input.
    pub fn interrupt(&mut self) {
        self.input.interrupt();
    }

    /// Sends a chat message to all clients of the session.
    pub fn chat(&mut self, message: &str) {
        let data = Chat { message: message.to_owned() };
        self.input.push(move |seq, epoch| ClientMessage::ChatMessage(ChatMessage { seq, epoch, data }));
    }

    /// Ends the session.
    pub fn close(&mut self) {
        self.input.push(move |seq, epoch| ClientMessage::Close(Close { seq, epoch }));
    }

    /// Handles a frame. One that is not the service's is API Gateway's report of a failed invocation.
    pub fn receive(&mut self, text: &str, now: Duration) {
        let Ok(frame) = serde_json::from_str::<ServerFrame>(text) else {
            // The failed invocation may have been the client's relay.
            self.follow_at = self.follow_at.map(|at| at.min(now + FOLLOW_RETRY_DELAY));
            return;
        };
        self.receive_frame(frame, now);
    }

    /// [`Self::receive`] for a frame that the caller has parsed.
    pub fn receive_frame(&mut self, frame: ServerFrame, now: Duration) {
        self.last_frame = now;
        let of = epoch_of(&frame.message);
        match frame.message {
            ServerMessage::Attached(attached) => self.attached(attached, now),
            ServerMessage::Output(output) => self.stream(of, now, |stream| stream.output(&output)),
            ServerMessage::Event(event) => self.stream(of, now, |stream| stream.event(event)),
            ServerMessage::Snapshot(snapshot) => self.stream(of, now, |stream| stream.snapshot(&snapshot)),
            ServerMessage::Error(error) => self.error(error, now),
            ServerMessage::InputAck(_) => {}
            ServerMessage::Renew(_) => self.follow_at = self.follow_at.map(|_| now),
            ServerMessage::Pong(pong) => {
                self.dispatch = pong.dispatch.or(self.dispatch);
                self.events.push_back(ClientEvent::Reply(ServerMessage::Pong(pong)));
            }
            reply => self.events.push_back(ClientEvent::Reply(reply)),
        }
        if of.is_some() && of == self.epoch() {
            self.head = self.head.max(frame.head.unwrap_or_default());
            if let Some(seq) = frame.ack_seq {
                self.input.acknowledged(seq, now);
            }
            self.schedule_repair(now);
        }
    }

    /// Returns the messages to send now. Call it after every other call, and at [`Self::deadline`].
    pub fn send(&mut self, now: Duration) -> Vec<String> {
        if !self.connected {
            return Vec::new();
        }
        if self.attach_at.is_some_and(|at| at <= now) {
            self.attach_at = Some(now + ATTACH_INTERVAL);
            let resume = self.epoch().map(|epoch| Resume { epoch, pos: self.output.pos() });
            self.outgoing.push_back(ClientMessage::Attach(Attach {
                client: self.id.clone(),
                cols: self.size.0,
                rows: self.size.1,
                accept: self.accept.clone(),
                theme: None,
                resume,
                snapshot: false,
                commands: false,
                directory: None,
            }));
        }
        let is_fresh = now < self.last_frame + FRESH_FRAME;
        let verify = self.verify_at.take_if(|at| *at <= now).is_some() && !is_fresh;
        if verify || self.ping_at.is_some_and(|at| at <= now) {
            if verify || self.next_ping() <= now {
                self.last_ping = now;
                self.outgoing.push_back(ClientMessage::Ping(Ping { t: None }));
            }
            self.ping_at = Some(self.next_ping());
        }
        if self.is_attached() {
            self.send_attached(now);
        }
        self.outgoing.drain(..).map(|message| message.to_json()).collect()
    }

    /// Time of the next [`Self::send`] if nothing else happens.
    pub fn deadline(&self) -> Option<Duration> {
        let attached = [self.follow_at, self.ack_at, self.repair_at, self.input.deadline()];
        let attached = attached.into_iter().filter(|_| self.is_attached());
        attached.chain([self.attach_at, self.ping_at, self.verify_at]).flatten().min().filter(|_| self.connected)
    }

    /// Takes the next event.
    pub fn next_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// Time of the next ping, if no further frame arrives.
    fn next_ping(&self) -> Duration {
        (self.last_frame.max(self.last_ping) + PING_INTERVAL).min(self.last_ping + MAX_PING_INTERVAL)
    }

    fn send_attached(&mut self, now: Duration) {
        let (Some(epoch), pos) = (self.epoch(), self.output.pos()) else { return };
        let repairs = self.repair_at.is_some_and(|at| at <= now);
        if repairs || self.follow_at.is_some_and(|at| at <= now) {
            self.outgoing.push_back(ClientMessage::Follow(Follow { epoch, pos, repair: repairs }));
            self.follow_at = self.attached.as_ref().map(|attached| now + Duration::from_millis(attached.follow_ms));
            self.verify_at = Some(now + VERIFY_DELAY);
            if repairs {
                self.repair_at = Some(now + HEAD_TIMEOUT);
            }
        }
        if pos.0.saturating_sub(self.acked.0 + self.skipped) >= self.ack_step()
            || self.ack_at.is_some_and(|at| at <= now)
        {
            self.acknowledged_output(pos, now);
            self.outgoing.push_back(ClientMessage::Ack(Ack { epoch, pos }));
        }
        let mut unacked = self.ack_at.map(|_| pos);
        self.outgoing.extend(self.input.due(epoch, now, &mut unacked));
        if self.ack_at.is_some() && unacked.is_none() {
            self.acknowledged_output(pos, now);
        }
    }

    /// Bytes that may be parsed without an acknowledgement.
    fn ack_step(&self) -> u64 {
        self.attached.as_ref().map_or(u64::MAX, |attached| attached.limits.ack_step_bytes.into())
    }

    fn acknowledged_output(&mut self, pos: Pos, now: Duration) {
        if self.skipped >= self.ack_step() {
            self.skip_ack_from = now + MIN_SKIP_ACK_INTERVAL;
        }
        (self.acked, self.skipped, self.ack_at) = (pos, 0, None);
    }

    fn attached(&mut self, attached: Attached, now: Duration) {
        if attached.client != self.id || self.epoch().is_some_and(|epoch| epoch > attached.epoch) {
            return;
        }
        if self.epoch() != Some(attached.epoch) {
            let first = self.attached.is_none();
            self.output = OutputStream::default();
            (self.head, self.acked, self.skipped, self.ack_at) = (Pos(0), Pos(0), 0, None);
            let discarded = self.input.restart(attached.input_seq, first);
            if discarded > 0 {
                self.events.push_back(ClientEvent::Discarded(discarded));
            }
        }
        self.input.acknowledged(attached.input_seq, now);
        self.input.resend(now);
        let limits = attached.limits;
        self.input.window = limits.input_window_bytes as usize;
        self.attach_at = None;
        self.dispatch = attached.dispatch;
        self.follow_at = Some(now + Duration::from_millis(attached.follow_ms));
        self.events.push_back(ClientEvent::Attached(attached.clone()));
        self.attached = Some(attached);
    }

    fn stream(&mut self, of: Option<Epoch>, now: Duration, take: impl FnOnce(&mut OutputStream) -> Vec<StreamItem>) {
        if of != self.epoch() {
            return;
        }
        let before = self.output.pos();
        let items = take(&mut self.output);
        if let Some(StreamItem::Snapshot { pos, .. }) = items.first() {
            self.skipped += pos.0 - before.0;
            if self.skipped >= self.ack_step() {
                self.ack_at = Some(self.ack_at.unwrap_or(Duration::MAX).min(now.max(self.skip_ack_from)));
            }
        }
        // A repeated frame is acknowledged too: the service has not received the first acknowledgement.
        self.ack_at.get_or_insert(now + MAX_ACK_DELAY);
        if !items.is_empty() {
            self.repair_at = None;
        }
        self.events.extend(items.into_iter().map(ClientEvent::Stream));
    }

    fn schedule_repair(&mut self, now: Duration) {
        let timeout = if self.output.has_gap() { GAP_TIMEOUT } else { HEAD_TIMEOUT };
        if self.is_complete() {
            self.repair_at = None;
        } else {
            self.repair_at = Some(self.repair_at.map_or(now + timeout, |at| at.min(now + timeout)));
        }
    }

    fn error(&mut self, error: ErrorMessage, now: Duration) {
        match (error.code, error.have) {
            (ErrorCode::InputGap, Some(have)) => {
                self.input.acknowledged(have, now);
                self.input.resend(now);
            }
            // The service has no state of this connection, or the shell is a new one: attach again.
            (ErrorCode::NotAttached | ErrorCode::StaleEpoch, _) if self.connected => self.attach_at = Some(now),
            _ => {}
        }
        self.events.push_back(ClientEvent::Reply(error.into()));
    }
}
