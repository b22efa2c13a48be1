//! One connection of a session, as its messages and its record need it.

use crate::metrics::{GaugeGuard, Metrics};
use crate::session::caller::Caller;
use crate::session::client::TOUCH_INTERVAL;
use crate::session::replay::ReplayGuard;
use crate::store::{ConnectionRecord, Creator, Member};
use shared_protocol::server::Part;
use shared_protocol::{ClientId, ConnectionId, Role, SessionId};
use std::time::Duration;
use tokio::time::Instant;

/// Silence after which a connection counts as gone: API Gateway closes it after 10 minutes.
pub(super) const SILENCE_TIMEOUT: Duration = Duration::from_secs(660);

/// A connection that carries messages of one client.
pub(super) struct Connection {
    pub(super) client: ClientId,
    user: String,
    pub(super) role: Role,
    /// Last time that it sent something.
    pub(super) seen: Instant,
    /// Last refresh of its records.
    touched: Instant,
    /// Time of its first message, in ms since 1970.
    attached_at: u64,
    /// End of its token's validity, in ms of the steady scale.
    pub(super) valid_until_ms: u64,
    /// True once its record was handed out for the store.
    listed: bool,
    /// The bearer of its token.
    pub(super) member: Member,
    /// The bearer's part in the session.
    pub(super) part: Part,
    /// Its messages without a number.
    pub(super) replays: ReplayGuard,
    _counted: GaugeGuard,
}

impl Connection {
    /// The caller's connection, from now on of this client. `before` is the same connection before this message.
    pub(super) fn new(
        caller: &Caller,
        client: &ClientId,
        before: Option<Self>,
        creator: &Creator,
        now: Instant,
        now_ms: u64,
        metrics: &Metrics,
    ) -> Self {
        let (attached_at, replays) = before.map_or((now_ms, ReplayGuard::default()), |it| (it.attached_at, it.replays));
        Self {
            client: client.clone(),
            user: caller.user.clone(),
            role: caller.role,
            seen: now,
            touched: now,
            attached_at,
            valid_until_ms: caller.valid_until_ms,
            listed: false,
            member: caller.member_in(creator),
            part: caller.standing(creator).part,
            replays,
            _counted: metrics.sessions.connected(caller.transport),
        }
    }

    /// The user of its token.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// Time at which it counts as gone, unless it sends something.
    pub(super) fn silent_at(&self) -> Instant {
        self.seen + SILENCE_TIMEOUT
    }

    /// True if its TTL in DynamoDB and in the store is due for a refresh.
    pub(super) fn touch(&mut self, now: Instant) -> bool {
        let due = self.touched + TOUCH_INTERVAL <= now;
        if due {
            self.touched = now;
        }
        due
    }

    /// Its record for the store, if that was never handed out or `touch` says that its TTL is due.
    pub(super) fn listing(&mut self, id: &ConnectionId, session: &SessionId, touch: bool) -> Option<ConnectionRecord> {
        if self.listed && !touch {
            return None;
        }
        self.listed = true;
        Some(ConnectionRecord {
            id: id.clone(),
            session: session.clone(),
            user: self.user.clone(),
            role: self.role,
            attached_at: self.attached_at,
        })
    }
}
