//! The client's half of the protocol, without I/O: messages in, messages out, the time an argument. For programs that speak to a
//! terminal over any transport: tests, measurements, tools. The page has its own in TypeScript (`web/src/core`).

mod input;
mod output;

use input::InputQueue;
use output::OutputStream;
pub use output::StreamItem;
use shared_protocol::client::{
    Ack, Attach, Chat, ChatMessage, Close, Command, Follow, Interrupt, Ping, Resize, Resume,
};
use shared_protocol::limits::MAX_ACK_DELAY;
use shared_protocol::server::{Attached, ErrorMessage};
use shared_protocol::{ClientId, ClientMessage, Epoch, ErrorCode, Pos, ServerFrame, ServerMessage};
use std::collections::VecDeque;
use std::time::Duration;

/// `attach` is repeated this often until it is answered.
const ATTACH_EVERY: Duration = Duration::from_secs(1);
/// A quiet connection shows that it lives this often.
const PING_EVERY: Duration = Duration::from_secs(30);
/// While frames come it lives, and shows so this seldom, as a page does.
const PING_LATEST: Duration = Duration::from_secs(120);
/// What was heard so lately came under the present permission to send.
const FRESH: Duration = Duration::from_secs(5);
/// Something early waits this long for what is missing before it is asked for.
const GAP_PATIENCE: Duration = Duration::from_millis(300);
/// A known end of the stream is waited for this long before the rest is asked for.
const HEAD_PATIENCE: Duration = Duration::from_secs(2);

/// This long after it was renewed, a follower from before is over, and a user who types has seen an echo since: whatever is said then
/// gets a new one if the renewal was lost.
const VERIFY_AFTER: Duration = Duration::from_secs(10);
/// Pause before a failed follower is replaced.
const FOLLOW_AGAIN: Duration = Duration::from_secs(1);

/// What a client has to tell its user.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientEvent {
    /// The session answered.
    Attached(Attached),
    /// The shell is another one: so many messages for the one before were discarded.
    Discarded(usize),
    /// The stream went on.
    Stream(StreamItem),
    /// A direct reply.
    Reply(ServerMessage),
}

/// One client. `now` is the time since any fixed moment, the same for all calls.
#[derive(Debug)]
pub struct Client {
    id: ClientId,
    size: (u16, u16),
    accept: Vec<String>,
    attached: Option<Attached>,
    connected: bool,
    input: InputQueue,
    output: OutputStream,
    outgoing: VecDeque<ClientMessage>,
    heard: VecDeque<ClientEvent>,
    attach_at: Option<Duration>,
    follow_at: Option<Duration>,
    ping_at: Option<Duration>,
    /// When somebody must be following, or be asked.
    verify_at: Option<Duration>,
    pinged: Duration,
    heard_last: Duration,
    ack_at: Option<Duration>,
    acked: Pos,
    repair_at: Option<Duration>,
    head: Pos,
}

impl Client {
    /// A new page load.
    pub fn new(id: ClientId, cols: u16, rows: u16) -> Self {
        Self {
            id,
            size: (cols, rows),
            accept: vec!["z".into()],
            attached: None,
            connected: false,
            input: InputQueue::default(),
            output: OutputStream::default(),
            outgoing: VecDeque::new(),
            heard: VecDeque::new(),
            attach_at: None,
            follow_at: None,
            ping_at: None,
            verify_at: None,
            pinged: Duration::ZERO,
            heard_last: Duration::ZERO,
            ack_at: None,
            acked: Pos(0),
            repair_at: None,
            head: Pos(0),
        }
    }

    /// A connection is there.
    pub fn connected(&mut self, now: Duration) {
        self.connected = true;
        self.outgoing.clear();
        self.attach_at = Some(now);
        self.ping_at = Some(now + PING_EVERY);
        (self.follow_at, self.repair_at) = (None, None);
    }

