//! What the two kinds of token say: the user's (made by the platform) and the gateway's (made for one request).

use crate::ids::{ConnectionId, SessionId};
use serde::{Deserialize, Serialize};

/// What a person may do in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Types, resizes, ends.
    #[default]
    Controller,
    /// Watches; never types and never resizes.
    Viewer,
}

/// The user's JWT, made by the platform that embeds the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserClaims {
    /// Who it is.
    pub sub: String,
    /// Expiry, in seconds since 1970. Required.
    pub exp: u64,
    /// Not valid before, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Issued at, in seconds since 1970: what decides whether it may create an ended session again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    /// Issuer; checked once it is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Audience; checked once it is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// The session that the token names, which is authority enough to create it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// What its bearer may do.
    #[serde(default)]
    pub role: Role,
    /// Whether its bearer operates the platform.
    #[serde(default)]
    pub admin: bool,
}

/// The token that the gateway signs for one request to the backend: who is speaking, and for which body at which path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayClaims {
    /// Always [`crate::gateway::TOKEN_ISSUER`].
    pub iss: String,
    /// Always [`crate::gateway::TOKEN_AUDIENCE`].
    pub aud: String,
    /// Issued at, in seconds since 1970.
    pub iat: u64,
    /// Expiry, in seconds since 1970: [`crate::gateway::TOKEN_SECONDS`] after `iat`.
    pub exp: u64,
    /// The path it was made for.
    pub path: String,
    /// SHA-256 of the body, lowercase hex.
    pub bh: String,
    /// The connection that speaks.
    pub cid: ConnectionId,
    /// Its session; none for a connection that may only `ping` and `echo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// From the user's token.
    pub sub: String,
    /// From the user's token.
    #[serde(default)]
    pub role: Role,
    /// From the user's token.
    #[serde(default)]
    pub admin: bool,
    /// Whether the user's token names this session, and so may create it.
    #[serde(default)]
    pub create: bool,
    /// Expiry of the user's token, in seconds since 1970.
    pub uexp: u64,
    /// When the user's token was issued, in seconds since 1970, when it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uiat: Option<u64>,
}
