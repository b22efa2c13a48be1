//! The limit of connections of a user.
//!
//! A connection beyond the limit opens all the same, because browsers do not say why a handshake failed. It is marked, its first
//! message is answered with `LIMIT_REACHED`, and it is closed without a word to the service. Of these a user may have a few.

use crate::connections::ConnectionsError;
use crate::identity::Identity;
use crate::invocation::Invocation;
use futures_util::StreamExt;
use std::time::Duration;

/// Most open connections of a user beyond the limit, by role. Further handshakes are refused.
const MAX_OVER_LIMIT: usize = 5;
/// Longest time between `$connect` and the moment when API Gateway knows the connection. A younger row is never stale.
const MAX_OPENING_TIME: Duration = shared_protocol::limits::INTEGRATION_TIMEOUT;
/// Connections that are looked up concurrently.
const MAX_CONCURRENT_LOOKUPS: usize = 8;

/// Marks an identity whose user has as many connections as allowed.
pub(crate) async fn mark(invocation: &Invocation<'_>, identity: Identity) -> Result<Identity, ConnectionsError> {
    let over_limit = has_all(invocation, &identity).await?;
    Ok(Identity { over_limit, ..identity })
}

/// True if the identity's user has as many connections of its kind as allowed.
pub(crate) async fn has_all(invocation: &Invocation<'_>, identity: &Identity) -> Result<bool, ConnectionsError> {
    let (deps, now) = (invocation.deps, invocation.deps.clock.now_seconds());
    let (user, role) = (identity.row_user(), identity.role);
    let max = if identity.over_limit { MAX_OVER_LIMIT } else { role.max_connections(deps.config.connections_per_user) };
    let open = invocation.limit_table(deps.connections.count_by_user(&user, now)).await?;
    if open < max {
        return Ok(false);
    }
    Ok(open.saturating_sub(remove_stale(invocation, &user, now).await?) >= max)
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
