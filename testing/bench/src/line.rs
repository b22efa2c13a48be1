//! A terminal as a client sees it, whoever serves it: keys go in, bytes come out. The client of each peer is the same WebSocket library,
//! with as little around it as the peer's protocol needs.

use crate::dialect::{Dialect, Heard};
use e2e::Terminal;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// Longest that anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal of a peer.
pub(crate) struct Foreign {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    dialect: Dialect,
    /// Output that nobody has looked for yet.
    unread: Vec<u8>,
    /// Bytes of output that the peer was not told of yet.
    untold: usize,
    /// Bytes that its emulator parses in a second, and until when it is busy.
    parsing: Option<(u32, Instant)>,
}

/// How a program is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// By the message that goes ahead of what was typed.
    Interrupt,
    /// By the key, as any other.
    Key,
}

/// A terminal at a prompt.
pub(crate) enum Line {
    /// Through Termgate, one way or the other.
    Termgate(Box<Terminal>),
    /// Through somebody else.
    Foreign(Box<Foreign>),
}

impl Line {
    /// Types.
    pub(crate) async fn keys(&mut self, keys: &str) {
        match self {
            Self::Termgate(terminal) => drop(terminal.type_text(keys).await),
            Self::Foreign(foreign) => foreign.send(foreign.dialect.keys(keys)).await,
        }
    }

    /// Ctrl-C. Peers know only the key.
    pub(crate) async fn stop_program(&mut self, stop: Stop) {
        match (self, stop) {
            (Self::Termgate(terminal), Stop::Interrupt) => terminal.interrupt().await,
            (line, Stop::Interrupt | Stop::Key) => line.keys("\u{3}").await,
        }
    }

    /// Its emulator parses so many bytes in a second, from here on.
    pub(crate) fn parse_slowly(&mut self, rate: u32) {
        match self {
            Self::Termgate(terminal) => terminal.parse_slowly(rate),
            Self::Foreign(foreign) => foreign.parsing = Some((rate, Instant::now())),
        }
    }

    /// Takes what comes, for so long.
    pub(crate) async fn stay(&mut self, time: Duration) {
        let until = Instant::now() + time;
        match self {
            Self::Termgate(terminal) => terminal.stay(until).await,
            Self::Foreign(foreign) => while timeout_at(until, foreign.take()).await.is_ok() {},
        }
    }

    /// Waits until the output says this, after what was waited for before. Returns how many bytes came, this included.
    pub(crate) async fn until(&mut self, text: &str) -> usize {
        match self {
            Self::Termgate(terminal) => terminal.pass(PATIENCE, text).await,
            Self::Foreign(foreign) => foreign.until(text.as_bytes()).await,
        }
    }
}

impl Foreign {
    /// Opens a terminal of the peer at this address, and waits for its first output.
    pub(crate) async fn open(dialect: Dialect, url: &str) -> Self {
        let mut request = url.into_client_request().expect("an address");
        if let (_, Some(protocol)) = dialect.place() {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a header's value"));
        }
        let (socket, _) = connect_async_with_config(request, None, true).await.expect("the peer listens");
        let mut foreign = Self { socket, dialect, unread: Vec::new(), untold: 0, parsing: None };
        foreign.send(dialect.hello()).await;
        while foreign.unread.is_empty() {
            foreign.take().await;
        }
        foreign
    }

    async fn send(&mut self, message: Message) {
        self.socket.send(message).await.expect("the peer takes it");
    }

    async fn until(&mut self, text: &[u8]) -> usize {
        let mut searched = 0;
        loop {
            let found = memchr::memmem::find(&self.unread[searched..], text);
            if let Some(at) = found.map(|at| searched + at + text.len()) {
                self.unread.drain(..at);
                return at;
            }
            searched = (self.unread.len() + 1).saturating_sub(text.len());
            self.take().await;
        }
    }

    /// One message of the peer. Those that come while it is parsed wait in the sockets.
    async fn take(&mut self) {
        if let Some((_, busy_until)) = self.parsing {
            sleep_until(busy_until).await;
        }
        let message = timeout(PATIENCE, self.socket.next()).await.expect("the peer answers in time");
        let message = message.expect("the peer stays").expect("the peer speaks WebSocket");
        match self.dialect.hear(&message) {
            Heard::Output(output) => {
                self.untold += output.len();
                if let Some((rate, busy_until)) = &mut self.parsing {
                    let time = Duration::from_secs_f64(output.len() as f64 / f64::from(*rate));
                    *busy_until = Instant::now().max(*busy_until) + time;
                }
                self.unread.extend(output);
                while let Some(told) = self.dialect.acknowledge(&mut self.untold) {
                    self.send(told).await;
                }
            }
            Heard::Question(answer) => self.send(answer).await,
            Heard::Nothing => {}
        }
    }
}
