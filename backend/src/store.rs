//! The shared directory of sessions, connections and instances, behind a trait. Knows nothing of terminals.

mod class;
mod commands;
#[cfg(any(test, feature = "test-support"))]
pub mod contract;
mod events;
pub mod keys;
mod measured;
mod memory;
mod redis;
mod revocations;
mod turns;

pub use class::{ClassRecord, Keyboard};
pub use commands::{CommandPlace, CommandRecord, MAX_COMMANDS};
pub use events::{EVENTS_TTL, EventQueue, EventRecord, MAX_EVENTS, Priority, SENDER_TTL, WaitingEvent};
pub use measured::MeasuredStore;
#[cfg(any(test, feature = "test-support"))]
pub use measured::{Fault, FaultyStore};
pub use memory::MemoryStore;
pub use redis::{ConnectError, RedisStore, START_TIMEOUT as REDIS_START_TIMEOUT};
pub use revocations::{MAX_REVOKED, Member, REVOKED_TTL, Revocations};
pub use turns::{Pace, Turn};

use async_trait::async_trait;
use auth_tokens::body_hash;
use shared_protocol::{
    ClientId, ConnectionId, Dispatch, EndReason, Epoch, GroupId, ProfileName, Role, SessionId, Takeover,
};
use std::time::Duration;

/// TTL of an ended session: while it is listed, a token issued before its end cannot create it again.
pub const TOMBSTONE_TTL: Duration = Duration::from_secs(24 * 3600);

/// TTL of a session that ended before it had a shell: a token could bring back little.
pub const UNUSED_TTL: Duration = Duration::from_secs(3600);

/// TTL of a session that has no connection yet.
pub const CREATED_TTL: Duration = Duration::from_secs(3600);

/// TTL of a running session after its owner's last heartbeat. A page that returns later finds no session and no last screen.
pub const RUNNING_TTL: Duration = Duration::from_secs(6 * 3600);

/// TTL of a disconnect: longer than a message of that connection can be late.
pub const DISCONNECTED_TTL: Duration = Duration::from_secs(300);

/// TTL of a connection after its last message: API Gateway closes a connection that is silent for 10 minutes.
pub const CONNECTION_TTL: Duration = Duration::from_secs(900);

/// TTL of the dispatch of an API. An instance that knows it writes it again while it serves the API.
pub const DISPATCH_TTL: Duration = Duration::from_secs(24 * 3600);

/// TTL of an instance after its last heartbeat.
pub const INSTANCE_TTL: Duration = Duration::from_secs(15);

/// TTL of a wall's owner after the page's last message: three times the interval of `wall`.
pub const WALL_TTL: Duration = Duration::from_secs(60);

/// TTL of the messages of a sender to a class: the longest time in which they are counted.
pub const ANNOUNCEMENTS_TTL: Duration = Duration::from_secs(600);

/// One process of the service: random at each start, never reused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, derive_more::Display)]
pub struct InstanceId(pub String);

/// State of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// No connection has attached yet, so there is no shell.
    Created,
    /// A shell runs in the owner.
    Running,
    /// Ended; kept as a tombstone.
    Ended {
        /// Cause of the end.
        reason: EndReason,
        /// Time of the end, in ms since 1970.
        at: u64,
    },
}

/// The user that a session belongs to, by the token that created it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Creator {
    /// The user.
    pub user: String,
    /// Group of the session. A later token does not move it.
    pub group: Option<GroupId>,
    /// Name of the user for other people.
    pub name: Option<String>,
    /// Consent to a second pair of hands.
    pub takeover: Option<Takeover>,
    /// True if the session is recorded.
    pub recorded: bool,
    /// Profile of its shells; none is that of every session.
    pub profile: Option<ProfileName>,
}

impl Creator {
    /// The name that other people see.
    pub fn display_name(&self) -> String {
        display_name(self.name.as_deref(), "Student", &self.user)
    }
}

/// The name that other people see. Without one, the user's id stays private: only a part of its hash tells users of a title
/// apart.
pub fn display_name(name: Option<&str>, title: &str, user: &str) -> String {
    name.map_or_else(|| format!("{title} {}", &body_hash(user.as_bytes())[..4]), ToOwned::to_owned)
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id.
    pub id: SessionId,
    /// The user it belongs to.
    pub creator: Creator,
    /// Its state.
    pub state: SessionState,
    /// The instance that runs the shell; set only while running.
    pub owner: Option<InstanceId>,
    /// Epoch of the latest shell; 0 before the first.
    pub epoch: Epoch,
    /// Time of creation, in ms since 1970.
    pub created_at: u64,
}

