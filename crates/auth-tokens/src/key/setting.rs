//! Environment variables with the key of users' tokens, read in the same way by gateway and service.

use super::{KeyError, UserKey};

/// Secret for HS256.
const SECRET: &str = "JWT_SECRET";
/// Public key in PEM for RS256, ES256 or EdDSA.
const PUBLIC_KEY: &str = "JWT_PUBLIC_KEY";
/// JWK set as JSON, for the same algorithms.
const JWKS: &str = "JWT_JWKS";
/// URL of a published JWK set.
const JWKS_URL: &str = "JWT_JWKS_URL";

/// Source of the key of users' tokens.
#[derive(Debug, Clone)]
pub enum KeySetting {
    /// `JWT_SECRET`, `JWT_PUBLIC_KEY` or `JWT_JWKS`.
    Key(UserKey),
    /// `JWT_JWKS_URL`, unchecked; the caller fetches.
    Url(String),
}

/// Why the variables cannot be used. Holds no value of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySettingError {
    /// A variable does not hold a usable key.
    #[error("{name} is not usable: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Fault of the key.
        reason: KeyError,
    },
    /// Two variables are set. A token could choose the weaker key.
    #[error("{first} and {second} are both set: users' tokens are checked in one way only, so remove one of them")]
    Conflict {
        /// The first variable.
        first: &'static str,
        /// The second variable.
        second: &'static str,
    },
}

impl KeySetting {
    /// Reads the variable that is set; `None` if none is.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, KeySettingError> {
        let set = [SECRET, PUBLIC_KEY, JWKS, JWKS_URL].into_iter().filter_map(|name| Some((name, lookup(name)?)));
        let (name, value) = match set.collect::<Vec<_>>().as_slice() {
            [] => return Ok(None),
            [one] => one.clone(),
            [(first, _), (second, _), ..] => return Err(KeySettingError::Conflict { first, second }),
        };
        let key = match name {
            SECRET => UserKey::hs256(value.as_bytes()).map_err(|_| KeyError::ShortSecret),
            PUBLIC_KEY => UserKey::from_pem(&value),
            JWKS => UserKey::from_jwks(value.as_bytes()),
            _ => return Ok(Some(Self::Url(value))),
        };
        key.map(|key| Some(Self::Key(key))).map_err(|reason| KeySettingError::Invalid { name, reason })
    }
}
