//! What is known of sessions, connections and instances beyond the task that owns them, behind a trait. Knows nothing of
//! terminals.

pub mod contract;
pub mod keys;
mod measured;
mod memory;
mod redis;

pub use measured::MeasuredStore;
pub use memory::MemoryStore;
pub use redis::{ConnectError, PATIENCE as REDIS_PATIENCE, RedisStore};

use async_trait::async_trait;
use shared_protocol::{ConnectionId, EndReason, Epoch, Role, SessionId};
use std::fmt;
use std::time::Duration;

/// How long an ended session is remembered: a token issued before its end must not create it again while it is valid.
pub const TOMBSTONE_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How long one that ended before it ever had a shell is remembered: there is little that a token could bring back.
pub const UNUSED_LIFE: Duration = Duration::from_secs(3600);

/// How long a session that nobody has attached to is kept.
pub const CREATED_LIFE: Duration = Duration::from_secs(3600);

/// How long a running session is remembered after its owner last said so: who comes back later finds a session that never
/// was, instead of its last screen.
pub const RUNNING_LIFE: Duration = Duration::from_secs(6 * 3600);

/// How long a closed connection is remembered: longer than any message of it can be late.
pub const GONE_LIFE: Duration = Duration::from_secs(300);

/// How long a connection is listed after it last spoke: API Gateway closes one that is silent for 10 minutes.
pub const CONNECTION_LIFE: Duration = Duration::from_secs(900);

/// How long an instance counts as alive after its last heartbeat.
pub const INSTANCE_LIFE: Duration = Duration::from_secs(15);

/// One life of one process of the service: random, never reused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Incarnation(pub String);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Made, but nobody has attached: there is no shell yet.
    Created,
    /// A shell runs, in the instance that owns it.
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
    /// The instance whose shell it is; only while it runs.
    pub owner: Option<Incarnation>,
    /// The latest life of its shell; 0 before the first.
    pub epoch: Epoch,
    /// When it was made, in ms since 1970.
    pub created_at: u64,
}

impl SessionRecord {
    /// What a writer must know of it to replace it.
    pub fn version(&self) -> Version {
        let ended = matches!(self.state, SessionState::Ended { .. });
        Version { epoch: self.epoch, owner: self.owner.clone(), ended }
    }

    /// Whether it is over.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, SessionState::Ended { .. })
    }
}

/// What a record is replaced over: if another has changed it meanwhile, nothing is written. Every change of ownership and
/// every end changes it; a repeat by the same owner does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The life of the shell.
    pub epoch: Epoch,
    /// Whose shell it is.
    pub owner: Option<Incarnation>,
    /// Whether the session is over.
    pub ended: bool,
}

/// Outcome of [`Store::put`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It stands as given.
    Written,
    /// Another stands there, and nothing was written.
    Other(SessionRecord),
}

/// What a session showed last, to be shown again when its instance is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenRecord {
    /// The life of the shell that showed it.
    pub epoch: Epoch,
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
    /// Lines with their colours, as they are printed.
    pub data: Vec<u8>,
    /// When, in ms since 1970.
    pub at: u64,
}

/// A connection that speaks in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// Its id.
    pub id: ConnectionId,
    /// The session.
    pub session: SessionId,
    /// The user, as their token says.
    pub user: String,
    /// What they may do.
    pub role: Role,
    /// When it attached, in ms since 1970.
    pub attached_at: u64,
}

/// An instance of the service that is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Which.
    pub id: Incarnation,
    /// Where other instances reach it; none where they cannot.
    pub address: Option<String>,
    /// When it started, in ms since 1970.
    pub started_at: u64,
    /// Whether it is about to end: it keeps the sessions that it has, and takes no more.
    pub draining: bool,
}

/// The store cannot be reached or does not understand.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the session store failed: {0}")]
pub struct StoreError(pub String);

/// The directory of sessions. Every call ends within a few seconds, with an error if need be.
#[async_trait]
pub trait Store: Send + Sync {
    /// Its name, for diagnostics.
    fn kind(&self) -> &'static str;

    /// Whether several instances see the same.
    fn is_shared(&self) -> bool;

    /// Writes a session if none is there, or if the one there has the version `over`; atomic. It is forgotten after
    /// [`CREATED_LIFE`], [`RUNNING_LIFE`], [`UNUSED_LIFE`] or [`TOMBSTONE_LIFE`] unless it is written again.
    async fn put(&self, record: &SessionRecord, over: Option<&Version>) -> Result<Put, StoreError>;

    /// One session.
    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// The sessions of a user, ended ones too, in no order.
    async fn sessions_of(&self, user: &str) -> Result<Vec<SessionRecord>, StoreError>;

    /// Writes what a session shows; kept as long as the session may be started again.
    async fn put_screen(&self, id: &SessionId, screen: &ScreenRecord) -> Result<(), StoreError>;

    /// What a session showed last.
    async fn screen(&self, id: &SessionId) -> Result<Option<ScreenRecord>, StoreError>;

    /// A connection speaks in a session; listed for [`CONNECTION_LIFE`] unless it is written again.
    async fn put_connection(&self, record: &ConnectionRecord) -> Result<(), StoreError>;

    /// The connections of a session, in no order.
    async fn connections_of(&self, session: &SessionId) -> Result<Vec<ConnectionRecord>, StoreError>;

    /// A connection is gone, and stays so for [`GONE_LIFE`]: a late message must not bring it back.
    async fn connection_gone(&self, id: &ConnectionId) -> Result<(), StoreError>;

    /// Whether a connection is gone.
    async fn is_gone(&self, id: &ConnectionId) -> Result<bool, StoreError>;

    /// An instance is alive, and counts so for [`INSTANCE_LIFE`]. Returns whether it was known to be: if it should have been,
    /// the store has lost what it knew.
    async fn beat(&self, instance: &Instance) -> Result<bool, StoreError>;

    /// An instance is about to end, and counts as gone from now on.
    async fn leave(&self, id: &Incarnation) -> Result<(), StoreError>;

    /// An instance, while it is alive.
    async fn instance(&self, id: &Incarnation) -> Result<Option<Instance>, StoreError>;

    /// Every instance that is alive, in no order.
    async fn instances(&self) -> Result<Vec<Instance>, StoreError>;
}

/// How long this record is kept after it was written.
fn life(record: &SessionRecord) -> Duration {
    match record.state {
        SessionState::Created => CREATED_LIFE,
        SessionState::Running => RUNNING_LIFE,
        SessionState::Ended { .. } if record.epoch == Epoch(0) => UNUSED_LIFE,
        SessionState::Ended { .. } => TOMBSTONE_LIFE,
    }
}