impl SessionRecord {
    /// The version that a writer must have read to replace this record.
    pub fn version(&self) -> Version {
        Version { epoch: self.epoch, owner: self.owner.clone(), ended: self.has_ended() }
    }

    /// True once the session has ended.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, SessionState::Ended { .. })
    }
}

/// Version of a record for [`Store::compare_and_set`]. Each change of owner and each end changes it; a repeated write by the
/// same owner does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Epoch of the shell.
    pub epoch: Epoch,
    /// The instance that runs the shell.
    pub owner: Option<InstanceId>,
    /// True once the session has ended.
    pub ended: bool,
}

/// Outcome of [`Store::compare_and_set`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cas {
    /// The record was written.
    Stored,
    /// Another version is there; nothing was written.
    Conflict(SessionRecord),
}

/// The last screen of a session, shown again after its instance is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenRecord {
    /// Epoch of the shell that showed it.
    pub epoch: Epoch,
    /// Width in columns.
    pub cols: u16,
    /// Height in rows.
    pub rows: u16,
    /// Lines with their colours, as terminal output.
    pub data: Vec<u8>,
    /// Time of the snapshot, in ms since 1970.
    pub at: u64,
}

/// A connection attached to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// Its id.
    pub id: ConnectionId,
    /// The session it is attached to.
    pub session: SessionId,
    /// The user of its token.
    pub user: String,
    /// The role of its token.
    pub role: Role,
    /// Time of the attach, in ms since 1970.
    pub attached_at: u64,
}

/// Dispatch of an API, as an instance found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DispatchRecord {
    /// The way in which messages of one connection are handed over.
    pub dispatch: Dispatch,
    /// Time of the last evidence, in ms since 1970.
    pub at: u64,
}

/// A live instance of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Base URL for other instances; none where they cannot reach it.
    pub address: Option<String>,
    /// Time of its start, in ms since 1970.
    pub started_at: u64,
    /// True while it shuts down: it keeps its sessions and takes no new ones.
    pub draining: bool,
    /// Relays that it has granted and that are not over.
    pub relays: usize,
}

/// A store that cannot be reached, or data that cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the session store failed: {0}")]
pub struct StoreError(pub String);

/// The directory of sessions. Every call ends within a few seconds, with an error if need be.
#[async_trait]
pub trait Store: Send + Sync {
    /// Its name, for diagnostics.
    fn kind(&self) -> &'static str;

    /// True if several instances see the same data.
    fn is_shared(&self) -> bool;

    /// Writes a session if none is there, or if the version there is `expected`; atomic. The TTL is [`CREATED_TTL`],
    /// [`RUNNING_TTL`], [`UNUSED_TTL`] or [`TOMBSTONE_TTL`], by the record's state.
    async fn compare_and_set(&self, record: &SessionRecord, expected: Option<&Version>) -> Result<Cas, StoreError>;

    /// One session.
    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// The sessions of a user, ended ones too, in no order.
    async fn sessions_of(&self, user: &str) -> Result<Vec<SessionRecord>, StoreError>;

    /// The sessions of a group, ended ones too, in no order.
    async fn sessions_in(&self, group: &GroupId) -> Result<Vec<SessionRecord>, StoreError>;

    /// Saves the screen of a session, with the TTL [`TOMBSTONE_TTL`].
    async fn put_screen(&self, id: &SessionId, screen: &ScreenRecord) -> Result<(), StoreError>;

    /// Forgets the screen of a session that does not start again: what was on it stays nowhere.
    async fn delete_screen(&self, id: &SessionId) -> Result<(), StoreError>;

    /// The last saved screen of a session.
    async fn screen(&self, id: &SessionId) -> Result<Option<ScreenRecord>, StoreError>;

    /// Lists a connection of a session, with the TTL [`CONNECTION_TTL`].
    async fn put_connection(&self, record: &ConnectionRecord) -> Result<(), StoreError>;

    /// The connections of a session, in no order.
    async fn connections_of(&self, session: &SessionId) -> Result<Vec<ConnectionRecord>, StoreError>;

    /// Marks a connection as closed for [`DISCONNECTED_TTL`], so that a late message cannot bring it back.
    async fn mark_disconnected(&self, id: &ConnectionId) -> Result<(), StoreError>;

