//! A page: `protocol_client` over real WebSockets. Sends what a real page sends, reconnects after each failure, and hands over to
//! a new connection at an interval.

use crate::carrier::CarrierTask;
use futures_util::{SinkExt, StreamExt};
use protocol_client::{Client, ClientEvent, StreamItem};
use shared_protocol::{ClientId, Dispatch, ErrorCode, ServerFrame, ServerMessage};
use std::fmt;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// First delay before a reconnect; doubles up to [`MAX_RETRY_DELAY`].
const MIN_RETRY_DELAY: Duration = Duration::from_millis(20);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);
/// Longest duration of a handshake or a send.
const IO_TIMEOUT: Duration = Duration::from_secs(5);

/// URLs and tokens of a stage.
pub struct Endpoint {
    /// URLs for the connections, in turn.
    pub urls: Vec<String>,
    /// Creates the token of each handshake.
    pub token: Box<dyn Fn() -> String + Send>,
}

/// Counters of a page.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageStats {
    /// Messages sent, retransmissions included.
    pub messages: u64,
    /// Frames received.
    pub frames: u64,
    pub connections: u64,
    /// Handshakes that were refused.
    pub refused: u64,
    /// Connections closed by the other side.
    pub cuts: u64,
    pub handovers: u64,
    /// Snapshots received in place of the stream.
    pub snapshots: u64,
}

impl PageStats {
    pub(crate) fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.frames += other.frames;
        self.connections += other.connections;
        self.refused += other.refused;
        self.cuts += other.cuts;
        self.handovers += other.handovers;
        self.snapshots += other.snapshots;
    }
}

pub struct Page {
    /// The protocol state machine.
    pub client: Client,
    endpoint: Endpoint,
    socket: Option<Socket>,
    /// The previous connection during a handover, until the new one is attached.
    previous: Option<Socket>,
    /// The second connection, while it is needed.
    carrier: Option<CarrierTask>,
    started: Instant,
    retry_at: Instant,
    retry_delay: Duration,
    handover: Option<(Duration, Instant)>,
    /// Every byte of the stream so far.
    pub output: Vec<u8>,
    pub stats: PageStats,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.output.len().saturating_sub(200);
        let tail = String::from_utf8_lossy(&self.output[end..]);
        write!(f, "{:?}\n{:?}, connected {}\n…{tail:?}", self.client, self.stats, self.socket.is_some())
    }
}