    /// The connection is gone; everything waits for the next.
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.outgoing.clear();
        (self.attach_at, self.follow_at, self.ping_at, self.verify_at) = (None, None, None, None);
    }

    /// Whether the session has answered on this connection.
    pub fn is_attached(&self) -> bool {
        self.connected && self.attached.is_some() && self.attach_at.is_none()
    }

    /// The life of the shell, once known.
    pub fn epoch(&self) -> Option<Epoch> {
        self.attached.as_ref().map(|attached| attached.epoch)
    }

    /// Everything before it was received.
    pub fn pos(&self) -> Pos {
        self.output.pos()
    }

    /// Messages with a number that are not acknowledged yet, the ones that wait included.
    pub fn unacknowledged(&self) -> usize {
        self.input.len()
    }

    /// How many messages with a number were sent more than once so far, counting each time.
    pub fn resent(&self) -> u64 {
        self.input.resent()
    }

    /// Keys. What one call types is never split over two messages.
    pub fn keys(&mut self, text: &str) {
        self.input.keys(text);
    }

    /// The window has another size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.size = (cols, rows);
        self.input.push(move |seq, epoch| ClientMessage::Resize(Resize { seq, epoch, cols, rows }));
    }

    /// A command line, whose result carries this id.
    pub fn command(&mut self, id: &str, line: &str) {
        let (id, command) = (id.to_owned(), line.to_owned());
        self.input.push(move |seq, epoch| ClientMessage::Command(Command { seq, epoch, id, command }));
    }

    /// Ctrl-C, ahead of everything typed before.
    pub fn interrupt(&mut self) {
        self.input
            .interrupt(move |seq, epoch, after_seq| ClientMessage::Interrupt(Interrupt { seq, epoch, after_seq }));
    }

    /// A word to everyone.
    pub fn chat(&mut self, message: &str) {
        let data = Chat { message: message.to_owned() };
        self.input.push(move |seq, epoch| ClientMessage::ChatMessage(ChatMessage { seq, epoch, data }));
    }

    /// The end of the session.
    pub fn close(&mut self) {
        self.input.push(move |seq, epoch| ClientMessage::Close(Close { seq, epoch }));
    }

    /// A frame came. What is no frame of the service is API Gateway's own, and says that an invocation failed.
    pub fn receive(&mut self, text: &str, now: Duration) {
        let Ok(frame) = serde_json::from_str::<ServerFrame>(text) else { return self.failed(now) };
        self.heard_last = now;
        let of = epoch_of(&frame.message);
        match frame.message {
            ServerMessage::Attached(attached) => self.attached(attached, now),
            ServerMessage::Output(output) => self.stream(of, now, |stream| stream.output(&output)),
            ServerMessage::Event(event) => self.stream(of, now, |stream| stream.event(event)),
            ServerMessage::Snapshot(snapshot) => self.stream(of, now, |stream| stream.snapshot(&snapshot)),
            ServerMessage::Error(error) => self.error(error, now),
            ServerMessage::InputAck(_) => {}
            reply => self.heard.push_back(ClientEvent::Reply(reply)),
        }
        if of.is_some() && of == self.epoch() {
            self.head = self.head.max(frame.head.unwrap_or_default());
            if let Some(seq) = frame.ack_seq {
                self.input.acknowledged(seq, now);
            }
            self.watch(now);
        }
    }

    /// What to send now. Call it after every other call, and at [`Self::deadline`].
    pub fn send(&mut self, now: Duration) -> Vec<String> {
        if !self.connected {
            return Vec::new();
        }
        if self.attach_at.is_some_and(|at| at <= now) {
            self.attach_at = Some(now + ATTACH_EVERY);
            let (cols, rows) = self.size;
            let resume = self.epoch().map(|epoch| Resume { epoch, pos: self.output.pos() });
            let (client, accept) = (self.id.clone(), self.accept.clone());
            self.outgoing.push_back(ClientMessage::Attach(Attach { client, cols, rows, accept, resume }));
        }
        let fresh = now < self.heard_last + FRESH;
        let doubts = self.verify_at.take_if(|at| *at <= now).is_some() && !fresh;
        if doubts || self.ping_at.is_some_and(|at| at <= now) {
            if doubts || self.next_ping() <= now {
                self.pinged = now;
                self.outgoing.push_back(ClientMessage::Ping(Ping { t: None }));
            }
            self.ping_at = Some(self.next_ping());
        }
        if self.is_attached() {
            self.send_attached(now);
        }
        self.outgoing.drain(..).map(|message| message.to_json()).collect()
    }

    /// When [`Self::send`] has something to say if nothing else happens.
    pub fn deadline(&self) -> Option<Duration> {
        let attached = [self.follow_at, self.ack_at, self.repair_at, self.input.deadline()];
        let attached = attached.into_iter().filter(|_| self.is_attached());
        attached.chain([self.attach_at, self.ping_at, self.verify_at]).flatten().min().filter(|_| self.connected)
    }

    /// What there is to tell.
    pub fn next_event(&mut self) -> Option<ClientEvent> {
        self.heard.pop_front()
    }

    /// When it is to be shown that the connection lives, as far as is known.
    fn next_ping(&self) -> Duration {
        (self.heard_last.max(self.pinged) + PING_EVERY).min(self.pinged + PING_LATEST)
    }

    fn send_attached(&mut self, now: Duration) {
        let (Some(epoch), pos) = (self.epoch(), self.output.pos()) else { return };
        let repairs = self.repair_at.is_some_and(|at| at <= now);
        if repairs || self.follow_at.is_some_and(|at| at <= now) {
            self.outgoing.push_back(ClientMessage::Follow(Follow { epoch, pos, repair: repairs }));
            self.follow_at = self.attached.as_ref().map(|attached| now + Duration::from_millis(attached.follow_ms));
            self.verify_at = Some(now + VERIFY_AFTER);
            if repairs {
                self.repair_at = Some(now + HEAD_PATIENCE);
            }
        }
        let step = self.attached.as_ref().map_or(u64::MAX, |attached| attached.limits.ack_step_bytes.into());
        if pos.0 - self.acked.0 >= step || self.ack_at.is_some_and(|at| at <= now) {
            (self.acked, self.ack_at) = (pos, None);
            self.outgoing.push_back(ClientMessage::Ack(Ack { epoch, pos }));
        }
        let mut untold = self.ack_at.map(|_| pos);
        self.outgoing.extend(self.input.due(epoch, now, &mut untold));
        if self.ack_at.is_some() && untold.is_none() {
            (self.acked, self.ack_at) = (pos, None);
        }
    }

    fn attached(&mut self, attached: Attached, now: Duration) {
        if attached.client != self.id || self.epoch().is_some_and(|epoch| epoch > attached.epoch) {
            return;
        }
        if self.epoch() != Some(attached.epoch) {
            let first = self.attached.is_none();
            self.output = OutputStream::default();
            (self.head, self.acked, self.ack_at) = (Pos(0), Pos(0), None);
            let discarded = self.input.restart(attached.input_seq, first);
            if discarded > 0 {
                self.heard.push_back(ClientEvent::Discarded(discarded));
            }
        }
        self.input.acknowledged(attached.input_seq, now);
        self.input.send_again(now);
        let limits = attached.limits;
        self.input.set_window(limits.input_window_bytes as usize);
        self.attach_at = None;
        self.follow_at = Some(now + Duration::from_millis(attached.follow_ms));
        self.heard.push_back(ClientEvent::Attached(attached.clone()));
        self.attached = Some(attached);
    }

    fn stream(&mut self, of: Option<Epoch>, now: Duration, take: impl FnOnce(&mut OutputStream) -> Vec<StreamItem>) {
        if of != self.epoch() {
            return;
        }
        let pieces = take(&mut self.output);
        // Also what was here before is acknowledged again: the service has not heard of it.
        self.ack_at.get_or_insert(now + MAX_ACK_DELAY);
        if !pieces.is_empty() {
            self.repair_at = None;
        }
        self.heard.extend(pieces.into_iter().map(ClientEvent::Stream));
    }

    /// An invocation failed. It may have been the one that followed.
    fn failed(&mut self, now: Duration) {
        self.follow_at = self.follow_at.map(|at| at.min(now + FOLLOW_AGAIN));
    }

    /// Sets the time at which what is missing is asked for.
    fn watch(&mut self, now: Duration) {
        let patience = if self.output.waits() { GAP_PATIENCE } else { HEAD_PATIENCE };
        if self.output.pos() >= self.head && !self.output.waits() {
            self.repair_at = None;
        } else {
            self.repair_at = Some(self.repair_at.map_or(now + patience, |at| at.min(now + patience)));
        }
    }

    fn error(&mut self, error: ErrorMessage, now: Duration) {
        match (error.code, error.have) {
            (ErrorCode::InputGap, Some(have)) => {
                self.input.acknowledged(have, now);
                self.input.send_again(now);
            }
            // The service forgot this connection, or the shell is another one: say again who this is.
            (ErrorCode::NotAttached | ErrorCode::StaleEpoch, _) if self.connected => self.attach_at = Some(now),
            _ => {}
        }
        self.heard.push_back(ClientEvent::Reply(error.into()));
    }
}

/// Which life of the shell the frame's positions and numbers speak of.
fn epoch_of(message: &ServerMessage) -> Option<Epoch> {
    match message {
        ServerMessage::Attached(attached) => Some(attached.epoch),
        ServerMessage::Output(output) => Some(output.epoch),
        ServerMessage::Event(event) => Some(event.epoch),
        ServerMessage::Snapshot(snapshot) => Some(snapshot.epoch),
        ServerMessage::InputAck(ack) => Some(ack.epoch),
        ServerMessage::Pong(pong) => pong.epoch,
        ServerMessage::Echo(echo) => echo.epoch,
        ServerMessage::Error(error) => error.epoch,
        ServerMessage::UnknownCommand(unknown) => unknown.epoch,
        ServerMessage::CommandResult(_) | ServerMessage::CommandStarted(_) | ServerMessage::ResizeAck(_) => None,
    }
}
