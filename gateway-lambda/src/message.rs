//! A message on any route: forwards its bytes to the service, posts the service's reply to the browser, and carries a relay
//! if the service grants one.

use crate::backend::{BackendError, Reply};
use crate::browser::PostError;
use crate::identity::session_label;
use crate::identity_cache::IdentityCache;
use crate::invocation::Invocation;
use crate::metrics;
use crate::relay::{End, Relay};
use auth_tokens::LEEWAY_SECONDS;
use bytes::Bytes;
use serde_json::{Value, json};
use shared_protocol::ErrorCode;
use shared_protocol::client::logged_type;
use shared_protocol::server::ErrorMessage;

/// Invocations of at least this many milliseconds write their metrics at once.
const MIN_LONG_MS: f64 = 5000.0;

/// The way in which an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq, derive_more::Display)]
enum Outcome {
    /// The reply was delivered, if there was one.
    #[display("done")]
    Done,
    /// The service had the connection closed.
    #[display("closed")]
    Closed,
    /// The reply, or an error, was not delivered, nor can a later frame be.
    #[display("undelivered: {_0}")]
    Undelivered(PostError),
    /// The service refused, or a request to it failed.
    #[display("failed: {_0}")]
    Failed(BackendError),
    /// The gateway itself refused.
    #[display("refused: {_0:?}")]
    Refused(ErrorCode),
    /// It carried a relay, after the reply.
    Carried(End),
}

/// Work of an invocation, for the log.
#[derive(Debug, Default)]
struct Work {
    /// Type of the message.
    message: &'static str,
    /// Frames posted, those of a relay included.
    frames: u32,
    /// Members of the relay.
    members: Option<usize>,
    /// Questions of the relay.
    questions: Option<u64>,
}

/// Handles a message. The response is always an empty 200: API Gateway would show anything else to the browser as an error of
/// its own, and errors reach the browser as frames.
pub(crate) async fn handle(mut invocation: Invocation<'_>, identities: &IdentityCache, body: Bytes) -> Value {
    let mut work = Work { message: logged_type(&body), ..Work::default() };
    let outcome = match identify(&mut invocation, identities).await {
        Ok(()) => {
            let outcome = forward(&invocation, identities, body, &mut work).await;
            if let Outcome::Failed(error) = &outcome
                && let Err(error) = invocation.post_error(client_error(error)).await
            {
                undelivered(&invocation, identities, &error).await;
            }
            outcome
        }
        Err(error) => refuse(&invocation, error).await,
    };
    log(&invocation, &work, &outcome);
    json!({"statusCode": 200})
}

