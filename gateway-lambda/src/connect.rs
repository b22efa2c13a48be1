//! `$connect`: authorizes the connection where the authorizer has not, limits connections per user, and writes the row.

use crate::authorize::{self, AuthorizeError};
use crate::connections::{Connection, ConnectionsError};
use crate::event::Handshake;
use crate::identity::session_label;
use crate::invocation::Invocation;
use crate::metrics;
use futures_util::StreamExt;
use serde_json::{Value, json};
use shared_protocol::gateway::SUBPROTOCOL;
use shared_protocol::{ApiError, ErrorCode};
use std::time::Duration;

/// Longest time between `$connect` and the moment when API Gateway knows the connection. A younger row is never stale.
const MAX_OPENING_TIME: Duration = shared_protocol::limits::INTEGRATION_TIMEOUT;
/// Connections that are looked up concurrently.
const MAX_CONCURRENT_LOOKUPS: usize = 8;

#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error(transparent)]
    Authorize(#[from] AuthorizeError),
    #[error("the user has {0} connections already")]
    TooMany(usize),
    #[error(transparent)]
    Table(#[from] ConnectionsError),
}

impl ConnectError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Authorize(error) => error.code(),
            Self::TooMany(_) => ErrorCode::LimitReached,
            Self::Table(_) => ErrorCode::Internal,
        }
    }

    /// The sentence for the client; internal errors keep their details to the log.
    fn client_message(&self) -> String {
        match self {
            Self::Table(_) => "The gateway could not store the connection; try again.".to_owned(),
            Self::Authorize(error) if error.code() == ErrorCode::Internal => {
                "The gateway could not check the token; try again.".to_owned()
            }
            Self::Authorize(_) | Self::TooMany(_) => format!("{self}."),
        }
    }
}

/// Handles `$connect`. A browser sees only that a refused connection failed; the body is for other clients and for API
/// Gateway's log.
pub(crate) async fn handle(invocation: &Invocation<'_>, handshake: &Handshake, connected_at: Option<u64>) -> Value {
    let opened = open(invocation, handshake, connected_at).await;
    metrics::record_connect(opened.is_ok());
    if let (Ok(_), Some(at)) = (&opened, invocation.caller.received_at) {
        metrics::record_connect_time(invocation.deps.clock.now_ms().saturating_sub(at));
    }
    let (connection, request_id) = (&invocation.caller.connection, &invocation.caller.request_id);
    let duration_ms = invocation.deadline.elapsed_ms();
    match opened {
        Ok(row) => {
            let (user, session) = (&row.identity.sub, session_label(Some(&row.identity)));
            tracing::info!(user, request_id, duration_ms, "[WebSocket] Connected: {connection}, Session: {session}");
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
    let now = deps.clock.now_seconds();
    let max = deps.config.connections_per_user;
    let user = identity.row_user();
    let mut open = invocation.limit_table(deps.connections.count_by_user(&user, now)).await?;
    if open >= max {
        open -= remove_stale(invocation, &user, now).await?.min(open);
    }
    if open >= max {
        return Err(ConnectError::TooMany(open));
    }
    let row = Connection {
        id: caller.connection.clone(),
        identity,
        connected_at: connected_at.unwrap_or_else(|| deps.clock.now_ms()),
        expires_at: now + deps.config.connection_ttl.as_secs(),
    };
    invocation.limit_table(deps.connections.put(&row)).await?;
    Ok(row)
}

/// Removes rows of a user's closed connections, and returns their number. API Gateway does not report every disconnect.
async fn remove_stale(invocation: &Invocation<'_>, user: &str, now: u64) -> Result<usize, ConnectionsError> {
    let ttl = invocation.deps.config.connection_ttl.as_secs();
    let until = (now + ttl).saturating_sub(MAX_OPENING_TIME.as_secs());
    let idle = invocation.limit_table(invocation.deps.connections.list_idle_by_user(user, now, until)).await?;
    let removed = futures_util::stream::iter(idle).map(|connection| async move {
        let gone = invocation.exists(&connection).await == Some(false);
        if gone {
            tracing::info!(%connection, "[WebSocket] Removed a stale row");
            invocation.remove_row(&connection).await;
        }
        usize::from(gone)
    });
    Ok(removed.buffer_unordered(MAX_CONCURRENT_LOOKUPS).fold(0, |sum, gone| async move { sum + gone }).await)
}
