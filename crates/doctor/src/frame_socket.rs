//! Frames on an open WebSocket, as text, with a deadline for each, and what the end of a connection means.

use crate::connect::Socket;
use crate::diagnosis::Diagnosis;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use shared_protocol::{ServerFrame, ServerMessage};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;

/// An open connection.
pub(crate) struct FrameSocket {
    socket: Socket,
}

/// What came.
pub(crate) enum Received {
    /// A frame of the service, or of the function.
    Frame(String),
    /// Nothing, by the deadline.
    Nothing,
}

impl FrameSocket {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket }
    }

    /// Sends a message. That the connection is gone shows when something is awaited.
    pub(crate) async fn say(&mut self, text: String) {
        let _ = self.socket.send(Message::text(text)).await;
    }

    /// The next frame.
    pub(crate) async fn next(&mut self, step: &'static str, by: Instant) -> Result<Received, Diagnosis> {
        loop {
            let Ok(came) = timeout_at(by, self.socket.next()).await else { return Ok(Received::Nothing) };
            match came {
                Some(Ok(Message::Text(text))) => {
                    return of_gateway(step, &text).map_or(Ok(Received::Frame(text.to_string())), Err);
                }
                Some(Ok(Message::Close(close))) => {
                    let code = close.as_ref().map_or(1005, |close| close.code.into());
                    let reason = close.map(|close| close.reason.to_string()).filter(|reason| !reason.is_empty());
                    let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
                    return Err(Diagnosis::Closed { step, code, reason });
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Diagnosis::Closed { step, code: 1006, reason: String::new() }),
            }
        }
    }

    /// The first reply that is wanted; an `error` frame is what is wrong.
    pub(crate) async fn reply<T>(
        &mut self,
        step: &'static str,
        limit: Duration,
        hint: &'static str,
        mut wanted: impl FnMut(ServerMessage) -> Option<T>,
    ) -> Result<T, Diagnosis> {
        let by = Instant::now() + limit;
        loop {
            match self.next(step, by).await? {
                Received::Nothing => return Err(Diagnosis::Timeout { step, seconds: limit.as_secs(), hint }),
                Received::Frame(text) => match serde_json::from_str::<ServerFrame>(&text).map(|frame| frame.message) {
                    Ok(ServerMessage::Error(error)) => return Err(Diagnosis::Error { step, error: error.into() }),
                    Ok(message) => {
                        if let Some(found) = wanted(message) {
                            return Ok(found);
                        }
                    }
                    Err(_) => {
                        return Err(Diagnosis::Unexpected {
                            step,
                            detail: "what came is no frame of Termgate.".into(),
                        });
                    }
                },
            }
        }
    }

    /// Ends the connection without a word, as a network that goes does.
    pub(crate) fn cut(self) {
        drop(self);
    }
}

/// API Gateway's own frame: it has a message and no type.
fn of_gateway(step: &'static str, text: &str) -> Option<Diagnosis> {
    let frame: Value = serde_json::from_str(text).ok()?;
    let said = frame.get("message")?.as_str()?;
    let own = frame.get("type").is_none() && frame.get("connectionId").is_some();
    own.then(|| Diagnosis::Gateway { step, said: said.chars().take(100).collect() })
}
