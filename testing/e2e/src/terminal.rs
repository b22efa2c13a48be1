//! A scriptable protocol client: numbers and retransmits input, acknowledges output, renews its follower, requests repairs.

mod actions;
mod emulator;
mod expect;

use crate::stream::Stream;
use emulator::Emulator;
use futures_util::{SinkExt, StreamExt};
use shared_protocol::client::{Ack, Attach, Follow, Resume};
use shared_protocol::limits::ACK_STEP_BYTES;
use shared_protocol::server::{Attached, ErrorMessage};
use shared_protocol::{ClientId, ClientMessage, Pos, Seq, ServerFrame, ServerMessage};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Default wait of tests; generous, because other tests keep the machine busy.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Shorter than a page's 2 s, for faster tests.
const ACK_DELAY: Duration = Duration::from_millis(50);

/// Unacknowledged input is retransmitted at this interval.
const RESEND_INTERVAL: Duration = Duration::from_secs(1);

/// Age of a gap that is repaired.
const GAP_TIMEOUT: Duration = Duration::from_millis(300);

/// Time after which output up to a known head is requested.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

static CLIENTS: AtomicU32 = AtomicU32::new(1);

/// Received frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    pub frames: u32,
    /// Their length as JSON text.
    pub bytes: u64,
}

pub struct Terminal {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    client: ClientId,
    size: (u16, u16),
    /// Encodings offered beyond text and base64.
    pub accept: Vec<String>,
    /// The answer to `attach`.
    pub attached: Option<Attached>,
    /// The session's stream.
    pub stream: Stream,
    /// Direct replies that the test has not taken.
    pub replies: Vec<ServerMessage>,
    /// Close code of the connection: 1005 without a code, 1006 without a close frame.
    pub closed: Option<u16>,
    /// False for a page that hangs and acknowledges nothing.
    pub acknowledges: bool,
    /// Counters of received frames.
    pub received: Received,
    emulator: Emulator,
    /// End of the last match of [`Self::expect`].
    read: usize,
    /// Number of the last input message.
    seq: u64,
    /// Input to retransmit, as JSON, by number.
    unacknowledged: BTreeMap<u64, String>,
    resend_at: Option<Instant>,
    /// Last acknowledged position.
    acked: Pos,
    ack_at: Option<Instant>,
    /// End of the session's stream, as far as it is known.
    head: Pos,
    repair_at: Option<Instant>,
    follow_at: Option<Instant>,
}

