//! One client's WebSocket, from the upgrade to the last byte: frame limits, close codes, idleness and lifetime. It knows
//! neither events nor routes; messages leave through a callback and arrive through a channel.

use crate::connections::{Activity, Opened, Outgoing, Registered};
use crate::quotas::Quotas;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

/// How long the client may take to answer a close frame.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// How a connection ended, as `$disconnect` reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Close code.
    pub(crate) code: u16,
    /// In words, where API Gateway is known to have some.
    pub(crate) reason: String,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// The client sent a close frame.
    Theirs,
    /// We are to send one.
    Ours,
    /// We are to send one, and what the client is still sending cannot be read as frames.
    OursUnreadable,
    /// The transport is gone.
    Lost,
}

impl Ending {
    fn ours(code: CloseCode, reason: &str) -> Self {
        Self { code: code.into(), reason: reason.to_owned(), how: How::Ours }
    }

    /// For a client that is sent away: at a limit, or because the gateway stops.
    pub(crate) fn away() -> Self {
        Self::ours(CloseCode::Away, "Going away")
    }

    /// For a client that is gone without a word, or that is to go so.
    pub(crate) fn lost() -> Self {
        Self { code: CloseCode::Abnormal.into(), reason: "Connection Closed Abnormally".to_owned(), how: How::Lost }
    }

    fn theirs(frame: Option<CloseFrame>) -> Self {
        let (code, reason) = match frame {
            Some(frame) => (frame.code.into(), frame.reason.to_string()),
            None => (CloseCode::Status.into(), "Client-side close frame status not set".to_owned()),
        };
        Self { code, reason, how: How::Theirs }
    }

    fn of(error: &Error) -> Self {
        let (code, reason) = match error {
            Error::Capacity(_) => (CloseCode::Size, "Message too big"),
            Error::Utf8(_) => (CloseCode::Invalid, "Invalid frame payload data"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Self::lost(),
            Error::Protocol(_) => (CloseCode::Protocol, "Protocol error"),
            _ => return Self::lost(),
        };
        Self { how: How::OursUnreadable, ..Self::ours(code, reason) }
    }
}

/// A client's socket whose connection is over but for the closing handshake.
#[derive(Debug)]
pub(crate) struct Closing<S> {
    sink: SplitSink<WebSocketStream<S>, Message>,
    stream: SplitStream<WebSocketStream<S>>,
    ending: Ending,
}

/// Serves one client until its connection is over, calling `on_message` for each of its messages with the permit that
/// must be held while the message is worked on. It is also over when `ended` returns. When this returns the connection's id is
/// unknown.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    io: S,
    opened: Opened,
    quotas: &Quotas,
    ended: impl Future<Output = Ending>,
    mut on_message: impl FnMut(&str, OwnedSemaphorePermit),
) -> Closing<S> {
    let config = WebSocketConfig::default()
        .max_frame_size(Some(quotas.frame_bytes))
        .max_message_size(Some(quotas.message_bytes));
    let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let (mut sink, mut stream) = socket.split();
    let Opened { mut outgoing, activity, entry } = opened;
    let permits = Arc::new(Semaphore::new(quotas.concurrent_invocations));
    let ending = tokio::select! {
        ending = read(&mut stream, &permits, &activity, &mut on_message) => ending,
        ending = write(&mut sink, &mut outgoing, &activity, quotas.frame_bytes) => ending,
        () = activity.idle_for(quotas.idle_timeout) => Ending::away(),
        () = tokio::time::sleep(quotas.lifetime) => Ending::away(),
        ending = ended => ending,
    };
    drop::<Registered>(entry);
    Closing { sink, stream, ending }
}

/// Reads messages, each once a place for its invocation is free: that is the client's back-pressure.
async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    permits: &Arc<Semaphore>,
    activity: &Activity,
    on_message: &mut impl FnMut(&str, OwnedSemaphorePermit),
) -> Ending {
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return Ending::lost() };
        // Pings are answered by the library while it reads, and keep nothing alive.
        let text = loop {
            match stream.next().await {
                Some(Ok(Message::Text(text))) => break text,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Binary(_))) => return Ending::ours(CloseCode::Unsupported, "Unsupported data"),
                Some(Ok(Message::Close(frame))) => return Ending::theirs(frame),
                Some(Err(error)) => return Ending::of(&error),
                None => return Ending::lost(),
            }
        };
        activity.touch();
        on_message(&text, permit);
    }
}

/// Writes what was posted, flushing once for all that waits.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    activity: &Activity,
    frame_bytes: usize,
) -> Ending {
    let mut waiting = outgoing.recv().await;
    while let Some(Outgoing::Text(text)) = waiting {
        for part in frames(text, frame_bytes) {
            if sink.feed(part).await.is_err() {
                return Ending::lost();
            }
        }
        activity.touch();
        waiting = match outgoing.try_recv() {
            Ok(next) => Some(next),
            Err(_) => {
                if sink.flush().await.is_err() {
                    return Ending::lost();
                }
                outgoing.recv().await
            }
        };
    }
    // Told to close, or taken out of the registry by a close that found no room to say so.
    Ending::ours(CloseCode::Normal, "")
}

/// A message in frames that are not too large; nearly always one.
fn frames(text: Utf8Bytes, frame_bytes: usize) -> impl Iterator<Item = Message> {
    let whole = text.len() <= frame_bytes;
    let mut rest = Bytes::from(text);
    let mut kind = Some(Data::Text);
    std::iter::from_fn(move || {
        let opcode = kind.take()?;
        if whole {
            // The bytes were text a moment ago; as a frame they are not checked again.
            return Some(Message::Frame(Frame::message(std::mem::take(&mut rest), OpCode::Data(opcode), true)));
        }
        let part = rest.split_to(rest.len().min(frame_bytes));
        kind = (!rest.is_empty()).then_some(Data::Continue);
        Some(Message::Frame(Frame::message(part, OpCode::Data(opcode), rest.is_empty())))
    })
}

impl<S: AsyncRead + AsyncWrite + Unpin> Closing<S> {
    /// How it ended.
    pub(crate) fn ending(&self) -> Ending {
        self.ending.clone()
    }

    /// The closing handshake, within [`CLOSE_WAIT`].
    pub(crate) async fn finish(self) {
        if self.ending.how != How::Lost {
            // A client that does not take part is cut off, which is what the deadline is for.
            let _ = tokio::time::timeout(CLOSE_WAIT, self.handshake()).await;
        }
    }

    async fn handshake(mut self) {
        // What was posted before the end comes before the end: the sink may still hold it.
        if self.ending.how != How::Theirs && self.sink.flush().await.is_err() {
            return;
        }
        let Ok(mut socket) = self.stream.reunite(self.sink) else { return };
        if self.ending.how != How::Theirs {
            let frame = CloseFrame { code: self.ending.code.into(), reason: self.ending.reason.into() };
            if socket.close(Some(frame)).await.is_err() {
                return;
            }
        }
        if self.ending.how == How::OursUnreadable {
            // Unread bytes would make the kernel reset the connection, and the client would never see the close code.
            let io = socket.get_mut();
            let mut discarded = [0; 4096];
            let _ = io.shutdown().await;
            while matches!(io.read(&mut discarded).await, Ok(count) if count > 0) {}
            return;
        }
        while let Some(Ok(_)) = socket.next().await {}
    }
}

#[cfg(test)]
mod tests;
