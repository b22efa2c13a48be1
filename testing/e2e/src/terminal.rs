//! A scriptable client: `protocol_client` over a real WebSocket, whose reconnects and failures are the test's to decide.

mod actions;
mod emulator;
mod expect;
mod files;
mod stream;

use crate::carrier::CarrierTask;
use emulator::Emulator;
pub use files::{Sending, Taking};
use futures_util::{SinkExt, StreamExt};
use protocol_client::{Client, ClientEvent};
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ClientId, Epoch, ServerFrame, ServerMessage};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use stream::Stream;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Default wait of tests; generous, because other tests keep the machine busy.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(60);

static IDS: AtomicU32 = AtomicU32::new(1);

/// An id that no other client or command of this process has.
fn unique_id() -> String {
    format!("e2e-{}-{}", std::process::id(), IDS.fetch_add(1, Ordering::Relaxed))
}

/// Received frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    pub frames: u32,
    /// Their length as JSON text.
    pub bytes: u64,
}

pub struct Terminal {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The protocol state machine; it counts as connected from [`Self::attach`] on.
    pub client: Client,
    /// Origin of the client's times.
    started: Instant,
    /// The session's stream.
    pub stream: Stream,
    /// Direct replies that the test has not taken.
    pub replies: Vec<ServerMessage>,
    /// Close code of the connection: 1005 without a code, 1006 without a close frame.
    pub closed: Option<u16>,
    /// Acknowledgements of output that a page that hangs would not send.
    pub held_acks: Option<Vec<String>>,
    /// True to send again what a failed run of the function had, as a page does; else a failed run fails the test.
    pub outlives_failed_runs: bool,
    /// The second connection, after [`Self::open_carrier`].
    pub carrier: Option<CarrierTask>,
    /// Counters of received frames.
    pub received: Received,
    emulator: Emulator,
    /// End of the last match of [`Self::expect`].
    read: usize,
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
        let id = ClientId::new(unique_id()).expect("an id");
        Ok(Self {
            socket,
            client: Client::new(id, 120, 40),
            started: Instant::now(),
            stream: Stream::default(),
            replies: Vec::new(),
            closed: None,
            held_acks: None,
            outlives_failed_runs: false,
            carrier: None,
            received: Received::default(),
            emulator: Emulator::default(),
            read: 0,
        })
    }

    /// Replaces the connection and resumes as the same client.
    pub async fn reconnect(mut self, url: &str, token: &str) -> Self {
        self = self.open_new_connection(url, token).await;
        self.attach().await;
        self
    }

    /// Replaces the connection without attaching, and drops pending replies.
    pub async fn open_new_connection(mut self, url: &str, token: &str) -> Self {
        drop(self.socket.close(None).await);
        self.client.disconnected();
        self.socket = Self::connect(url, token).await.expect("the handshake is accepted").socket;
        self.closed = None;
        self.replies.clear();
        self
    }

    /// Attaches, or returns the error.
    pub async fn try_attach(&mut self) -> Result<(), ErrorMessage> {
        self.client.connected(self.started.elapsed());
        self.flush().await;
        let attaching = self.wait("attached or a refusal", |terminal| {
            let refused = terminal.take(crate::matching!(ServerMessage::Error(error) => error.clone()));
            terminal.client.is_attached().then_some(Ok(())).or_else(|| refused.map(Err))
        });
        attaching.await.inspect_err(|_| self.client.disconnected())
    }

    /// Attaches, and waits for `attached`.
    pub async fn attach(&mut self) {
        self.client.connected(self.started.elapsed());
        self.flush().await;
        self.wait("attached", |terminal| terminal.client.is_attached().then_some(())).await;
    }

    /// Opens a second connection for the attached client, as a page does where the gateway hands over messages one after the
    /// other.
    pub fn open_carrier(&mut self, url: &str, token: String) {
        self.carrier = Some(CarrierTask::open(url, token, self.client.id(), self.epoch()));
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
        self.client.is_attached() && self.client.is_complete()
    }

    /// Epoch of the shell, 0 before the first is attached.
    pub fn epoch(&self) -> Epoch {
        self.client.epoch().unwrap_or_default()
    }

    /// Sends what is due.
    async fn flush(&mut self) {
        for message in self.client.send(self.started.elapsed()) {
            match &mut self.held_acks {
                Some(held) if message.starts_with(r#"{"type":"ack""#) => held.push(message),
                _ => self.send_text(message).await,
            }
        }
    }

    /// Receives one frame or performs due work. Returns at `deadline` at the latest.
    async fn step(&mut self, deadline: Instant) {
        let timers = [self.client.deadline().map(|at| self.started + at), self.emulator.next()];
        let next = timers.into_iter().flatten().fold(deadline, Instant::min);
        tokio::select! {
            biased;
            frame = self.socket.next() => self.received(frame),
            () = sleep_until(next) => {}
        }
        while let Some(frame) = self.emulator.parsed(Instant::now()) {
            self.frame(frame);
        }
        self.flush().await;
    }

    fn received(&mut self, frame: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) {
        match frame {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<ServerFrame>(&text) {
                Ok(frame) => {
                    self.received.frames += 1;
                    self.received.bytes += text.len() as u64;
                    if let Some(frame) = self.emulator.push(frame, Instant::now()) {
                        self.frame(frame);
                    }
                }
                // A frame of the gateway itself, without a type.
                Err(_) if self.outlives_failed_runs && text.contains("Internal server error") => {}
                Err(error) => panic!("an invalid frame ({error}): {text}"),
            },
            Some(Ok(Message::Close(close))) => self.closed = Some(close.map_or(1005, |close| close.code.into())),
            Some(Ok(Message::Binary(_))) => panic!("API Gateway posts text"),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => drop(self.closed.get_or_insert(1006)),
        }
        if self.closed.is_some() {
            self.client.disconnected();
        }
    }

    fn frame(&mut self, frame: ServerFrame) {
        self.stream.count(&frame.message);
        if let (ServerMessage::Renew(_), Some(carrier)) = (&frame.message, &self.carrier) {
            carrier.renew();
        }
        self.client.receive_frame(frame, self.started.elapsed());
        while let Some(event) = self.client.next_event() {
            match event {
                ClientEvent::Attached(attached) => self.stream.start(attached.epoch),
                ClientEvent::Stream(item) => self.stream.add(item),
                ClientEvent::Reply(reply) => self.replies.push(reply),
                ClientEvent::Discarded(_) => {}
            }
        }
    }
}
