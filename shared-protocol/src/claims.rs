//! Claims of the user's token (made by the platform), and of the gateway's two kinds (made for one request).

use crate::ids::{ConnectionId, GroupId, ProfileName, SessionId};
use crate::limits::WATCHER_CONNECTIONS_FACTOR;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A user's rights in a session.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, Display, EnumString, VariantArray,
)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// May type, resize and end the session.
    #[default]
    Controller,
    /// May only watch.
    Viewer,
    /// Controls sessions of its own, and watches those of its group.
    Instructor,
}

impl Role {
    /// Most connections of a user in this role, of which each role has its own count. `per_user` is `MAX_CONNECTIONS_PER_USER`.
    pub fn max_connections(self, per_user: usize) -> usize {
        match self {
            Self::Controller => per_user,
            Self::Viewer | Self::Instructor => per_user.saturating_mul(WATCHER_CONNECTIONS_FACTOR),
        }
    }
}

/// Consent to a second pair of hands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Takeover {
    /// The bearer of this viewer's token may ask to type.
    Ask,
    /// An instructor who asks in a session that this token creates types at once.
    Always,
}

/// Claims for a class and for the sessions of its members, from the user's token. Each may be absent, and then gives no right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ClassClaims {
    /// Group of the sessions that this token creates, or that an instructor may watch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grp: Option<GroupId>,
    /// Name that other people see. `sub` stays the identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Id of the token. Closing one of its connections for good closes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// Consent to a second pair of hands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takeover: Option<Takeover>,
    /// True if sessions that this token creates are recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rec: bool,
    /// Profile of the sessions that this token creates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
}

impl ClassClaims {
    /// The group whose wall its bearer may see: the token's own, for an instructor or an operator.
    pub fn watched_group(&self, role: Role, admin: bool) -> Option<&GroupId> {
        self.grp.as_ref().filter(|_| admin || role == Role::Instructor)
    }

    /// True if the bearer of a token with these claims and this role is an instructor of the group.
    pub fn instructs(&self, role: Role, group: Option<&GroupId>) -> bool {
        role == Role::Instructor && group.is_some() && self.grp.as_ref() == group
    }

    /// True if the token has none of them.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Claims of the user's JWT, made by the platform that embeds the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserClaims {
    /// The user.
    pub sub: String,
    /// Expiry, in seconds since 1970.
    pub exp: u64,
    /// Start of validity, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Time of issue, in seconds since 1970. Decides whether the token may create an ended session again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    /// Issuer; checked if it is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Audience; checked if it is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// Session of the token, which the token may also create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// Rights in the session.
    #[serde(default)]
    pub role: Role,
    /// True for an operator of the platform.
    #[serde(default)]
    pub admin: bool,
    /// Group, name and id.
    #[serde(flatten)]
    pub class: ClassClaims,
}

/// Claims of the token that the gateway signs for one request to the backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayClaims {
    /// Always [`crate::gateway::TOKEN_ISSUER`].
    pub iss: String,
    /// Always [`crate::gateway::TOKEN_AUDIENCE`].
    pub aud: String,
    /// Time of issue, in seconds since 1970.
    pub iat: u64,
    /// Expiry, in seconds since 1970: [`crate::gateway::TOKEN_SECONDS`] after `iat`.
    pub exp: u64,
    /// Path of the request.
    pub path: String,
    /// SHA-256 of the body in lowercase hex.
    pub bh: String,
    /// Id of the request, which tells a replay from a new message. An older function's token has none, and carries no message
    /// that a replay could repeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The caller's connection.
    pub cid: ConnectionId,
    /// Domain and stage of the API that the connection belongs to: only relays of the same one carry its frames.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ep: String,
    /// The connection's session; `None` for a connection that may only `ping` and `echo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// True for a carrier: a second connection of a page, which may only `carry` and `ping`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carrier: bool,
    /// From the user's token.
    pub sub: String,
    /// From the user's token.
    #[serde(default)]
    pub role: Role,
    /// From the user's token.
    #[serde(default)]
    pub admin: bool,
    /// True if the user's token names this session, and so may create it.
    #[serde(default)]
    pub create: bool,
    /// Expiry of the user's token, in seconds since 1970.
    pub uexp: u64,
    /// Time of issue of the user's token, in seconds since 1970, if the token has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uiat: Option<u64>,
    /// From the user's token.
    #[serde(default, skip_serializing_if = "ClassClaims::is_empty")]
    pub class: ClassClaims,
}

/// Claims of the token that a relay signs for one question. A relay acts for no user and no connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayClaims {
    /// Always [`crate::gateway::TOKEN_ISSUER`].
    pub iss: String,
    /// Always [`crate::relay::RELAY_AUDIENCE`].
    pub aud: String,
    /// Time of issue, in seconds since 1970.
    pub iat: u64,
    /// Expiry, in seconds since 1970: [`crate::relay::RELAY_TOKEN_SECONDS`] after `iat`.
    pub exp: u64,
    /// Path of the request.
    pub path: String,
    /// SHA-256 of the body in lowercase hex.
    pub bh: String,
    /// Domain and stage of the API that the relay posts to.
    pub ep: String,
}

/// Claims of the token that an instance of the service signs for one question to another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceClaims {
    /// Always [`crate::gateway::TOKEN_ISSUER`].
    pub iss: String,
    /// Always [`crate::gateway::INSTANCE_AUDIENCE`].
    pub aud: String,
    /// Time of issue, in seconds since 1970.
    pub iat: u64,
    /// Expiry, in seconds since 1970: [`crate::gateway::INSTANCE_TOKEN_SECONDS`] after `iat`.
    pub exp: u64,
    /// Path of the request.
    pub path: String,
    /// SHA-256 of the body in lowercase hex.
    pub bh: String,
}