impl Terminal {
    /// Connects, with the token as a subprotocol. Returns the status of a refused handshake.
    pub async fn connect(url: &str, token: &str) -> Result<Self, u16> {
        let mut request = url.into_client_request().expect("a URL");
        let protocols = format!("termgate, {token}").parse().expect("a header's value");
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        let connecting = tokio_tungstenite::connect_async_with_config(request, None, true);
        let socket = match timeout(TEST_TIMEOUT, connecting).await.expect("the gateway answers a handshake") {
            Ok((socket, answer)) => {
                let chosen = answer.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
                assert_eq!(chosen, Some("termgate"), "only the protocol is echoed, never the token");
                socket
            }
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => return Err(answer.status().as_u16()),
            Err(error) => panic!("the gateway cannot be reached: {error}"),
        };
        let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            socket,
            client: ClientId::new(format!("e2e-{}-{number}", std::process::id())).expect("an id"),
            size: (120, 40),
            accept: vec!["z".to_owned()],
            attached: None,
            stream: Stream::default(),
            replies: Vec::new(),
            closed: None,
            acknowledges: true,
            received: Received::default(),
            emulator: Emulator::default(),
            read: 0,
            seq: 0,
            unacknowledged: BTreeMap::new(),
            resend_at: None,
            acked: Pos(0),
            ack_at: None,
            head: Pos(0),
            repair_at: None,
            follow_at: None,
        })
    }

    /// Replaces the connection and resumes as the same client.
    pub async fn reconnect(mut self, url: &str, token: &str) -> Self {
        self.replace_socket(url, token).await;
        self.attach().await;
        let waiting: Vec<String> = self.unacknowledged.values().cloned().collect();
        for json in waiting {
            self.send_text(json).await;
        }
        self
    }

    /// Replaces the connection without attaching, and drops pending input and replies.
    pub async fn open_new_connection(mut self, url: &str, token: &str) -> Self {
        self.replace_socket(url, token).await;
        self.unacknowledged.clear();
        self.replies.clear();
        self
    }

    async fn replace_socket(&mut self, url: &str, token: &str) {
        drop(self.socket.close(None).await);
        let fresh = Self::connect(url, token).await.expect("the handshake is accepted");
        self.socket = fresh.socket;
        (self.attached, self.closed, self.follow_at) = (None, None, None);
    }

    /// Attaches, or returns the error.
    pub async fn try_attach(&mut self) -> Result<(), ErrorMessage> {
        self.send_attach().await;
        self.wait("attached or a refusal", |terminal| {
            let refused = terminal.take(|reply| match reply {
                ServerMessage::Error(error) => Some(error.clone()),
                _ => None,
            });
            let attached = terminal.attached.is_some().then_some(Ok(()));
            attached.or_else(|| refused.map(Err))
        })
        .await
    }

    /// Attaches, and waits for `attached`.
    pub async fn attach(&mut self) {
        self.send_attach().await;
        self.wait("attached", |terminal| terminal.attached.is_some().then_some(())).await;
    }

    async fn send_attach(&mut self) {
        let (cols, rows) = self.size;
        let known = self.stream.epoch();
        let resume = (known.0 > 0).then(|| Resume { epoch: known, pos: self.stream.pos() });
        let attach = Attach { client: self.client.clone(), cols, rows, accept: self.accept.clone(), resume };
        self.send(&ClientMessage::Attach(attach)).await;
    }

    /// Closes the connection; the session stays.
    pub async fn leave(mut self) {
        drop(self.socket.close(None).await);
    }

    /// Sends arbitrary text.
    pub async fn send_text(&mut self, text: impl Into<String>) {
        // `step` notices a closed connection.
        let _ = self.socket.send(Message::text(text.into())).await;
    }

    /// Limits the emulator to `rate` bytes per second.
    pub fn parse_slowly(&mut self, rate: u32) {
        self.emulator.rate = Some(rate);
    }

    /// True if all output up to the known head was received.
    pub fn is_current(&self) -> bool {
        self.attached.is_some() && self.stream.pos() >= self.head && !self.stream.has_gap()
    }

    fn next(&mut self) -> (Seq, shared_protocol::Epoch) {
        self.seq += 1;
        (Seq(self.seq), self.stream.epoch())
    }

    async fn send(&mut self, message: &ClientMessage) {
        self.send_text(message.to_json()).await;
    }

    async fn send_ordered(&mut self, seq: Seq, message: &ClientMessage) {
        let json = message.to_json();
        self.unacknowledged.insert(seq.0, json.clone());
        self.resend_at.get_or_insert(Instant::now() + RESEND_INTERVAL);
        self.send_text(json).await;
    }

    /// Receives one frame or performs due work. Returns at `deadline` at the latest.
    async fn step(&mut self, deadline: Instant) {
        let timers = [self.ack_at, self.resend_at, self.repair_at, self.follow_at, self.emulator.next()];
        let next = timers.into_iter().flatten().fold(deadline, Instant::min);
        tokio::select! {
            biased;
            frame = self.socket.next() => self.received(frame),
            () = sleep_until(next) => {}
        }
        while let Some(frame) = self.emulator.parsed(Instant::now()) {
            self.frame(&frame);
        }
        if self.closed.is_none() {
            self.timers().await;
        }
    }

    fn received(&mut self, frame: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) {
        match frame {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<ServerFrame>(&text) {
                Ok(frame) => {
                    self.received.frames += 1;
                    self.received.bytes += text.len() as u64;
                    if let Some(frame) = self.emulator.push(frame, Instant::now()) {
                        self.frame(&frame);
                    }
                }
                Err(error) => panic!("an invalid frame ({error}): {text}"),
            },
            Some(Ok(Message::Close(close))) => self.closed = Some(close.map_or(1005, |close| close.code.into())),
            Some(Ok(Message::Binary(_))) => panic!("API Gateway posts text"),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => drop(self.closed.get_or_insert(1006)),
        }
    }

    fn frame(&mut self, frame: &ServerFrame) {
        let now = Instant::now();
        match &frame.message {
            ServerMessage::Attached(attached) => {
                // Another shell's numbers start at 1.
                let known = if attached.epoch == self.stream.epoch() { self.seq } else { 0 };
                self.seq = known.max(attached.input_seq.0);
                self.stream.start(attached.epoch);
                self.attached = Some(attached.clone());
                self.follow_at = Some(now + Duration::from_millis(attached.follow_ms));
            }
            ServerMessage::Output(output) => self.stream.output(output),
            ServerMessage::Event(event) => self.stream.event(event),
            ServerMessage::Snapshot(snapshot) => self.stream.snapshot(snapshot),
            ServerMessage::InputAck(_) => {}
            reply => self.replies.push(reply.clone()),
        }
        if let Some(applied) = frame.ack_seq {
            let before = self.unacknowledged.len();
            self.unacknowledged.retain(|seq, _| *seq > applied.0);
            if self.unacknowledged.len() < before {
                self.resend_at = (!self.unacknowledged.is_empty()).then(|| now + RESEND_INTERVAL);
            }
        }
        self.head = self.head.max(frame.head.unwrap_or_default());
        if self.stream.pos() > self.acked {
            self.ack_at.get_or_insert(now + ACK_DELAY);
        }
        self.repair_at = match (self.stream.has_gap(), self.stream.pos() < self.head) {
            (true, _) => self.repair_at.or(Some(now + GAP_TIMEOUT)),
            (false, true) => Some(now + HEAD_TIMEOUT),
            (false, false) => None,
        };
    }

    /// Position to acknowledge in a message that is sent now.
    fn acknowledge(&mut self) -> Option<Pos> {
        self.ack_at = None;
        let due = self.acknowledges && self.stream.pos() > self.acked;
        if due {
            self.acked = self.stream.pos();
        }
        due.then_some(self.acked)
    }

    async fn timers(&mut self) {
        let now = Instant::now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let (epoch, pos) = (self.stream.epoch(), self.stream.pos());
        if (due(self.ack_at) || pos.0 >= self.acked.0 + ACK_STEP_BYTES)
            && let Some(pos) = self.acknowledge()
        {
            self.send(&ClientMessage::Ack(Ack { epoch, pos })).await;
        }
        if due(self.resend_at) {
            self.resend_at = Some(now + RESEND_INTERVAL);
            let waiting: Vec<String> = self.unacknowledged.values().cloned().collect();
            for json in waiting {
                self.send_text(json).await;
            }
        }
        if due(self.repair_at) {
            self.repair_at = Some(now + HEAD_TIMEOUT);
            self.send(&ClientMessage::Follow(Follow { epoch, pos, repair: true })).await;
        }
        if due(self.follow_at) {
            let every =
                self.attached.as_ref().map_or(HEAD_TIMEOUT, |attached| Duration::from_millis(attached.follow_ms));
            self.follow_at = Some(now + every);
            self.send(&ClientMessage::Follow(Follow { epoch, pos, repair: false })).await;
        }
    }
}
