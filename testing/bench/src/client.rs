//! A terminal client for Termgate or a peer: keys in, bytes out. All use the same WebSocket library, with as little around it
//! as the protocol needs.

use crate::peer_protocol::{Incoming, PeerProtocol};
use e2e::Terminal;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// Longest wait for one step of a measurement.
pub(crate) const STEP_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct PeerClient {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    protocol: PeerProtocol,
    /// Output that no `expect` has consumed.
    unread: Vec<u8>,
    /// Bytes of output that were not acknowledged to the peer.
    unacknowledged: usize,
    /// The simulated emulator: bytes per second, and the end of its current work.
    parsing: Option<(u32, Instant)>,
}

/// Way to send Ctrl-C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The `interrupt` message, which overtakes queued input.
    Interrupt,
    /// The key 0x03, in order.
    Key,
}

/// A terminal at a prompt.
pub(crate) enum Client {
    /// Termgate, by any route.
    Termgate(Box<Terminal>),
    Peer(Box<PeerClient>),
}

impl Client {
    pub(crate) async fn keys(&mut self, keys: &str) {
        match self {
            Self::Termgate(terminal) => terminal.type_text(keys).await,
            Self::Peer(peer) => peer.send(peer.protocol.keys(keys)).await,
        }
    }

    /// Sends Ctrl-C. Peers have only the key.
    pub(crate) async fn interrupt(&mut self, stop: Stop) {
        match (self, stop) {
            (Self::Termgate(terminal), Stop::Interrupt) => terminal.interrupt().await,
            (client, Stop::Interrupt | Stop::Key) => client.keys("\u{3}").await,
        }
    }

    /// Limits the simulated emulator to this many bytes per second.
    pub(crate) fn parse_slowly(&mut self, rate: u32) {
        match self {
            Self::Termgate(terminal) => terminal.parse_slowly(rate),
            Self::Peer(peer) => peer.parsing = Some((rate, Instant::now())),
        }
    }

    pub(crate) async fn read_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        match self {
            Self::Termgate(terminal) => terminal.read_until(until).await,
            Self::Peer(peer) => while timeout_at(until, peer.receive()).await.is_ok() {},
        }
    }

    /// Waits for this text in the output after the last match. Returns the number of bytes up to its end.
    pub(crate) async fn expect(&mut self, text: &str) -> usize {
        match self {
            Self::Termgate(terminal) => terminal.skip_past(STEP_TIMEOUT, text).await,
            Self::Peer(peer) => peer.expect(text.as_bytes()).await,
        }
    }
}

impl PeerClient {
    /// Opens a terminal of the peer, and waits for its first output.
    pub(crate) async fn open(protocol: PeerProtocol, url: &str) -> Self {
        let mut request = url.into_client_request().expect("an address");
        if let (_, Some(subprotocol)) = protocol.endpoint() {
            request.headers_mut().insert("sec-websocket-protocol", subprotocol.parse().expect("a header's value"));
        }
        let (socket, _) = connect_async_with_config(request, None, true).await.expect("the peer listens");
        let mut peer = Self { socket, protocol, unread: Vec::new(), unacknowledged: 0, parsing: None };
        peer.send(protocol.hello()).await;
        while peer.unread.is_empty() {
            peer.receive().await;
        }
        peer
    }

    async fn send(&mut self, message: Message) {
        self.socket.send(message).await.expect("the peer takes it");
    }

    async fn expect(&mut self, text: &[u8]) -> usize {
        let mut searched = 0;
        loop {
            let found = memchr::memmem::find(&self.unread[searched..], text);
            if let Some(at) = found.map(|at| searched + at + text.len()) {
                self.unread.drain(..at);
                return at;
            }
            searched = (self.unread.len() + 1).saturating_sub(text.len());
            self.receive().await;
        }
    }

    /// Receives one message. Later ones wait in the socket while the emulator is busy.
    async fn receive(&mut self) {
        if let Some((_, busy_until)) = self.parsing {
            sleep_until(busy_until).await;
        }
        let message = timeout(STEP_TIMEOUT, self.socket.next()).await.expect("the peer answers in time");
        let message = message.expect("the peer stays").expect("the peer speaks WebSocket");
        match self.protocol.decode(&message) {
            Incoming::Output(output) => {
                self.unacknowledged += output.len();
                if let Some((rate, busy_until)) = &mut self.parsing {
                    let time = Duration::from_secs_f64(output.len() as f64 / f64::from(*rate));
                    *busy_until = Instant::now().max(*busy_until) + time;
                }
                self.unread.extend(output);
                while let Some(acknowledgement) = self.protocol.acknowledge(&mut self.unacknowledged) {
                    self.send(acknowledgement).await;
                }
            }
            Incoming::Reply(answer) => self.send(answer).await,
            Incoming::Ignored => {}
        }
    }
}
