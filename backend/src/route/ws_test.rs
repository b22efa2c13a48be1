//! `WS /ws-test`: tells whether WebSockets reach this service at all. Needs no token, echoes, and is bounded.

use super::Service;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade};
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Longest test, which is longer than the ~25 s after which hosts without WebSockets cut one.
const LONGEST: Duration = Duration::from_secs(120);
/// Messages that are echoed.
const MESSAGES: usize = 100;
/// Largest message, in bytes.
const MESSAGE_BYTES: usize = 4 * 1024;
/// Tests at the same time.
pub(super) const TESTS: usize = 32;

pub(super) async fn handle(
    State(service): State<Arc<Service>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, super::error::Failure> {
    let Ok(permit) = Arc::clone(&service.tests).try_acquire_owned() else {
        let full = "too many tests run at the same time; try again";
        return Err(super::error::Failure::new(shared_protocol::ErrorCode::RateLimited, full));
    };
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES).max_frame_size(MESSAGE_BYTES);
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        let _permit = permit;
        let deadline = Instant::now() + LONGEST;
        let close = |code, reason: &'static str| Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        let mut last = close(1008, "the test is over");
        for _ in 0..MESSAGES {
            let message = match timeout_at(deadline, socket.recv()).await {
                Ok(Some(Ok(message @ (Message::Text(_) | Message::Binary(_))))) => message,
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                Ok(Some(Ok(Message::Close(_))) | Some(Err(_)) | None) => {
                    last = close(1000, "");
                    break;
                }
                Err(_) => break,
            };
            if !matches!(timeout_at(deadline, socket.send(message)).await, Ok(Ok(()))) {
                return;
            }
        }
        // The peer may be gone.
        let _ = timeout_at(deadline + Duration::from_secs(5), socket.send(last)).await;
    }))
}
