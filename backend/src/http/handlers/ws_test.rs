//! `WS /ws-test`: echoes a bounded number of messages, to find out whether WebSockets reach the service. Needs no token. A text
//! comes back as `{"type":"echo","received":…,"timestamp":…}`, where `received` is the JSON value of the text, or else the text,
//! and `timestamp` the service's time in ms since 1970; bytes come back as they are.

use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade};
use axum::response::Response;
use serde_json::{Value, json};
use shared_protocol::ErrorCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Longest test. Hosts that do not support WebSockets cut the connection after about 25 s.
const MAX_DURATION: Duration = Duration::from_secs(120);
/// Time to send the close frame after that.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Messages echoed in one test.
const MAX_MESSAGES: usize = 100;
/// Largest message, in bytes.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;

pub(in crate::http) async fn handle(
    State(service): State<Arc<ServiceContext>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, HttpError> {
    let Ok(permit) = Arc::clone(&service.ws_tests).try_acquire_owned() else {
        return Err(HttpError::new(ErrorCode::RateLimited, "too many tests run at the same time; try again"));
    };
    let upgrade = upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES);
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        let _permit = permit;
        let deadline = Instant::now() + MAX_DURATION;
        let close = |code, reason: &'static str| Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        let mut last = close(1008, "the test is over");
        for _ in 0..MAX_MESSAGES {
            let message = match timeout_at(deadline, socket.recv()).await {
                Ok(Some(Ok(message @ (Message::Text(_) | Message::Binary(_))))) => message,
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                    last = close(1000, "");
                    break;
                }
                Err(_) => break,
            };
            let echo = match message {
                Message::Text(text) => Message::text(echo(&text, service.clock.now_ms())),
                message => message,
            };
            if !matches!(timeout_at(deadline, socket.send(echo)).await, Ok(Ok(()))) {
                return;
            }
        }
        // Fails if the peer is gone.
        let _ = timeout_at(deadline + CLOSE_TIMEOUT, socket.send(last)).await;
    }))
}

fn echo(text: &str, now_ms: u64) -> String {
    let received = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    json!({"type": "echo", "received": received, "timestamp": now_ms}).to_string()
}
