//! `$connect`: lets a connection open, and writes down who is on it.

use crate::authorize::{self, Refusal};
use crate::budget::Budget;
use crate::connections::{Connection, ConnectionsError};
use crate::event::{Handshake, Source};
use crate::line::Line;
use crate::metrics;
use crate::route::Deps;
use futures_util::StreamExt;
use serde_json::{Value, json};
use shared_protocol::gateway::SUBPROTOCOL;
use shared_protocol::{ApiError, ErrorCode};
use std::time::Duration;

/// API Gateway does not know a connection before its `$connect` has returned, at the latest after this long. A row that is younger
/// proves itself.
const OPENING: Duration = shared_protocol::limits::INTEGRATION_TIMEOUT;
/// Connections that are asked after at the same time.
const ASKED_AT_ONCE: usize = 8;

/// Why a connection does not open.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error("the user has {0} connections already")]
    TooMany(usize),
    #[error(transparent)]
    Table(#[from] ConnectionsError),
}

impl Refused {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refusal(refusal) => refusal.code(),
            Self::TooMany(_) => ErrorCode::LimitReached,
            Self::Table(_) => ErrorCode::Internal,
        }
    }

    /// What a client may be told.
    fn sentence(&self) -> String {
        match self {
            Self::Table(_) => "The gateway could not write down the connection; try again.".to_owned(),
            Self::Refusal(Refusal::NoKeys) => "The gateway could not check the token; try again.".to_owned(),
            Self::Refusal(_) | Self::TooMany(_) => format!("{self}."),
        }
    }
}

/// Handles `$connect`. A browser sees of a refusal only that it failed; the body is for programs and for API Gateway's log.
pub(crate) async fn handle(deps: &Deps, source: Source, handshake: &Handshake, budget: Budget) -> Value {
    let request_id = source.request_id.clone();
    let line = Line { deps, connection: source.connection.clone(), endpoint: source.endpoint.clone(), budget };
    let (connection, duration_ms) = (&line.connection, || budget.elapsed_ms());
    let opened = open(&line, source, handshake).await;
    metrics::connection(opened.is_ok());
    match opened {
        Ok(row) => {
            let session = row.identity.sid.as_ref().map_or("none", |sid| sid.as_str());
            let (user, duration_ms) = (&row.identity.sub, duration_ms());
            tracing::info!(user, request_id, duration_ms, "[WebSocket] Connected: {connection}, Session: {session}");
            match handshake.subprotocol {
                true => json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": SUBPROTOCOL}}),
                false => json!({"statusCode": 200}),
            }
        }
        Err(refused) => {
            let (code, duration_ms) = (refused.code(), duration_ms());
            let status = code.status();
            if code == ErrorCode::Internal {
                tracing::error!(status, request_id, duration_ms, reason = %refused, "[WebSocket] Refused: {connection}");
            } else {
                tracing::warn!(status, request_id, duration_ms, reason = %refused, "[WebSocket] Refused: {connection}");
            }
            let error = ApiError::new(code, refused.sentence());
            json!({"statusCode": status, "body": json!(error).to_string()})
        }
    }
}

async fn open(line: &Line<'_>, source: Source, handshake: &Handshake) -> Result<Connection, Refused> {
    let Line { deps, connection, .. } = line;
    let identity = match source.identity {
        Some(identity) => identity,
        None => authorize::identify(handshake, &deps.config, deps.clock.as_ref(), line.budget).await?,
    };
    let now = deps.clock.unix_seconds();
    let mut open = line.row(deps.connections.count_by_user(&identity.sub, now)).await?;
    if open >= deps.config.connections_per_user {
        open -= clear(line, &identity.sub, now).await?.min(open);
    }
    if open >= deps.config.connections_per_user {
        return Err(Refused::TooMany(open));
    }
    let row = Connection {
        id: connection.clone(),
        identity,
        connected_at: source.connected_at.unwrap_or_else(|| deps.clock.unix_millis()),
        expires_at: now + deps.config.connection_ttl.as_secs(),
    };
    line.row(deps.connections.put(&row)).await?;
    Ok(row)
}

/// Removes the rows of a user's connections that are gone: API Gateway does not always say so. Returns how many there were.
async fn clear(line: &Line<'_>, sub: &str, now: u64) -> Result<usize, ConnectionsError> {
    let ttl = line.deps.config.connection_ttl.as_secs();
    let until = (now + ttl).saturating_sub(OPENING.as_secs());
    let silent = line.row(line.deps.connections.list_idle_by_user(sub, now, until)).await?;
    let cleared = futures_util::stream::iter(silent).map(|other| async move {
        let gone = line.knows(&other).await == Some(false);
        if gone {
            tracing::info!(connection = %other, "[WebSocket] Removed a row that was left behind");
            line.remove_row(&other).await;
        }
        usize::from(gone)
    });
    Ok(cleared.buffer_unordered(ASKED_AT_ONCE).fold(0, |sum, gone| async move { sum + gone }).await)
}
