//! A message of a browser, on whichever route: its bytes go to the service unchanged, what comes back goes to the browser
//! unchanged, and then this invocation follows if it is told to.

use crate::backend::{BackendError, Caller};
use crate::browser::PostError;
use crate::budget::Budget;
use crate::event::Source;
use crate::follow::{End, follow, pass_on};
use crate::identities::Identities;
use crate::identity::Identity;
use crate::line::Line;
use crate::metrics;
use crate::route::Deps;
use crate::turn::Turn;
use auth_tokens::LEEWAY_SECONDS;
use bytes::Bytes;
use serde_json::{Value, json};
use shared_protocol::ErrorCode;
use shared_protocol::server::ErrorMessage;

/// An invocation of this many milliseconds has followed.
const LONG_MS: f64 = 5000.0;

/// Handles a message. The integration's own answer is always an empty 200: anything else API Gateway would show to the browser
/// as a fault of its own, while everything that concerns the browser reaches it as a frame.
pub(crate) async fn handle(deps: &Deps, identities: &Identities, source: Source, body: Bytes, budget: Budget) -> Value {
    let known = identify(deps, identities, &source).await;
    let line = Line { deps, connection: source.connection, endpoint: source.endpoint, budget };
    let mut frames = 0;
    match known {
        Ok(identity) => {
            let session = identity.sid.clone();
            let (connection, request_id) = (line.connection.clone(), source.request_id);
            let caller = Caller { connection, identity, request_id, received_at: source.received_at };
            let turn = Turn { line, caller };
            let end = converse(&turn, body, &mut frames).await;
            if let End::Undelivered(PostError::Gone) = settle(&turn, &end).await {
                identities.forget(&turn.caller.connection);
                turn.gone().await;
            }
            log(&turn.line, session.as_ref().map_or("none", |sid| sid.as_str()), &turn.caller.request_id, frames, &end);
        }
        Err(refusal) => {
            let end = refuse(&line, refusal).await;
            log(&line, "none", &source.request_id, frames, &end);
        }
    }
    json!({"statusCode": 200})
}

/// Who speaks, if they still may.
async fn identify(deps: &Deps, identities: &Identities, source: &Source) -> Result<Identity, ErrorMessage> {
    let now = deps.clock.unix_seconds();
    match identities.of(source, deps.connections.as_ref(), now).await {
        Ok(Some(identity)) if identity.uexp.saturating_add(LEEWAY_SECONDS) > now => Ok(identity),
        Ok(Some(_)) => {
            Err(ErrorMessage::new(ErrorCode::TokenExpired, "Your token has expired; connect with a fresh one."))
        }
        Ok(None) => {
            Err(ErrorMessage::new(ErrorCode::Unauthorized, "The gateway does not know this connection; connect again."))
        }
        Err(error) => {
            tracing::error!(connection = %source.connection, %error, "[WebSocket] Who speaks could not be looked up");
            Err(ErrorMessage::new(ErrorCode::Internal, "The gateway could not look up this connection; try again."))
        }
    }
}

/// Says no. A connection whose token has expired is of no more use, and is closed.
async fn refuse(line: &Line<'_>, refusal: ErrorMessage) -> End {
    let code = refusal.code;
    let posted = line.post_error(refusal).await;
    if code == ErrorCode::TokenExpired
        && let Err(error) = line.close(&line.connection).await
    {
        tracing::warn!(connection = %line.connection, %error, "[WebSocket] A connection was not closed");
    }
    posted.map_or_else(End::Undelivered, |()| End::Refused(code))
}

/// Forwards, passes the answer on, and follows.
async fn converse(turn: &Turn<'_>, body: Bytes, frames: &mut u32) -> End {
    let (within, asked) = (turn.line.budget.left_to_ask(), turn.line.budget.elapsed_ms());
    let mut reply = match turn.line.deps.backend.message(&turn.caller, body, within).await {
        Ok(reply) => reply,
        Err(error) => return End::Failed(error),
    };
    metrics::answered(turn.line.budget.elapsed_ms() - asked);
    let passed = pass_on(turn, &reply, frames).await;
    if let Some(close) = reply.close {
        turn.close(close).await;
        return passed.map_or_else(End::Undelivered, |()| End::Closed);
    }
    match (passed, reply.follow.take()) {
        (Ok(()), Some(first)) => follow(turn, first, frames).await,
        (Ok(()), None) => End::Done,
        (Err(error), _) => End::Undelivered(error),
    }
}

/// Tells the browser of a failure that it would not see otherwise. Returns how the turn ends after that.
async fn settle(turn: &Turn<'_>, end: &End) -> End {
    let End::Failed(error) = end else { return end.clone() };
    let told = turn.line.post_error(frame_of(error)).await;
    told.map_or_else(End::Undelivered, |()| end.clone())
}

/// What the browser is told of a failure at the service.
fn frame_of(error: &BackendError) -> ErrorMessage {
    match error {
        BackendError::Refused(refused) => {
            let told = ErrorMessage::new(refused.code, refused.error.as_str());
            ErrorMessage { retryable: refused.retryable, ..told }
        }
        BackendError::Unreachable(_) => {
            ErrorMessage::new(ErrorCode::BackendUnreachable, "The terminal service cannot be reached at the moment.")
        }
        BackendError::Timeout => {
            ErrorMessage::new(ErrorCode::BackendTimeout, "The terminal service did not answer in time.")
        }
    }
}

/// The one line of this request.
fn log(line: &Line<'_>, session: &str, request_id: &str, frames: u32, end: &End) {
    let message = format!("[WebSocket] Message from {}", line.connection);
    let duration_ms = line.budget.elapsed_ms();
    metrics::frames(frames, duration_ms >= LONG_MS);
    if let End::Failed(error) = end {
        metrics::failed(error);
    }
    match end {
        End::Undelivered(_) | End::Failed(_) => {
            tracing::warn!(session, request_id, frames, duration_ms, %end, message);
        }
        _ => tracing::info!(session, request_id, frames, duration_ms, %end, message),
    }
}
