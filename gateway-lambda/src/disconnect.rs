//! `$disconnect`: removes the connection's row and tells the service, so that a late message of the connection is rejected.

use crate::identity::session_label;
use crate::identity_cache::IdentityCache;
use crate::invocation::Invocation;
use serde_json::{Value, json};

/// Handles `$disconnect`. API Gateway ignores the response and does not retry, so no failure is reported to it.
pub(crate) async fn handle(mut invocation: Invocation<'_>, identities: &IdentityCache, code: Option<i64>) -> Value {
    let now = invocation.deps.clock.now_seconds();
    let identity = identities.get(&invocation.caller, invocation.deps.connections.as_ref(), now).await;
    identities.remove(&invocation.caller.connection);
    let identity = identity.unwrap_or_else(|error| {
        let connection = &invocation.caller.connection;
        tracing::warn!(%connection, %error, "[WebSocket] Identity of a closed connection not found");
        None
    });
    // The service never heard of a connection beyond its user's limit.
    invocation.caller.identity = identity.filter(|identity| !identity.over_limit);
    invocation.connection_gone().await;
    let (caller, duration_ms) = (&invocation.caller, invocation.deadline.elapsed_ms());
    let (connection, request_id) = (&caller.connection, &caller.request_id);
    let session = session_label(caller.identity.as_ref());
    tracing::info!(code, request_id, duration_ms, "[WebSocket] Disconnected: {connection}, Session: {session}");
    json!({"statusCode": 200})
}