    /// True if the connection was marked as closed.
    async fn is_disconnected(&self, id: &ConnectionId) -> Result<bool, StoreError>;

    /// Replaces the list of those who were removed from a session; it lives until the last of their tokens has expired. `now` is
    /// in seconds since 1970.
    async fn put_revoked(&self, session: &SessionId, revoked: &Revocations, now: u64) -> Result<(), StoreError>;

    /// Those who were removed from a session for good.
    async fn revoked(&self, session: &SessionId) -> Result<Revocations, StoreError>;

    /// Writes what stays of a session in a class, with the TTL [`RUNNING_TTL`].
    async fn put_class(&self, session: &SessionId, class: &ClassRecord) -> Result<(), StoreError>;

    /// The right to type in a session of a class, and its raised hand.
    async fn class(&self, session: &SessionId) -> Result<Option<ClassRecord>, StoreError>;

    /// Adds commands, in their order, to those of the session that was created at this time, in ms since 1970, with the TTL
    /// [`TOMBSTONE_TTL`]. The latest [`MAX_COMMANDS`] stay. One that comes no later than the last of them is there already.
    async fn put_commands(
        &self,
        session: &SessionId,
        created_at: u64,
        commands: &[CommandRecord],
    ) -> Result<(), StoreError>;

    /// The first commands of such a session behind a place, at most `limit`.
    async fn commands(
        &self,
        session: &SessionId,
        created_at: u64,
        after: Option<CommandPlace>,
        limit: usize,
    ) -> Result<Vec<CommandRecord>, StoreError>;

    /// Adds events, in their order, behind those of a session that wait, with the TTL [`EVENTS_TTL`]: as [`EventQueue`] does.
    async fn push_events(&self, session: &SessionId, events: &[EventRecord]) -> Result<(), StoreError>;

    /// The first event of a session that waits.
    async fn first_event(&self, session: &SessionId) -> Result<Option<EventRecord>, StoreError>;

    /// Removes the first event of a session, if it is this one.
    async fn take_event(&self, session: &SessionId, event: &EventRecord) -> Result<(), StoreError>;

    /// The sessions that have events, in no order.
    async fn sessions_with_events(&self) -> Result<Vec<SessionId>, StoreError>;

    /// Makes an instance the one that sends the events of a session, for [`SENDER_TTL`], unless another one is; atomic. False if
    /// another one is.
    async fn claim_sender(&self, session: &SessionId, sender: &InstanceId) -> Result<bool, StoreError>;

    /// Remembers the dispatch of an API, by its domain and stage, with the TTL [`DISPATCH_TTL`].
    async fn put_dispatch(&self, api: &str, record: &DispatchRecord) -> Result<(), StoreError>;

    /// The dispatch of an API.
    async fn dispatch(&self, api: &str) -> Result<Option<DispatchRecord>, StoreError>;

    /// Makes `owner` the instance of a page's wall for [`WALL_TTL`], unless another one is that already and is not `instead_of`;
    /// atomic. Returns the instance that has the wall now.
    async fn claim_wall(
        &self,
        client: &ClientId,
        owner: &InstanceId,
        instead_of: Option<&InstanceId>,
    ) -> Result<InstanceId, StoreError>;

    /// Counts a message of a sender to a class, if that is due; atomic. No window is longer than [`ANNOUNCEMENTS_TTL`].
    async fn take_turn(&self, sender: &str, pace: Pace) -> Result<Turn, StoreError>;

    /// Marks an instance as alive for [`INSTANCE_TTL`]. Returns whether it was alive before: false for an instance that should
    /// have been means that the store has lost its data.
    async fn heartbeat(&self, instance: &Instance) -> Result<bool, StoreError>;

    /// Removes an instance that shuts down.
    async fn deregister(&self, id: &InstanceId) -> Result<(), StoreError>;

    /// An instance, while it is alive.
    async fn instance(&self, id: &InstanceId) -> Result<Option<Instance>, StoreError>;

    /// Every instance that is alive, in no order.
    async fn instances(&self) -> Result<Vec<Instance>, StoreError>;
}

fn session_ttl(record: &SessionRecord) -> Duration {
    match record.state {
        SessionState::Created => CREATED_TTL,
        SessionState::Running => RUNNING_TTL,
        SessionState::Ended { .. } if record.epoch == Epoch(0) => UNUSED_TTL,
        SessionState::Ended { .. } => TOMBSTONE_TTL,
    }
}
