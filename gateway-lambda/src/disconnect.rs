//! `$disconnect`: a connection is gone. Its row goes too, and the service hears of it, so that a late message of that
//! connection finds nothing.

use crate::backend::Caller;
use crate::budget::Budget;
use crate::event::Source;
use crate::identities::Identities;
use crate::line::Line;
use crate::route::Deps;
use crate::turn::Turn;
use serde_json::{Value, json};

/// Handles `$disconnect`. API Gateway ignores the answer and does not ask again, so nothing here is a failure to it.
pub(crate) async fn handle(
    deps: &Deps,
    identities: &Identities,
    source: Source,
    code: Option<i64>,
    budget: Budget,
) -> Value {
    let now = deps.clock.unix_seconds();
    let known = identities.of(&source, deps.connections.as_ref(), now).await;
    identities.forget(&source.connection);
    let identity = known.unwrap_or_else(|error| {
        tracing::warn!(connection = %source.connection, %error, "[WebSocket] Who left could not be looked up");
        None
    });
    let line = Line { deps, connection: source.connection, endpoint: source.endpoint, budget };
    let (connection, request_id) = (line.connection.clone(), source.request_id);
    let session = identity.as_ref().and_then(|identity| identity.sid.clone());
    match identity {
        Some(identity) => {
            let caller =
                Caller { connection: connection.clone(), identity, request_id: request_id.clone(), received_at: None };
            let turn = Turn { line, caller };
            tokio::join!(turn.line.remove_row(&connection), turn.tell_disconnect());
        }
        // Nobody can be named to the service; it notices by itself that nobody follows any more.
        None => line.remove_row(&connection).await,
    }
    let (session, duration_ms) = (session.as_ref().map_or("none", |sid| sid.as_str()), budget.elapsed_ms());
    tracing::info!(code, request_id, duration_ms, "[WebSocket] Disconnected: {connection}, Session: {session}");
    json!({"statusCode": 200})
}
