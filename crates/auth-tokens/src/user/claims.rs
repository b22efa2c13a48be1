//! Claims of a user's token as platforms write them: `aud` may be a list, and dates may have fractions.

use crate::{MAX_SUB_BYTES, TokenError};
use serde::Deserialize;
use shared_protocol::limits::MAX_NUMBER;
use shared_protocol::{Role, SessionId, UserClaims};

#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    sub: String,
    pub(super) exp: Date,
    pub(super) nbf: Option<Date>,
    pub(super) iat: Option<Date>,
    pub(super) iss: Option<String>,
    aud: Option<Audience>,
    sid: Option<SessionId>,
    #[serde(default)]
    role: Role,
    #[serde(default)]
    admin: bool,
}

/// Seconds since 1970. RFC 7519 allows fractions; they are cut off.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Date(pub(super) u64);

impl TryFrom<f64> for Date {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        if (0.0..=MAX_NUMBER as f64).contains(&seconds) { Ok(Self(seconds as u64)) } else { Err("not a date") }
    }
}

/// One audience or several (RFC 7519 section 4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    /// Checks the bounds of `sub`, which is used in policies, tables and logs.
    pub(super) fn check(&self) -> Result<(), TokenError> {
        let length = 1..=MAX_SUB_BYTES;
        if length.contains(&self.sub.len()) && !self.sub.chars().any(char::is_control) {
            Ok(())
        } else {
            Err(TokenError::InvalidClaims)
        }
    }

    pub(super) fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            None => false,
            Some(Audience::One(one)) => one == audience,
            Some(Audience::Many(many)) => many.iter().any(|one| one == audience),
        }
    }

    /// Converts to the common type. `audience` is the verified one.
    pub(super) fn into_user_claims(self, audience: Option<String>) -> UserClaims {
        let first = match self.aud {
            Some(Audience::One(one)) => Some(one),
            Some(Audience::Many(many)) => many.into_iter().next(),
            None => None,
        };
        UserClaims {
            sub: self.sub,
            exp: self.exp.0,
            nbf: self.nbf.map(|date| date.0),
            iat: self.iat.map(|date| date.0),
            iss: self.iss,
            aud: audience.or(first),
            sid: self.sid,
            role: self.role,
            admin: self.admin,
        }
    }
}
