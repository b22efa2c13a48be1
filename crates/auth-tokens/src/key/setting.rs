//! Which variables name the key of user tokens. Here, because gateway and service must understand them alike.

use super::{KeyError, UserKey};

/// HS256: the secret itself.
const SECRET: &str = "JWT_SECRET";
/// RS256, ES256 or EdDSA: a public key in PEM.
const PUBLIC_KEY: &str = "JWT_PUBLIC_KEY";
/// The same algorithms: a key set as JSON.
const JWKS: &str = "JWT_JWKS";
/// The same: where the platform publishes its key set.
const JWKS_URL: &str = "JWT_JWKS_URL";

/// What user tokens are to be checked with.
#[derive(Debug, Clone)]
pub enum KeySetting {
    /// `JWT_SECRET`, `JWT_PUBLIC_KEY` or `JWT_JWKS`.
    Key(UserKey),
    /// `JWT_JWKS_URL`: whoever uses it checks it, and fetches.
    Url(String),
}

/// Why the variables cannot be used. Never shows what they hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySettingError {
    /// One of them is set to something else than a key.
    #[error("{name} is not usable: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        reason: KeyError,
    },
    /// Two keys: a token could choose the weaker one.
    #[error("{first} and {second} are both set: users' tokens are checked in one way only, so remove one of them")]
    Conflict {
        /// One variable.
        first: &'static str,
        /// Another.
        second: &'static str,
    },
}

impl KeySetting {
    /// From the one variable that is set; `None` when none is.
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
