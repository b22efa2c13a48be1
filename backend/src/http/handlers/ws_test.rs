//! `WS /ws-test`: echoes a bounded number of messages, to find out whether WebSockets reach the service. Needs no token. A text
//! comes back as `{"type":"echo","received":…,"timestamp":…}`, where `received` is the JSON value of the text, or else the text,
//! and `timestamp` the service's time in ms since 1970; bytes come back as they are.

use crate::http::connection_limit::evicted;
use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::http::socket::CLOSE_TIMEOUT;
use axum::extract::State;
use axum::http::Extensions;
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use shared_protocol::ErrorCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use websocket::{Closing, Opening, ServerSocket};

/// Longest test. Hosts that do not support WebSockets cut the connection after about 25 s.
const MAX_DURATION: Duration = Duration::from_secs(120);
/// Messages, and pings, answered in one test.
const MAX_MESSAGES: usize = 100;
/// Largest message, in bytes.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;

pub(in crate::http) async fn handle(
    State(service): State<Arc<ServiceContext>>,
    extensions: Extensions,
    opening: Opening,
) -> Result<Response, HttpError> {
    let Ok(permit) = Arc::clone(&service.ws_tests).try_acquire_owned() else {
        return Err(HttpError::new(ErrorCode::RateLimited, "too many tests run at the same time; try again"));
    };
    let config = WebSocketConfig::default();
    let config = config.max_message_size(Some(MAX_MESSAGE_BYTES)).max_frame_size(Some(MAX_MESSAGE_BYTES));
    let evicted = evicted(&extensions);
    Ok(opening.serve(None, config, move |mut socket| async move {
        let _permit = permit;
        let test = async {
            let closing = serve(&service, &mut socket).await;
            websocket::close(socket, closing, CLOSE_TIMEOUT).await;
        };
        tokio::select! {
            () = test => {}
            () = evicted => {}
        }
    }))
}

/// Echoes messages until one side closes.
async fn serve(service: &ServiceContext, socket: &mut ServerSocket) -> Closing {
    let deadline = Instant::now() + MAX_DURATION;
    for _ in 0..MAX_MESSAGES {
        let echo = match timeout_at(deadline, socket.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => Message::text(echo(&text, service.clock.now_ms())),
            Ok(Some(Ok(message @ Message::Binary(_)))) => message,
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => continue,
            Ok(Some(Ok(Message::Close(_))) | None) => return Closing::Echo,
            Ok(Some(Err(error))) => return websocket::fault(&error).map_or(Closing::Echo, Closing::Fail),
            Err(_) => break,
        };
        if !matches!(timeout_at(deadline, socket.send(echo)).await, Ok(Ok(()))) {
            return Closing::Echo;
        }
    }
    Closing::Send(CloseFrame { code: CloseCode::Policy, reason: "the test is over".into() })
}

fn echo(text: &str, now_ms: u64) -> String {
    let received = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    json!({"type": "echo", "received": received, "timestamp": now_ms}).to_string()
}
