//! A message on any route: forwards its bytes to the service, posts the service's frames to the browser, and follows when the
//! service asks for it.

use crate::backend::BackendError;
use crate::browser::PostError;
use crate::follow::{Outcome, deliver, follow};
use crate::identity::session_label;
use crate::identity_cache::IdentityCache;
use crate::invocation::Invocation;
use crate::metrics;
use auth_tokens::LEEWAY_SECONDS;
use bytes::Bytes;
use serde_json::{Value, json};
use shared_protocol::ErrorCode;
use shared_protocol::server::ErrorMessage;

/// Invocations of at least this many milliseconds count as followers in the metrics.
const MIN_FOLLOWER_MS: f64 = 5000.0;

/// Handles a message. The response is always an empty 200: API Gateway would show anything else to the browser as an error of
/// its own, and errors reach the browser as frames.
pub(crate) async fn handle(mut invocation: Invocation<'_>, identities: &IdentityCache, body: Bytes) -> Value {
    let mut frames = 0;
    let outcome = match identify(&mut invocation, identities).await {
        Ok(()) => {
            let outcome = forward(&invocation, body, &mut frames).await;
            let undelivered = match &outcome {
                Outcome::Failed(error) => invocation.post_error(client_error(error)).await.err(),
                Outcome::Undelivered(error) => Some(error.clone()),
                _ => None,
            };
            if undelivered == Some(PostError::Gone) {
                identities.remove(&invocation.caller.connection);
                invocation.connection_gone().await;
            }
            outcome
        }
        Err(error) => refuse(&invocation, error).await,
    };
    log(&invocation, frames, &outcome);
    json!({"statusCode": 200})
}

/// Sets the caller's identity, or says why the caller may not speak.
async fn identify(invocation: &mut Invocation<'_>, identities: &IdentityCache) -> Result<(), ErrorMessage> {
    let now = invocation.deps.clock.now_seconds();
    let (code, message) = match identities.get(&invocation.caller, invocation.deps.connections.as_ref(), now).await {
        Ok(Some(identity)) if identity.uexp.saturating_add(LEEWAY_SECONDS) > now => {
            invocation.caller.identity = Some(identity);
            return Ok(());
        }
        Ok(Some(_)) => (ErrorCode::TokenExpired, "Your token has expired; connect with a fresh one."),
        Ok(None) => (ErrorCode::Unauthorized, "The gateway does not know this connection; connect again."),
        Err(error) => {
            let connection = &invocation.caller.connection;
            tracing::error!(%connection, %error, "[WebSocket] Identity lookup failed");
            (ErrorCode::Internal, "The gateway could not look up this connection; try again.")
        }
    };
    Err(ErrorMessage::new(code, message))
}

/// Posts the reason for a refusal. Closes a connection whose token has expired: it is of no more use.
async fn refuse(invocation: &Invocation<'_>, error: ErrorMessage) -> Outcome {
    let code = error.code;
    let posted = invocation.post_error(error).await;
    if code == ErrorCode::TokenExpired {
        invocation.close_connection(&invocation.caller.connection).await;
    }
    posted.map_or_else(Outcome::Undelivered, |()| Outcome::Refused(code))
}

/// Forwards the message, delivers the reply, and follows.
async fn forward(invocation: &Invocation<'_>, body: Bytes, frames: &mut u32) -> Outcome {
    let Invocation { deps, caller, deadline, .. } = invocation;
    let sent_at = deadline.elapsed_ms();
    let mut reply = match deps.backend.message(caller, body, deadline.follow_time_left()).await {
        Ok(reply) => reply,
        Err(error) => return Outcome::Failed(error),
    };
    metrics::record_service_time(deadline.elapsed_ms() - sent_at);
    let delivered = deliver(invocation, &reply, frames).await;
    if let Some(close) = reply.close {
        invocation.close(close).await;
        return delivered.map_or_else(Outcome::Undelivered, |()| Outcome::Closed);
    }
    match (delivered, reply.follow.take()) {
        (Ok(()), Some(first)) => follow(invocation, first, frames).await,
        (Ok(()), None) => Outcome::Done,
        (Err(error), _) => Outcome::Undelivered(error),
    }
}

/// The `error` frame for a failed request to the service.
fn client_error(error: &BackendError) -> ErrorMessage {
    match error {
        BackendError::Refused(refused) => {
            let message = ErrorMessage::new(refused.code, refused.error.as_str());
            ErrorMessage { retryable: refused.retryable, ..message }
        }
        BackendError::Unreachable(_) => {
            ErrorMessage::new(ErrorCode::BackendUnreachable, "The terminal service cannot be reached at the moment.")
        }
        BackendError::Timeout => {
            ErrorMessage::new(ErrorCode::BackendTimeout, "The terminal service did not answer in time.")
        }
    }
}

/// Writes the one line of the log and the metrics of this message.
fn log(invocation: &Invocation<'_>, frames: u32, outcome: &Outcome) {
    let caller = &invocation.caller;
    let message = format!("[WebSocket] Message from {}", caller.connection);
    let (session, request_id) = (session_label(caller.identity.as_ref()), &caller.request_id);
    let duration_ms = invocation.deadline.elapsed_ms();
    metrics::record_frames(frames, duration_ms >= MIN_FOLLOWER_MS);
    if let Outcome::Failed(error) = outcome {
        metrics::record_service_failure(error);
    }
    match outcome {
        Outcome::Undelivered(_) | Outcome::Failed(_) => {
            tracing::warn!(session, request_id, frames, duration_ms, end = %outcome, message);
        }
        _ => tracing::info!(session, request_id, frames, duration_ms, end = %outcome, message),
    }
}
