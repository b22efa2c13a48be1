//! The table of open connections: who is on each, until when its row counts, and which belong to a user or a session.
//!
//! A role with two players: `DynamoConnections` on AWS, `MemoryConnections` in a local gateway and in tests. Both pass the same
//! contract suite.

mod dynamo;
#[cfg(feature = "memory-connections")]
mod memory;

pub use dynamo::{DynamoConnections, SESSION_INDEX, USER_INDEX};
#[cfg(feature = "memory-connections")]
pub use memory::MemoryConnections;

use crate::identity::Identity;
use async_trait::async_trait;
use shared_protocol::{ConnectionId, SessionId};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The key.
    pub id: ConnectionId,
    /// Who is on it, and in which session.
    pub identity: Identity,
    /// When it was opened, in milliseconds since 1970.
    pub connected_at: u64,
    /// When the row stops to count, in seconds since 1970.
    pub expires_at: u64,
}

/// The store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table of connections failed to {action}: {reason}")]
pub struct ConnectionsError {
    /// What was asked.
    pub action: &'static str,
    /// Why not.
    pub reason: String,
}

/// The table of open connections. A row past its `expires_at` is no row: stores may delete it late, readers never see it.
/// `now` is in seconds since 1970.
#[async_trait]
pub trait Connections: Send + Sync {
    /// Writes a row, over an older one of the same connection.
    async fn put(&self, connection: &Connection) -> Result<(), ConnectionsError>;

    /// A connection's row.
    async fn get(&self, id: &ConnectionId, now: u64) -> Result<Option<Connection>, ConnectionsError>;

    /// Moves a row's expiry. Without such a row nothing happens: a connection that was removed does not come back.
    async fn touch(&self, id: &ConnectionId, expires_at: u64) -> Result<(), ConnectionsError>;

    /// Removes a row, if it is there.
    async fn remove(&self, id: &ConnectionId) -> Result<(), ConnectionsError>;

    /// How many live rows a user has.
    async fn count_by_user(&self, sub: &str, now: u64) -> Result<usize, ConnectionsError>;

    /// The connections of a user's live rows that expire at `until` or before, in no order: those that were silent for long.
    async fn list_idle_by_user(&self, sub: &str, now: u64, until: u64) -> Result<Vec<ConnectionId>, ConnectionsError>;

    /// The connections with live rows of a session, in no order.
    async fn list_by_session(&self, sid: &SessionId, now: u64) -> Result<Vec<ConnectionId>, ConnectionsError>;
}