/// Sets the caller's identity, or says why the caller may not speak.
async fn identify(invocation: &mut Invocation<'_>, identities: &IdentityCache) -> Result<(), ErrorMessage> {
    let now = invocation.deps.clock.now_seconds();
    let (code, message) = match identities.get(&invocation.caller, invocation.deps.connections.as_ref(), now).await {
        Ok(Some(identity)) if identity.over_limit => return Err(over_limit()),
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

/// The answer to a connection beyond its user's limit. Another one may succeed later.
fn over_limit() -> ErrorMessage {
    let text = "You have as many connections as allowed (MAX_CONNECTIONS_PER_USER); close another terminal.";
    ErrorMessage { retryable: true, ..ErrorMessage::new(ErrorCode::LimitReached, text) }
}

/// Posts the reason for a refusal. Closes a connection that is of no more use: its token has expired, or it is one too many.
async fn refuse(invocation: &Invocation<'_>, error: ErrorMessage) -> Outcome {
    let code = error.code;
    let posted = invocation.post_error(error).await;
    if matches!(code, ErrorCode::TokenExpired | ErrorCode::LimitReached) {
        invocation.close(&invocation.caller.connection).await;
    }
    posted.map_or_else(Outcome::Undelivered, |()| Outcome::Refused(code))
}

/// Forwards the message, delivers the reply, and carries a relay if the reply grants one.
async fn forward(invocation: &Invocation<'_>, identities: &IdentityCache, body: Bytes, work: &mut Work) -> Outcome {
    let Invocation { deps, caller, deadline } = invocation;
    let sent_at = deadline.elapsed_ms();
    let reply = match deps.backend.message(caller, body, deadline.follow_time_left()).await {
        Ok(reply) => reply,
        Err(error) => return Outcome::Failed(error),
    };
    metrics::record_service_time(deadline.elapsed_ms() - sent_at);
    let delivered = deliver(invocation, &reply, &mut work.frames).await;
    let after_failure = async {
        if let Err(error) = &delivered {
            undelivered(invocation, identities, error).await;
        }
    };
    if reply.close {
        tokio::join!(invocation.close(&caller.connection), after_failure);
        return delivered.map_or_else(Outcome::Undelivered, |()| Outcome::Closed);
    }
    let Some(grant) = reply.grant else {
        after_failure.await;
        return delivered.map_or_else(Outcome::Undelivered, |()| Outcome::Done);
    };
    // The others must not miss their frames because this connection is gone.
    let mut relay = Relay::new(invocation, identities, grant);
    let (end, ()) = tokio::join!(relay.carry(), after_failure);
    work.frames += relay.frames();
    (work.members, work.questions) = (Some(relay.members()), Some(relay.questions()));
    metrics::record_relay(relay.members(), relay.questions());
    Outcome::Carried(end)
}

/// Delivers the reply to a message: posts its frame, counted in `frames`, and extends the row's life. A lost frame is no error:
/// the browser notices with the next one and asks for it. Fails if no later frame can be delivered either.
async fn deliver(invocation: &Invocation<'_>, reply: &Reply, frames: &mut u32) -> Result<(), PostError> {
    let post = async {
        let Some(frame) = &reply.frame else { return Ok(()) };
        match invocation.post(frame.clone()).await {
            Ok(()) => *frames += 1,
            Err(error @ (PostError::Gone | PostError::Forbidden(_))) => return Err(error),
            Err(error) => {
                metrics::record_lost_frame();
                tracing::warn!(connection = %invocation.caller.connection, %error, "[WebSocket] Frame lost");
            }
        }
        Ok(())
    };
    let touch = async {
        if reply.touch {
            invocation.touch().await;
        }
    };
    tokio::join!(post, touch).0
}

/// Forgets the caller if it is gone, which [`Invocation::post`] has found out.
async fn undelivered(invocation: &Invocation<'_>, identities: &IdentityCache, error: &PostError) {
    if *error == PostError::Gone {
        identities.remove(&invocation.caller.connection);
        invocation.connection_gone().await;
    }
}

/// The `error` frame for a failed request to the service.
fn client_error(error: &BackendError) -> ErrorMessage {
    match error {
        BackendError::Refused(refused) => {
            let message = ErrorMessage::new(refused.code, refused.error.as_str());
            ErrorMessage { retryable: refused.retryable, ..message }
        }
        BackendError::Unreachable(_) => ErrorMessage::new(ErrorCode::BackendUnreachable, BackendError::UNREACHABLE),
        BackendError::Timeout => {
            ErrorMessage::new(ErrorCode::BackendTimeout, "The terminal service did not answer in time.")
        }
    }
}

/// Writes the one line of the log and the metrics of this message.
fn log(invocation: &Invocation<'_>, work: &Work, outcome: &Outcome) {
    let caller = &invocation.caller;
    let message = format!("[WebSocket] Message from {}: {}", caller.connection, work.message);
    let (session, request_id) = (session_label(caller.identity.as_ref()), &caller.request_id);
    let (Work { frames, members, questions, .. }, duration_ms) = (work, invocation.deadline.elapsed_ms());
    metrics::record_frames(*frames, duration_ms >= MIN_LONG_MS);
    if let Outcome::Failed(error) | Outcome::Carried(End::Failed(error)) = outcome {
        metrics::record_service_failure(error);
    }
    match outcome {
        Outcome::Undelivered(_) | Outcome::Failed(_) | Outcome::Carried(End::Failed(_)) => {
            tracing::warn!(session, request_id, frames, members, questions, duration_ms, end = %outcome, message);
        }
        _ => tracing::info!(session, request_id, frames, members, questions, duration_ms, end = %outcome, message),
    }
}
