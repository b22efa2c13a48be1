//! A page: the client's half of the protocol over real WebSockets. It says what a real page says and when, connects again whenever
//! it is cut off, and hands over to a fresh connection now and then.

use futures_util::{SinkExt, StreamExt};
use protocol_client::{Client, ClientEvent, StreamItem};
use shared_protocol::{ClientId, ErrorCode, ServerMessage};
use std::fmt;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// First pause before connecting again; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Longest that a handshake, or a message on its way out, may take.
const STUCK: Duration = Duration::from_secs(5);

/// Where to connect, with a fresh token each time.
pub struct Address {
    /// The stage's URL.
    pub url: String,
    /// Makes the token.
    pub token: Box<dyn Fn() -> String + Send>,
}

/// What happened to a page.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Messages sent, repeats included.
    pub messages: u64,
    /// Frames received.
    pub frames: u64,
    /// Connections opened.
    pub connections: u64,
    /// Handshakes that were refused.
    pub refused: u64,
    /// Connections that ended from the other side.
    pub cuts: u64,
    /// Connections that were handed over from another.
    pub handovers: u64,
    /// Snapshots in place of the stream.
    pub snapshots: u64,
}

impl Tally {
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

/// A page.
pub struct Page {
    /// What it has to say, and to whom to type.
    pub client: Client,
    address: Address,
    socket: Option<Socket>,
    /// The connection that is replaced, until the new one is attached.
    older: Option<Socket>,
    started: Instant,
    retry_at: Instant,
    pause: Duration,
    handover: Option<(Duration, Instant)>,
    /// Every byte of the stream so far.
    pub output: Vec<u8>,
    /// What happened to it so far.
    pub tally: Tally,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.output.len().saturating_sub(200);
        let tail = String::from_utf8_lossy(&self.output[end..]);
        write!(f, "{:?}\n{:?}, connected {}\n…{tail:?}", self.client, self.tally, self.socket.is_some())
    }
}

impl Page {
    /// A page that connects with its first step, and hands over every so often.
    pub fn new(id: ClientId, size: (u16, u16), address: Address, handover: Option<Duration>) -> Self {
        let now = Instant::now();
        Self {
            client: Client::new(id, size.0, size.1),
            address,
            socket: None,
            older: None,
            started: now,
            retry_at: now,
            pause: FIRST_PAUSE,
            handover: handover.map(|every| (every, now + every)),
            output: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Goes on: connects, sends what is due, or takes a frame. Returns after one of them, at the latest at `deadline`.
    pub async fn step(&mut self, deadline: Instant) {
        let Some(socket) = self.socket.as_mut() else {
            if self.retry_at > deadline {
                return sleep_until(deadline).await;
            }
            sleep_until(self.retry_at).await;
            return self.connect().await;
        };
        for message in self.client.send(self.started.elapsed()) {
            self.tally.messages += 1;
            if !matches!(timeout(STUCK, socket.send(Message::text(message))).await, Ok(Ok(()))) {
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
            Some(frame) = next_of(&mut self.older) => match frame {
                Some(Ok(Message::Text(text))) => self.frame(&text),
                Some(Ok(_)) => {}
                _ => self.older = None,
            },
            () = sleep_until(wake) => {}
        }
    }

    /// Closes for good.
    pub async fn leave(mut self) -> Tally {
        for mut socket in self.socket.take().into_iter().chain(self.older.take()) {
            let _ = timeout(STUCK, socket.close(None)).await;
        }
        self.tally
    }

    async fn dial(&mut self) -> Option<Socket> {
        let mut request = self.address.url.as_str().into_client_request().expect("a URL");
        let protocols = format!("termgate, {}", (self.address.token)()).parse().expect("a header's value");
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        match timeout(STUCK, tokio_tungstenite::connect_async_with_config(request, None, true)).await {
            Ok(Ok((socket, _))) => {
                self.tally.connections += 1;
                Some(socket)
            }
            Ok(Err(_)) | Err(_) => {
                self.tally.refused += 1;
                None
            }
        }
    }

    async fn connect(&mut self) {
        self.socket = self.dial().await;
        if self.socket.is_some() {
            self.client.connected(self.now());
        } else {
            self.lost();
        }
    }

    /// A second connection, over which everything goes from now on; the first still delivers until the second is attached.
    async fn hand_over(&mut self) {
        if let Some((every, at)) = &mut self.handover {
            *at = Instant::now() + *every;
        }
        if let Some(fresh) = self.dial().await {
            self.tally.handovers += 1;
            self.older = self.socket.replace(fresh);
            self.client.connected(self.now());
        }
    }

    fn lost(&mut self) {
        self.client.disconnected();
        (self.socket, self.older) = (None, None);
        self.retry_at = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn received(&mut self, frame: Option<Result<Message, Error>>) {
        match frame {
            Some(Ok(Message::Text(text))) => self.frame(&text),
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                self.tally.cuts += 1;
                self.lost();
            }
            Some(Ok(_)) => {}
        }
    }

    fn frame(&mut self, text: &str) {
        self.tally.frames += 1;
        self.client.receive(text, self.now());
        while let Some(heard) = self.client.next_event() {
            match heard {
                ClientEvent::Stream(StreamItem::Bytes(bytes)) => self.output.extend(bytes),
                ClientEvent::Stream(StreamItem::Snapshot { data, .. }) => {
                    self.tally.snapshots += 1;
                    self.output = data;
                }
                ClientEvent::Attached(_) => self.pause = FIRST_PAUSE,
                ClientEvent::Discarded(count) => {
                    panic!("{count} messages were discarded although the shell is the same")
                }
                ClientEvent::Reply(ServerMessage::Error(error)) => self.refused(error.code),
                ClientEvent::Stream(StreamItem::Event(_)) | ClientEvent::Reply(_) => {}
            }
        }
        if self.client.is_attached()
            && let Some(mut older) = self.older.take()
        {
            // Nobody waits for its goodbye.
            tokio::spawn(async move { timeout(STUCK, older.close(None)).await });
        }
    }

    /// Some refusals mean that this connection is of no more use.
    fn refused(&mut self, code: ErrorCode) {
        if matches!(code, ErrorCode::ConnectionGone | ErrorCode::Unauthorized | ErrorCode::TokenExpired) {
            self.lost();
        }
    }
}

/// The next frame of a socket that may not be there; `None` when it is not.
async fn next_of(socket: &mut Option<Socket>) -> Option<Option<Result<Message, Error>>> {
    Some(socket.as_mut()?.next().await)
}
