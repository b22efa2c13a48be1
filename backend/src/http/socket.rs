//! The transport of a direct connection, and the WebSocket as one: a connection over HTTP requests differs in nothing else.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use websocket::{Closing, ServerSocket};

/// Time to send a frame: a peer that stops reading must not delay its session.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// Time for the closing handshake.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Silence after which the peer of a WebSocket counts as gone: two pings unanswered.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Why a connection closes: the WebSocket close code, and a text for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct CloseReason(pub u16, pub &'static str);

/// The session has ended, and everything was sent.
pub(super) const NORMAL: u16 = 1000;
/// The peer sent a binary frame.
pub(super) const UNSUPPORTED: u16 = 1003;
/// The peer was silent or stopped reading for too long.
const TIMEOUT: u16 = 1008;
/// The user has too many connections.
pub(super) const TOO_MANY: u16 = 1013;
/// The session does not exist, or has ended.
pub(super) const INVALID_SESSION: u16 = 4000;
/// The token is missing, invalid, expired or revoked.
pub(super) const UNAUTHORIZED: u16 = 4001;
/// A bug of this service.
pub(super) const SERVER_ERROR: u16 = 4500;
/// This instance is being replaced.
pub(super) const DRAINING: u16 = 4503;

/// The peer took no frame for too long.
pub(super) const STOPPED_READING: CloseReason = CloseReason(TIMEOUT, "the connection stopped reading");
/// The peer was silent for too long.
pub(super) const SILENT: CloseReason = CloseReason(TIMEOUT, "connection timeout");

/// An event from the peer.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A message.
    Text(Bytes),
    /// A message that is not text.
    Binary,
    /// A ping, which the transport has answered.
    Ping,
    /// The answer to a ping.
    Pong,
    /// The connection is closed.
    Closed,
}

/// A transport of messages and frames.
pub(super) trait Socket: Send {
    /// The next thing that the peer sent. Dropped before it completes, it loses nothing.
    fn recv(&mut self) -> impl Future<Output = Incoming> + Send;
    /// Sends a frame, or fails if the peer does not take it in time.
    fn send(&mut self, frame: Bytes) -> impl Future<Output = Result<(), CloseReason>> + Send;
    /// Asks for a sign of life.
    fn ping(&mut self) -> impl Future<Output = Result<(), CloseReason>> + Send;
    /// True if the peer was silent for so long that it counts as gone.
    fn is_silent(&self) -> bool;
    /// Closes the connection after the frames that were sent.
    fn close(self, reason: CloseReason) -> impl Future<Output = ()> + Send;
}

/// The WebSocket of a browser: sends within a timeout, and closes with a code that says why.
pub(super) struct BrowserSocket {
    socket: ServerSocket,
    /// Last time that the peer sent something.
    heard: Instant,
    /// How the peer has ended the connection.
    ended: Option<Closing>,
}

impl BrowserSocket {
    pub(super) fn new(socket: ServerSocket) -> Self {
        Self { socket, heard: Instant::now(), ended: None }
    }

    async fn send_message(&mut self, message: Message) -> Result<(), CloseReason> {
        match tokio::time::timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(STOPPED_READING),
        }
    }
}

impl Socket for BrowserSocket {
    async fn recv(&mut self) -> Incoming {
        let message = self.socket.next().await;
        self.heard = Instant::now();
        match message {
            Some(Ok(Message::Text(text))) => Incoming::Text(text.into()),
            Some(Ok(Message::Ping(_))) => Incoming::Ping,
            // The library hands out no raw frames.
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Incoming::Pong,
            Some(Ok(Message::Binary(_))) => Incoming::Binary,
            Some(Ok(Message::Close(_))) | None => {
                self.ended = Some(Closing::Echo);
                Incoming::Closed
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "connection lost");
                self.ended = Some(websocket::fault(&error).map_or(Closing::Echo, Closing::Fail));
                Incoming::Closed
            }
        }
    }

    async fn send(&mut self, frame: Bytes) -> Result<(), CloseReason> {
        match Utf8Bytes::try_from(frame) {
            Ok(text) => self.send_message(Message::Text(text)).await,
            Err(_) => Err(STOPPED_READING),
        }
    }

    async fn ping(&mut self) -> Result<(), CloseReason> {
        self.send_message(Message::Ping(Bytes::new())).await
    }

    fn is_silent(&self) -> bool {
        self.heard.elapsed() > IDLE_TIMEOUT
    }

    async fn close(self, CloseReason(code, reason): CloseReason) {
        let ours = Closing::Send(CloseFrame { code: code.into(), reason: reason.into() });
        websocket::close(self.socket, self.ended.unwrap_or(ours), CLOSE_TIMEOUT).await;
    }
}
