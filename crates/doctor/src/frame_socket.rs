//! Text frames over an open WebSocket, each awaited with a deadline.

use crate::connect::Socket;
use crate::diagnosis::Diagnosis;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use shared_protocol::{ErrorCode, ServerFrame, ServerMessage};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;

/// Characters shown of an API Gateway error.
const MAX_MESSAGE_CHARS: usize = 100;
/// The function posts every answer of its service as it is.
const NOT_TERMGATE: &str =
    "the answer is no frame of Termgate, so something else is at the function's APP_RUNNER_URL (BackendUrl).";
/// A function with a timeout of 29 s waits longer for the service.
const MIN_SERVICE_TIMEOUT: Duration = Duration::from_secs(20);

/// An open connection that carries the protocol's frames.
pub(crate) struct FrameSocket(pub(crate) Socket);

impl FrameSocket {
    /// Sends a frame. Errors are ignored here: the next receive reports the lost connection.
    pub(crate) async fn send(&mut self, text: String) {
        let _ = self.0.send(Message::text(text)).await;
    }

    /// Receives the next frame of the service or the function; `None` at the deadline.
    pub(crate) async fn next(&mut self, step: &'static str, deadline: Instant) -> Result<Option<String>, Diagnosis> {
        loop {
            match timeout_at(deadline, self.0.next()).await {
                Err(_) => return Ok(None),
                Ok(Some(Ok(Message::Text(text)))) => {
                    return gateway_error(step, &text).map_or_else(|| Ok(Some(text.to_string())), Err);
                }
                Ok(Some(Ok(Message::Close(close)))) => {
                    let code = close.as_ref().map_or(1005, |close| close.code.into());
                    let reason = close.map(|close| close.reason.to_string()).filter(|reason| !reason.is_empty());
                    let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
                    return Err(Diagnosis::Closed { step, code, reason });
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) => return Err(Diagnosis::Closed { step, code: 1006, reason: String::new() }),
            }
        }
    }

    /// Waits for the first reply that `select` accepts. An `error` frame is a diagnosis.
    pub(crate) async fn reply<T>(
        &mut self,
        step: &'static str,
        limit: Duration,
        hint: &'static str,
        mut select: impl FnMut(ServerMessage) -> Option<T>,
    ) -> Result<T, Diagnosis> {
        let started = Instant::now();
        let deadline = started + limit;
        while let Some(text) = self.next(step, deadline).await? {
            match serde_json::from_str::<ServerFrame>(&text).map(|frame| frame.message) {
                Ok(ServerMessage::Error(error)) => {
                    let waited = started.elapsed();
                    if error.code == ErrorCode::BackendTimeout && waited < MIN_SERVICE_TIMEOUT {
                        return Err(Diagnosis::ShortTimeout { step, seconds: waited.as_secs() });
                    }
                    return Err(Diagnosis::Error { step, error: error.into() });
                }
                Ok(message) => {
                    if let Some(found) = select(message) {
                        return Ok(found);
                    }
                }
                Err(_) => {
                    return Err(Diagnosis::Unexpected { step, detail: NOT_TERMGATE.into() });
                }
            }
        }
        Err(Diagnosis::Timeout { step, seconds: limit.as_secs(), hint })
    }
}

/// Recognises API Gateway's own error frame, which has a message and no type.
fn gateway_error(step: &'static str, text: &str) -> Option<Diagnosis> {
    let frame: Value = serde_json::from_str(text).ok()?;
    let message = frame.get("message")?.as_str()?;
    let is_gateways = frame.get("type").is_none() && frame.get("connectionId").is_some();
    is_gateways.then(|| Diagnosis::Gateway { step, message: message.chars().take(MAX_MESSAGE_CHARS).collect() })
}
