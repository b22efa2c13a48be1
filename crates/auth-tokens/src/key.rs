//! Keys that verify users' tokens. The key sets the algorithm, so no token can choose it. An unsafe key is refused when it is
//! read, before the first user connects.

mod error;
mod jwks;
mod pem;
mod setting;
mod verification_key;

pub use error::KeyError;
pub use setting::{KeySetting, KeySettingError};

use crate::{MIN_SECRET_BYTES, ShortSecretError, TokenError, decode};
use jsonwebtoken::{Algorithm, Header};
use serde::de::DeserializeOwned;
use std::fmt;
use verification_key::VerificationKey;

/// The key or the keys of users' tokens.
#[derive(Clone)]
pub struct UserKey(Keys);

#[derive(Clone)]
enum Keys {
    /// The only key, for any `kid` of a token.
    One(VerificationKey),
    /// Keys with their `kid`.
    Set(Vec<(Option<String>, VerificationKey)>),
}

impl UserKey {
    /// HS256 with a secret of at least [`MIN_SECRET_BYTES`].
    pub fn hs256(secret: &[u8]) -> Result<Self, ShortSecretError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(ShortSecretError);
        }
        Ok(Self(Keys::One(VerificationKey::secret(secret))))
    }

    /// A public key in PEM: RSA of 2048 to 4096 bits for RS256, P-256 for ES256, Ed25519 for EdDSA. Line ends may be `\n` or
    /// spaces, as in environment variables.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Ok(Self(Keys::One(VerificationKey::public(pem::parse(text)?)?)))
    }

    /// A JWK set (RFC 7517) as JSON. Ignores keys that cannot verify RS256, ES256 or EdDSA, keys of `"use": "enc"`, secrets,
    /// and keys with their private half.
    pub fn from_jwks(json: &[u8]) -> Result<Self, KeyError> {
        Ok(Self(Keys::Set(jwks::parse(json)?)))
    }

    /// The claims of a token that one of the keys signed.
    pub(crate) fn decode<T: DeserializeOwned>(&self, token: &str, header: &Header) -> Result<T, TokenError> {
        let candidates = self.candidates(header)?;
        decode(token, candidates.iter().map(|key| (&key.key, key.algorithm)))
    }

    /// The keys that may have signed the token. Without a `kid`, only one key of a set may match: an unknown token is not
    /// tried with all of them.
    fn candidates(&self, header: &Header) -> Result<Vec<&VerificationKey>, TokenError> {
        let fits = |key: &&VerificationKey| key.algorithm == header.alg;
        let named: Vec<&VerificationKey> = match &self.0 {
            Keys::One(key) => return Ok([key].into_iter().filter(fits).collect()),
            Keys::Set(keys) => {
                keys.iter().filter(|(kid, _)| header.kid.is_none() || *kid == header.kid).map(|(_, key)| key).collect()
            }
        };
        if named.is_empty() {
            return Err(TokenError::UnknownKey);
        }
        let keys: Vec<_> = named.into_iter().filter(fits).collect();
        if header.kid.is_none() && keys.len() > 1 { Err(TokenError::Invalid) } else { Ok(keys) }
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        match &self.0 {
            Keys::One(key) => vec![key.algorithm],
            Keys::Set(keys) => keys.iter().map(|(_, key)| key.algorithm).collect(),
        }
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserKey").field("algorithms", &self.algorithms()).finish_non_exhaustive()
    }
}
