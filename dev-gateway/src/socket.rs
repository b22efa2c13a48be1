//! One client's WebSocket: frame limits, close codes, idle timeout and lifetime. Separate from events and routes:
//! messages leave through a callback and arrive through a channel.

use crate::connections::{Activity, OpenConnection, Outgoing, RegistryEntryGuard};
use crate::quotas::Quotas;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use websocket::Closing;

/// Longest wait for the client's part of the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The end of a connection, as `$disconnect` reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Disconnect {
    pub(crate) code: u16,
    /// API Gateway's reason, if it is known.
    pub(crate) reason: String,
    by: ClosedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClosedBy {
    /// The client, with a close frame.
    Client,
    /// The gateway, which has to send a close frame.
    Gateway,
    /// The gateway, because the client's bytes are not valid frames; further ones cannot be parsed.
    GatewayUnreadable,
    /// The network: no close frame is possible.
    Network,
}

impl Disconnect {
    fn by_gateway(code: CloseCode, reason: &str) -> Self {
        Self { code: code.into(), reason: reason.to_owned(), by: ClosedBy::Gateway }
    }

    /// At a limit, or because the gateway stops.
    pub(crate) fn going_away() -> Self {
        Self::by_gateway(CloseCode::Away, "Going away")
    }

    /// Without a close frame.
    pub(crate) fn lost() -> Self {
        Self {
            code: CloseCode::Abnormal.into(),
            reason: "Connection Closed Abnormally".to_owned(),
            by: ClosedBy::Network,
        }
    }

    fn by_client(frame: Option<CloseFrame>) -> Self {
        let (code, reason) = match frame {
            Some(frame) => (frame.code.into(), frame.reason.to_string()),
            None => (CloseCode::Status.into(), "Client-side close frame status not set".to_owned()),
        };
        Self { code, reason, by: ClosedBy::Client }
    }

    fn by_error(error: &Error) -> Self {
        let Some(CloseFrame { code, reason }) = websocket::fault(error) else { return Self::lost() };
        Self { by: ClosedBy::GatewayUnreadable, ..Self::by_gateway(code, &reason) }
    }

    /// The rest of the closing handshake; `None` if the client is out of reach.
    fn closing(&self) -> Option<Closing> {
        let frame = || CloseFrame { code: self.code.into(), reason: self.reason.as_str().into() };
        match self.by {
            ClosedBy::Client => Some(Closing::Echo),
            ClosedBy::Gateway => Some(Closing::Send(frame())),
            ClosedBy::GatewayUnreadable => Some(Closing::Fail(frame())),
            ClosedBy::Network => None,
        }
    }
}

/// A connection that still needs its closing handshake.
#[derive(Debug)]
pub(crate) struct ClosingSocket<S> {
    sink: SplitSink<WebSocketStream<S>, Message>,
    stream: SplitStream<WebSocketStream<S>>,
    disconnect: Disconnect,
}

/// Serves a client until its connection ends, at the latest when `ended` returns. Calls `on_message` for each message,
/// with a permit to hold while the message is processed. The connection is not in the registry any more when this
/// returns.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    io: S,
    opened: OpenConnection,
    quotas: &Quotas,
    ended: impl Future<Output = Disconnect>,
    mut on_message: impl FnMut(&str, OwnedSemaphorePermit),
) -> ClosingSocket<S> {
    let config = WebSocketConfig::default()
        .max_frame_size(Some(quotas.frame_bytes))
        .max_message_size(Some(quotas.message_bytes));
    let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let (mut sink, mut stream) = socket.split();
    let OpenConnection { mut outgoing, activity, entry } = opened;
    let permits = Arc::new(Semaphore::new(quotas.concurrent_invocations));
    let disconnect = tokio::select! {
        disconnect = read(&mut stream, &permits, &activity, &mut on_message) => disconnect,
        disconnect = write(&mut sink, &mut outgoing, &activity, quotas.frame_bytes) => disconnect,
        () = activity.idle_for(quotas.idle_timeout) => Disconnect::going_away(),
        () = tokio::time::sleep(quotas.lifetime) => Disconnect::going_away(),
        disconnect = ended => disconnect,
    };
    drop::<RegistryEntryGuard>(entry);
    ClosingSocket { sink, stream, disconnect }
}

/// Reads messages, each once a permit for its invocation is free: the client's backpressure.
async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    permits: &Arc<Semaphore>,
    activity: &Activity,
    on_message: &mut impl FnMut(&str, OwnedSemaphorePermit),
) -> Disconnect {
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return Disconnect::lost() };
        // The library answers pings while it reads. They do not count as activity.
        let text = loop {
            match stream.next().await {
                Some(Ok(Message::Text(text))) => break text,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    return Disconnect::by_gateway(CloseCode::Unsupported, "Unsupported data");
                }
                Some(Ok(Message::Close(frame))) => return Disconnect::by_client(frame),
                Some(Err(error)) => return Disconnect::by_error(&error),
                None => return Disconnect::lost(),
            }
        };
        activity.touch();
        on_message(&text, permit);
    }
}

/// Writes the queued messages, with one flush for all that wait.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    activity: &Activity,
    frame_bytes: usize,
) -> Disconnect {
    let mut waiting = outgoing.recv().await;
    while let Some(Outgoing::Text(text)) = waiting {
        for part in frames(text, frame_bytes) {
            if sink.feed(part).await.is_err() {
                return Disconnect::lost();
            }
        }
        activity.touch();
        waiting = match outgoing.try_recv() {
            Ok(next) => Some(next),
            Err(_) => {
                if sink.flush().await.is_err() {
                    return Disconnect::lost();
                }
                outgoing.recv().await
            }
        };
    }
    // Closed through the registry, perhaps with a queue too full for the close entry.
    Disconnect::by_gateway(CloseCode::Normal, "")
}

/// Splits a message into frames of at most `frame_bytes`, usually one.
fn frames(text: Utf8Bytes, frame_bytes: usize) -> impl Iterator<Item = Message> {
    let mut rest = Bytes::from(text);
    let mut kind = Some(Data::Text);
    std::iter::from_fn(move || {
        let opcode = kind.take()?;
        let part = rest.split_to(rest.len().min(frame_bytes));
        kind = (!rest.is_empty()).then_some(Data::Continue);
        // A raw frame skips a second UTF-8 check.
        Some(Message::Frame(Frame::message(part, OpCode::Data(opcode), rest.is_empty())))
    })
}

impl<S: AsyncRead + AsyncWrite + Unpin> ClosingSocket<S> {
    pub(crate) fn disconnect(&self) -> Disconnect {
        self.disconnect.clone()
    }

    /// Does the closing handshake, in two seconds at most.
    pub(crate) async fn finish(mut self) {
        let Some(closing) = self.disconnect.closing() else { return };
        // Earlier posts, which the sink may still hold, come before the close frame.
        let is_open = closing != Closing::Echo;
        if is_open && !matches!(timeout(CLOSE_TIMEOUT, self.sink.flush()).await, Ok(Ok(()))) {
            return;
        }
        if let Ok(socket) = self.stream.reunite(self.sink) {
            websocket::close(socket, closing, CLOSE_TIMEOUT).await;
        }
    }
}

#[cfg(test)]
mod tests;