impl Page {
    /// Creates a page that connects in its first step, and hands over at this interval.
    pub fn new(id: ClientId, size: (u16, u16), endpoint: Endpoint, handover: Option<Duration>) -> Self {
        let now = Instant::now();
        Self {
            client: Client::new(id, size.0, size.1),
            endpoint,
            socket: None,
            previous: None,
            carrier: None,
            started: now,
            retry_at: now,
            retry_delay: MIN_RETRY_DELAY,
            handover: handover.map(|every| (every, now + every)),
            output: Vec::new(),
            stats: PageStats::default(),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Connects, sends what is due, or receives one frame. Returns at `deadline` at the latest.
    pub async fn step(&mut self, deadline: Instant) {
        let Some(socket) = self.socket.as_mut() else {
            if self.retry_at > deadline {
                return sleep_until(deadline).await;
            }
            sleep_until(self.retry_at).await;
            return self.connect().await;
        };
        for message in self.client.send(self.started.elapsed()) {
            self.stats.messages += 1;
            if !matches!(timeout(IO_TIMEOUT, socket.send(Message::text(message))).await, Ok(Ok(()))) {
                return self.lost();
            }
        }
        if self.handover.is_some_and(|(_, at)| at <= Instant::now()) {
            return self.hand_over().await;
        }
        let due = self.client.deadline().map(|at| self.started + at);
        let wake = due.into_iter().chain(self.handover.map(|(_, at)| at)).fold(deadline, Instant::min);
        tokio::select! {
            frame = socket.next() => self.received(frame),
            Some(frame) = next_of(&mut self.previous) => match frame {
                Some(Ok(Message::Text(text))) => self.frame(&text),
                Some(Ok(_)) => {}
                _ => self.previous = None,
            },
            () = sleep_until(wake) => {}
        }
    }

    pub async fn leave(mut self) -> PageStats {
        for mut socket in self.socket.take().into_iter().chain(self.previous.take()) {
            let _ = timeout(IO_TIMEOUT, socket.close(None)).await;
        }
        self.stats
    }

    /// URL of the next connection.
    fn url(&self) -> &str {
        &self.endpoint.urls[self.stats.connections as usize % self.endpoint.urls.len()]
    }

    async fn open_socket(&mut self) -> Option<Socket> {
        let mut request = self.url().into_client_request().expect("a URL");
        let protocols = format!("termgate, {}", (self.endpoint.token)()).parse().expect("a header's value");
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        match timeout(IO_TIMEOUT, tokio_tungstenite::connect_async_with_config(request, None, true)).await {
            Ok(Ok((socket, _))) => {
                self.stats.connections += 1;
                Some(socket)
            }
            Ok(Err(_)) | Err(_) => {
                self.stats.refused += 1;
                None
            }
        }
    }

    async fn connect(&mut self) {
        self.socket = self.open_socket().await;
        if self.socket.is_some() {
            self.client.connected(self.now());
        } else {
            self.lost();
        }
    }

    /// Opens a second connection for everything from now on; the first still receives until the second is attached.
    async fn hand_over(&mut self) {
        if let Some((every, at)) = &mut self.handover {
            *at = Instant::now() + *every;
        }
        if let Some(fresh) = self.open_socket().await {
            self.stats.handovers += 1;
            self.previous = self.socket.replace(fresh);
            self.client.connected(self.now());
        }
    }

    fn lost(&mut self) {
        self.client.disconnected();
        (self.socket, self.previous, self.carrier) = (None, None, None);
        self.retry_at = Instant::now() + self.retry_delay;
        self.retry_delay = (self.retry_delay * 2).min(MAX_RETRY_DELAY);
    }

    fn received(&mut self, frame: Option<Result<Message, Error>>) {
        match frame {
            Some(Ok(Message::Text(text))) => self.frame(&text),
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                self.stats.cuts += 1;
                self.lost();
            }
            Some(Ok(_)) => {}
        }
    }

    fn frame(&mut self, text: &str) {
        self.stats.frames += 1;
        self.client.receive(text, self.now());
        while let Some(event) = self.client.next_event() {
            match event {
                ClientEvent::Stream(StreamItem::Bytes(bytes)) => self.output.extend(bytes),
                ClientEvent::Stream(StreamItem::Snapshot { data, .. }) => {
                    self.stats.snapshots += 1;
                    self.output = data;
                }
                ClientEvent::Attached(_) => self.retry_delay = MIN_RETRY_DELAY,
                ClientEvent::Discarded(count) => {
                    panic!("{count} messages were discarded although the shell is the same")
                }
                ClientEvent::Reply(ServerMessage::Error(error)) => self.refused(error.code),
                ClientEvent::Stream(StreamItem::Event(_)) | ClientEvent::Reply(_) => {}
            }
        }
        self.keep_carrier(text);
        if self.client.is_attached()
            && let Some(mut previous) = self.previous.take()
        {
            // In the background: the close handshake must not delay the page.
            tokio::spawn(async move { timeout(IO_TIMEOUT, previous.close(None)).await });
        }
    }

    /// Opens and renews a carrier under serial dispatch, and closes it under another.
    fn keep_carrier(&mut self, text: &str) {
        let epoch = self.client.epoch().unwrap_or_default();
        match self.client.dispatch() {
            Some(Dispatch::Concurrent) => self.carrier = None,
            Some(Dispatch::Serial) if self.client.is_attached() => {
                if self.carrier.as_ref().is_none_or(|carrier| carrier.epoch() != epoch) {
                    let token = (self.endpoint.token)();
                    self.carrier = Some(CarrierTask::open(&self.endpoint.urls[0], token, self.client.id(), epoch));
                }
            }
            Some(Dispatch::Serial) | None => {}
        }
        let Some(carrier) = &self.carrier else { return };
        if serde_json::from_str::<ServerFrame>(text).is_ok_and(|frame| matches!(frame.message, ServerMessage::Renew(_)))
        {
            carrier.renew();
        }
    }

    /// Reconnects after errors that make this connection useless.
    fn refused(&mut self, code: ErrorCode) {
        if matches!(code, ErrorCode::ConnectionGone | ErrorCode::Unauthorized | ErrorCode::TokenExpired) {
            self.lost();
        }
    }
}

/// The next frame; `None` without a socket.
async fn next_of(socket: &mut Option<Socket>) -> Option<Option<Result<Message, Error>>> {
    Some(socket.as_mut()?.next().await)
}
