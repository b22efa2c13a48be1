//! Claims of a user's token as platforms write them: `aud` may be a list, dates may have fractions, and a name may be anything.

use crate::{MAX_SUB_BYTES, TokenError};
use serde::Deserialize;
use serde_json::Value;
use shared_protocol::limits::MAX_NUMBER;
use shared_protocol::{ClassClaims, GroupId, ProfileName, Role, SessionId, Takeover, UserClaims};

/// Longest name, in characters. A longer one is cut.
const MAX_NAME_CHARS: usize = 64;

/// Longest `jti`, in bytes. A longer one counts as none.
const MAX_JTI_BYTES: usize = 256;

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
    grp: Option<GroupId>,
    name: Option<Value>,
    jti: Option<Value>,
    takeover: Option<Takeover>,
    #[serde(default)]
    rec: bool,
    profile: Option<ProfileName>,
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
            class: ClassClaims {
                grp: self.grp,
                name: self.name.as_ref().and_then(Value::as_str).and_then(display_name),
                jti: self.jti.and_then(|jti| match jti {
                    Value::String(jti) if (1..=MAX_JTI_BYTES).contains(&jti.len()) => Some(jti),
                    _ => None,
                }),
                takeover: self.takeover,
                rec: self.rec,
                profile: self.profile,
            },
        }
    }
}

/// A name as other people may see it, on one line: without characters that are invisible or change the order of others.
fn display_name(name: &str) -> Option<String> {
    let visible = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let visible =
        visible.chars().filter(|c| !c.is_control() && !is_format(*c)).take(MAX_NAME_CHARS).collect::<String>();
    Some(visible.trim().to_owned()).filter(|name| !name.is_empty())
}

/// True for zero-width and bidirectional controls, tags and the byte order mark.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
