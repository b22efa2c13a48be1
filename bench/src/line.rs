//! A terminal as a client sees it, whoever serves it: keys go in, bytes come out. The client of each peer is the same WebSocket library,
//! with as little around it as the peer's protocol needs.

use e2e::Terminal;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longest that anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How a peer wraps keys and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `["stdin", "…"]` and `["stdout", "…"]`.
    Terminado,
    /// A byte, `0` for input and output alike, before them.
    Ttyd,
}

/// A terminal of a peer.
pub(crate) struct Foreign {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) dialect: Dialect,
    /// Output that nobody has looked for yet.
    unread: Vec<u8>,
}

/// A terminal at a prompt.
pub(crate) enum Line {
    /// Through Termgate, one way or the other.
    Termgate(Box<Terminal>),
    /// Through somebody else.
    Foreign(Box<Foreign>),
}

impl Line {
    pub(crate) fn foreign(socket: WebSocketStream<MaybeTlsStream<TcpStream>>, dialect: Dialect) -> Self {
        Self::Foreign(Box::new(Foreign { socket, dialect, unread: Vec::new() }))
    }

    /// Types.
    pub(crate) async fn keys(&mut self, keys: &str) {
        match self {
            Self::Termgate(terminal) => drop(terminal.type_text(keys).await),
            Self::Foreign(foreign) => foreign.send(keys).await,
        }
    }

    /// Waits until the output says this, after what was waited for before. Returns how many bytes came, this included.
    pub(crate) async fn until(&mut self, text: &str) -> usize {
        match self {
            Self::Termgate(terminal) => terminal.expect_within(PATIENCE, text).await.len() + text.len(),
            Self::Foreign(foreign) => foreign.until(text.as_bytes()).await,
        }
    }
}

impl Foreign {
    async fn send(&mut self, keys: &str) {
        let message = match self.dialect {
            Dialect::Terminado => Message::text(serde_json::json!(["stdin", keys]).to_string()),
            Dialect::Ttyd => Message::binary(format!("0{keys}")),
        };
        self.socket.send(message).await.expect("the peer takes it");
    }

    async fn until(&mut self, text: &[u8]) -> usize {
        let mut searched = 0;
        loop {
            let found = self.unread[searched..].windows(text.len()).position(|window| window == text);
            if let Some(at) = found.map(|at| searched + at + text.len()) {
                self.unread.drain(..at);
                return at;
            }
            searched = (self.unread.len() + 1).saturating_sub(text.len());
            let message = timeout(PATIENCE, self.socket.next()).await.expect("the peer answers in time");
            self.take(message.expect("the peer stays").expect("the peer speaks WebSocket"));
        }
    }

    fn take(&mut self, message: Message) {
        match (self.dialect, message) {
            (Dialect::Ttyd, Message::Binary(bytes)) => {
                if let Some((b'0', output)) = bytes.split_first() {
                    self.unread.extend_from_slice(output);
                }
            }
            (Dialect::Terminado, Message::Text(text)) => {
                let parsed: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap_or_default();
                if let [kind, output] = &parsed[..]
                    && kind == "stdout"
                {
                    self.unread.extend_from_slice(output.as_str().unwrap_or_default().as_bytes());
                }
            }
            (Dialect::Ttyd | Dialect::Terminado, _) => {}
        }
    }
}
