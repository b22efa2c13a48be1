//! The end of a connection, RFC 6455 section 7: which code each fault has, and what both sides still owe each other.

use futures_util::StreamExt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes};

/// How a connection ends, if the network still carries bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// The peer sent a close frame, which gets its code back, or it is gone.
    Echo,
    /// This side closes; the peer answers with a close frame of its own.
    Send(CloseFrame),
    /// The peer's bytes are not valid frames, so none after them can be read.
    Fail(CloseFrame),
}

/// The close frame for an error while reading; `None` if the network failed.
pub fn fault(error: &Error) -> Option<CloseFrame> {
    let (code, reason) = match error {
        Error::Capacity(_) => (CloseCode::Size, "Message too big"),
        Error::Utf8(_) => (CloseCode::Invalid, "Invalid frame payload data"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return None,
        Error::Protocol(_) => (CloseCode::Protocol, "Protocol error"),
        _ => return None,
    };
    Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) })
}

/// Does the closing handshake, and closes the connection, at the latest after this time.
pub async fn close<S>(socket: WebSocketStream<S>, closing: Closing, within: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // At the timeout the connection is dropped.
    let _ = timeout(within, handshake(socket, closing)).await;
}

async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>, closing: Closing) {
    let is_readable = !matches!(closing, Closing::Fail(_));
    if let Closing::Send(frame) | Closing::Fail(frame) = closing
        && socket.close(Some(frame)).await.is_err()
    {
        return;
    }
    if is_readable {
        // Sends the echo, too.
        while let Some(Ok(_)) = socket.next().await {}
    }
    // Unread bytes would make the kernel reset the connection, and the peer would never see the close code.
    let io = socket.get_mut();
    let mut discarded = [0; 4096];
    let _ = io.shutdown().await;
    while matches!(io.read(&mut discarded).await, Ok(count) if count > 0) {}
}
