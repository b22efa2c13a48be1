//! The table of open connections, with user, session and expiry of each: `DynamoConnections`, and `MemoryConnections` (feature
//! `memory-connections`) for a local gateway and tests. Both pass the same contract suite (`tests/real/contract.rs`).

#[cfg(feature = "aws")]
mod dynamo;
#[cfg(feature = "memory-connections")]
mod memory;

#[cfg(feature = "aws")]
pub use dynamo::{DynamoConnections, USER_INDEX};
#[cfg(feature = "memory-connections")]
pub use memory::MemoryConnections;

use crate::identity::Identity;
use async_trait::async_trait;
use shared_protocol::ConnectionId;

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Key of the row.
    pub id: ConnectionId,
    /// User and session of the connection.
    pub identity: Identity,
    /// Time of opening, in milliseconds since 1970.
    pub connected_at: u64,
    /// Expiry of the row, in seconds since 1970.
    pub expires_at: u64,
}

/// A call to the table failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table of connections failed to {action}: {reason}")]
pub struct ConnectionsError {
    /// The action that failed.
    pub action: &'static str,
    /// Reason of the failure.
    pub reason: String,
}

/// The table of open connections. Reads never return an expired row, even where the store deletes it late. `now` is in seconds
/// since 1970.
#[async_trait]
pub trait Connections: Send + Sync {
    /// Writes a row, and replaces an older one of the same connection.
    async fn put(&self, connection: &Connection) -> Result<(), ConnectionsError>;

    /// The row of a connection.
    async fn get(&self, id: &ConnectionId, now: u64) -> Result<Option<Connection>, ConnectionsError>;

    /// Moves the expiry of a row. Does nothing without such a row, so that a removed connection does not come back.
    async fn touch(&self, id: &ConnectionId, expires_at: u64) -> Result<(), ConnectionsError>;

    /// Removes a row, if it exists.
    async fn remove(&self, id: &ConnectionId) -> Result<(), ConnectionsError>;

    /// Number of a user's live rows; `user` is an [`Identity::row_user`].
    async fn count_by_user(&self, user: &str, now: u64) -> Result<usize, ConnectionsError>;

    /// Connections of a user's live rows that expire at `until` or before, in no order: the longest idle ones.
    /// `user` is an [`Identity::row_user`].
    async fn list_idle_by_user(&self, user: &str, now: u64, until: u64) -> Result<Vec<ConnectionId>, ConnectionsError>;
}
