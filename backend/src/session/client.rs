//! One client of a session: a page load, or a connection that never attached.

mod cursor;
mod inbound;
mod link;
mod outbound;

pub(super) use outbound::Outbound;

use super::handle::Caller;
use crate::metrics::GaugeGuard;
use crate::terminal::Size;
use inbound::Inbound;
use shared_protocol::Role;
use tokio::time::Instant;

/// One client: its identity, its input and its output.
pub(super) struct Client {
    /// Only this user may attach to it.
    pub user: String,
    /// Role of the latest attach.
    pub role: Role,
    /// True for a connection that never attached: it gets direct replies only, and leaves with its connection.
    pub one_shot: bool,
    /// True once it was closed for good.
    pub revoked: bool,
    /// Its window; the terminal has this size while the client controls.
    pub size: Option<Size>,
    /// Last time that one of its connections sent something.
    pub seen: Instant,
    /// Counts it while it has a connection.
    pub counted: Option<GaugeGuard>,
    /// Its messages.
    pub inbound: Inbound,
    /// Its frames.
    pub outbound: Outbound,
}

impl Client {
    pub(super) fn new(caller: &Caller, one_shot: bool, now: Instant) -> Self {
        Self {
            user: caller.user.clone(),
            role: caller.role,
            one_shot,
            revoked: false,
            size: None,
            seen: now,
            counted: None,
            inbound: Inbound::default(),
            outbound: Outbound::new(caller.direct, now),
        }
    }

    /// True if backpressure from this client may pause the terminal.
    pub(super) fn can_apply_backpressure(&self) -> bool {
        self.role == Role::Controller && !self.one_shot
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let output = self.outbound.deadline(self.inbound.ack_deadline());
        [output, self.inbound.gap_deadline()].into_iter().flatten().min()
    }
}
