//! The sender of a message: the claims of its token, and their meaning in a session.

use super::standing::Standing;
use super::stateless::Arrival;
use crate::clock::Clock;
use crate::metrics::Transport;
use crate::store::{Creator, Member};
use shared_protocol::server::Part;
use shared_protocol::{ClassClaims, ConnectionId, Role};

/// Sender of a message, from the claims of its token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Connection that carried the message.
    pub connection: ConnectionId,
    /// Authenticated user.
    pub user: String,
    /// Permission of the token; [`Self::role_in`] is that in a session.
    pub role: Role,
    /// Group, name and id of the token.
    pub class: ClassClaims,
    /// True for an operator of the platform.
    pub admin: bool,
    /// True if the token names this session, which permits creating it.
    pub names_session: bool,
    /// How the connection reaches the service.
    pub transport: Transport,
    /// True for a carrier, which speaks only so that its runs may carry frames.
    pub carrier: bool,
    /// Domain and stage of the connection's API; empty for a direct connection.
    pub endpoint: String,
    /// Issue time of the token, in seconds since 1970. A token issued after a session's end may create it again.
    pub issued_at: Option<u64>,
    /// End of the token's validity, with the leeway for clock skew: [`valid_until_ms`].
    pub valid_until_ms: u64,
    /// Request id, for logs.
    pub request: String,
    /// Id of the request in the gateway's token. `None` for a direct connection, and for an older gateway.
    pub signed_id: Option<String>,
    /// Arrival time of the message.
    pub arrival: Arrival,
}

impl Caller {
    /// True for a connection to the service itself, where frames cost nothing.
    pub fn is_direct(&self) -> bool {
        self.transport != Transport::Gateway
    }

    /// True for the owner, a token that names the session, an instructor of its group, and an admin. For all others the session
    /// does not exist.
    pub fn may_reach(&self, creator: &Creator) -> bool {
        creator.user == self.user || self.names_session || self.admin || self.instructs(creator)
    }

    /// Permission in a session: instructors control their own, and watch all others.
    pub fn role_in(&self, creator: &Creator) -> Role {
        match self.role {
            Role::Instructor if creator.user == self.user => Role::Controller,
            Role::Instructor if !self.instructs(creator) => Role::Viewer,
            role => role,
        }
    }

    fn instructs(&self, creator: &Creator) -> bool {
        self.class.instructs(self.role, creator.group.as_ref())
    }

    /// The creator of a session that this token creates. An instructor's is in no group.
    pub fn creator(&self) -> Creator {
        let ClassClaims { grp, name, takeover, rec: recorded, profile, .. } = self.class.clone();
        let group = grp.filter(|_| self.role != Role::Instructor);
        Creator { user: self.user.clone(), group, name, takeover, recorded, profile }
    }

    /// The standing in a session of this creator.
    pub fn standing(&self, creator: &Creator) -> Standing {
        let part = if self.user == creator.user && self.role_in(creator) == Role::Controller {
            Part::Owner
        } else if self.admin || self.instructs(creator) {
            Part::Instructor
        } else {
            Part::Guest
        };
        Standing { part, operator: self.admin }
    }

    /// The bearer of its token, as a session of this creator knows one who was removed.
    pub fn member_in(&self, creator: &Creator) -> Member {
        Member::of(&self.user, self.role_in(creator), self.class.jti.as_deref())
    }

    /// True if the token has expired at `steady_ms`, by the clock's steady scale.
    pub fn has_expired(&self, steady_ms: u64) -> bool {
        self.valid_until_ms <= steady_ms
    }
}

/// End of the validity of a token that arrives now, with the leeway for clock skew, in ms of the clock's steady scale.
/// `expires_at` is in seconds since 1970.
pub fn valid_until_ms(expires_at: u64, clock: &dyn Clock) -> u64 {
    let end = expires_at.saturating_add(auth_tokens::LEEWAY_SECONDS).saturating_mul(1000);
    clock.steady_ms().saturating_add(end).saturating_sub(clock.now_ms())
}

/// A controller that came through the gateway, for the tests of the parts of a session.
#[cfg(test)]
pub(super) fn caller(user: &str, connection: &str) -> Caller {
    Caller {
        connection: ConnectionId::new(connection).unwrap(),
        user: user.into(),
        role: Role::Controller,
        class: ClassClaims::default(),
        admin: false,
        names_session: true,
        transport: Transport::Gateway,
        carrier: false,
        endpoint: "api/prod".into(),
        issued_at: None,
        valid_until_ms: 1000,
        request: "test".into(),
        signed_id: None,
        arrival: Arrival::default(),
    }
}
