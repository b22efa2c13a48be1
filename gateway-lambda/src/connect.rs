//! `$connect`: authorizes the connection where the authorizer has not, and writes the row.

use crate::admission;
use crate::authorize::{self, AuthorizeError};
use crate::connections::{Connection, ConnectionsError};
use crate::event::Handshake;
use crate::identity::session_label;
use crate::invocation::Invocation;
use crate::metrics;
use serde_json::{Value, json};
use shared_protocol::gateway::SUBPROTOCOL;
use shared_protocol::{ApiError, ErrorCode};

#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error(transparent)]
    Authorize(#[from] AuthorizeError),
    #[error("the user has as many connections as allowed, and some more that were told so")]
    TooMany,
    #[error(transparent)]
    Table(#[from] ConnectionsError),
}

impl ConnectError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Authorize(error) => error.code(),
            Self::TooMany => ErrorCode::LimitReached,
            Self::Table(_) => ErrorCode::Internal,
        }
    }

    /// The sentence for the client; internal errors keep their details to the log.
    fn client_message(&self) -> String {
        match self {
            Self::Table(_) | Self::Authorize(AuthorizeError::Table(_)) => {
                "The gateway could not store the connection; try again.".to_owned()
            }
            Self::Authorize(error) if error.code() == ErrorCode::Internal => {
                "The gateway could not check the token; try again.".to_owned()
            }
            Self::Authorize(_) | Self::TooMany => format!("{self}."),
        }
    }
}

/// Handles `$connect`. A browser sees only that a refused connection failed; the body is for other clients and for API
/// Gateway's log.
pub(crate) async fn handle(invocation: &Invocation<'_>, handshake: &Handshake, connected_at: Option<u64>) -> Value {
    let opened = open(invocation, handshake, connected_at).await;
    let admitted = opened.as_ref().is_ok_and(|row| !row.identity.over_limit);
    metrics::record_connect(admitted);
    if let (true, Some(at)) = (admitted, invocation.caller.received_at) {
        metrics::record_connect_time(invocation.deps.clock.now_ms().saturating_sub(at));
    }
    let (connection, request_id) = (&invocation.caller.connection, &invocation.caller.request_id);
    let duration_ms = invocation.deadline.elapsed_ms();
    match opened {
        Ok(row) => {
            let (user, session) = (&row.identity.sub, session_label(Some(&row.identity)));
            if admitted {
                tracing::info!(
                    user,
                    request_id,
                    duration_ms,
                    "[WebSocket] Connected: {connection}, Session: {session}"
                );
            } else {
                tracing::warn!(user, request_id, duration_ms, "[WebSocket] Beyond the user's limit: {connection}");
            }
            match handshake.subprotocol {
                true => json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": SUBPROTOCOL}}),
                false => json!({"statusCode": 200}),
            }
        }
        Err(error) => {
            let code = error.code();
            let status = code.status();
            if code == ErrorCode::Internal {
                tracing::error!(status, request_id, duration_ms, reason = %error, "[WebSocket] Refused: {connection}");
            } else {
                tracing::warn!(status, request_id, duration_ms, reason = %error, "[WebSocket] Refused: {connection}");
            }
            let body = ApiError::new(code, error.client_message());
            json!({"statusCode": status, "body": json!(body).to_string()})
        }
    }
}

async fn open(
    invocation: &Invocation<'_>,
    handshake: &Handshake,
    connected_at: Option<u64>,
) -> Result<Connection, ConnectError> {
    let (deps, caller) = (invocation.deps, &invocation.caller);
    let identity = match &caller.identity {
        Some(identity) => identity.clone(),
        None => authorize::identify(invocation, handshake).await?,
    };
    if identity.over_limit && admission::has_all(invocation, &identity).await? {
        return Err(ConnectError::TooMany);
    }
    let row = Connection {
        id: caller.connection.clone(),
        identity,
        connected_at: connected_at.unwrap_or_else(|| deps.clock.now_ms()),
        expires_at: deps.clock.now_seconds() + deps.config.connection_ttl.as_secs(),
    };
    invocation.limit_table(deps.connections.put(&row)).await?;
    Ok(row)
}
