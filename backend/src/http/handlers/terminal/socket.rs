//! The WebSocket of a browser: sends within a timeout, and closes with a code that says why.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use std::time::Duration;

/// Time to send a frame: a peer that stops reading must not delay its session.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a connection closes: the WebSocket close code, and a text for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct CloseReason(pub u16, pub &'static str);

/// The session has ended and everything was sent, or the peer closed.
pub(super) const NORMAL: u16 = 1000;
/// The peer sent a binary frame.
pub(super) const UNSUPPORTED: u16 = 1003;
/// The peer was silent or stopped reading for too long.
pub(super) const TIMEOUT: u16 = 1008;
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

pub(super) struct Socket(pub WebSocket);

impl Socket {
    /// Sends a frame.
    pub(super) async fn send(&mut self, frame: Bytes) -> Result<(), CloseReason> {
        match Utf8Bytes::try_from(frame) {
            Ok(text) => self.send_message(Message::Text(text)).await,
            Err(_) => Err(CloseReason(TIMEOUT, "the connection stopped reading")),
        }
    }

    pub(super) async fn ping(&mut self) -> Result<(), CloseReason> {
        self.send_message(Message::Ping(Bytes::new())).await
    }

    pub(super) async fn close(&mut self, CloseReason(code, reason): CloseReason) {
        // Fails if the peer is gone.
        let _ = self.send_message(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
    }

    async fn send_message(&mut self, message: Message) -> Result<(), CloseReason> {
        match tokio::time::timeout(SEND_TIMEOUT, self.0.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(CloseReason(TIMEOUT, "the connection stopped reading")),
        }
    }
}
