//! What is known of sessions and connections beyond the task that owns them, behind a trait. Knows nothing of terminals.

pub mod contract;
mod memory;

pub use memory::MemoryStore;

use async_trait::async_trait;
use shared_protocol::{ConnectionId, EndReason, Epoch, SessionId};
use std::time::Duration;

/// How long an ended session is remembered: a token issued before its end must not create it again while it is valid.
pub const TOMBSTONE_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How long a session that nobody has attached to is kept.
pub const CREATED_LIFE: Duration = Duration::from_secs(3600);

/// How long a closed connection is remembered: longer than any message of it can be late.
pub const GONE_LIFE: Duration = Duration::from_secs(300);

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Made, but nobody has attached: there is no shell yet.
    Created,
    /// A shell runs.
    Running,
    /// It is over; kept as a tombstone.
    Ended {
        /// Why.
        reason: EndReason,
        /// When, in ms since 1970.
        at: u64,
    },
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id.
    pub id: SessionId,
    /// The user that it belongs to.
    pub user: String,
    /// Where it stands.
    pub state: SessionState,
    /// The latest life of its shell; 0 before the first.
    pub epoch: Epoch,
    /// When it was made, in ms since 1970.
    pub created_at: u64,
}

/// The store cannot be reached or does not understand.
#[derive(Debug, thiserror::Error)]
#[error("the session store failed: {0}")]
pub struct StoreError(pub String);

/// The directory of sessions.
#[async_trait]
pub trait Store: Send + Sync {
    /// Its name, for diagnostics.
    fn kind(&self) -> &'static str;

    /// Writes a session that is not there yet. Returns the one that is there instead.
    async fn create(&self, record: SessionRecord) -> Result<Option<SessionRecord>, StoreError>;

    /// Writes a session as it is now; an ended one is forgotten after [`TOMBSTONE_LIFE`], one without a shell after
    /// [`CREATED_LIFE`].
    async fn save(&self, record: SessionRecord) -> Result<(), StoreError>;

    /// One session.
    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// How many sessions of a user have not ended.
    async fn open_sessions(&self, user: &str) -> Result<usize, StoreError>;

    /// A connection is gone, and stays so for [`GONE_LIFE`]: a late message must not bring it back.
    async fn connection_gone(&self, id: &ConnectionId) -> Result<(), StoreError>;

    /// Whether a connection is gone.
    async fn is_gone(&self, id: &ConnectionId) -> Result<bool, StoreError>;
}
