//! What user tokens are checked with. A key knows its algorithm, so no token can choose it; a key that could not check
//! anything safely is refused when it is read, and not when the first user comes.
//!
//! All keys but secrets are public halves. So what the time of `rsa` tells of a private key (RUSTSEC-2023-0071) concerns nobody here.

mod pem;
mod set;
mod setting;

pub use setting::{KeySetting, KeySettingError};

use crate::{MIN_SECRET_BYTES, ShortSecretError, TokenError, decode};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, Header};
use rsa::BigUint;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use serde::de::DeserializeOwned;
use std::fmt;
use std::ops::RangeInclusive;

/// Lengths of an RSA modulus, in bits: RFC 7518 section 3.3 demands the least; beyond the most, one token costs milliseconds.
const RSA_BITS: RangeInclusive<usize> = 2048..=4096;

/// Why a key cannot be used. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret of less than [`MIN_SECRET_BYTES`].
    #[error("{ShortSecretError}")]
    ShortSecret,
    /// No PEM.
    #[error("not a PEM public key: it must begin with -----BEGIN PUBLIC KEY-----")]
    NotPem,
    /// More than one key in the PEM.
    #[error("more than one PEM block: put several keys into JWT_JWKS")]
    MultiplePems,
    /// Nobody but the platform may have it.
    #[error("a private key: only its public half belongs here (openssl pkey -pubout)")]
    PrivateKey,
    /// A certificate.
    #[error("a certificate: only its public key belongs here (openssl x509 -pubkey -noout)")]
    Certificate,
    /// A key of another kind, size or curve.
    #[error("the key is neither RSA of 2048 to 4096 bits, nor P-256, nor Ed25519")]
    Unsupported,
    /// Not JSON, or not a key set.
    #[error(r#"not a JWK set: a JSON object such as {{"keys": [{{"kty": "RSA", "kid": ...}}]}}"#)]
    NotJwks,
    /// A key set in which nothing is left to check a token with.
    #[error("no public key for RS256 (2048 to 4096 bits), ES256 or EdDSA (Ed25519) signatures")]
    EmptyJwks,
}

/// The key or the keys of user tokens.
#[derive(Clone)]
pub struct UserKey(Keys);

#[derive(Clone)]
enum Keys {
    /// The only one there is: what a token calls it does not matter.
    One(Key),
    /// Chosen from by `kid`.
    Set(Vec<Named>),
}

#[derive(Clone)]
struct Named {
    kid: Option<String>,
    key: Key,
}

/// A key with its one algorithm.
#[derive(Clone)]
struct Key {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl UserKey {
    /// HS256 with a secret of at least [`MIN_SECRET_BYTES`].
    pub fn hs256(secret: &[u8]) -> Result<Self, ShortSecretError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(ShortSecretError);
        }
        Ok(Self(Keys::One(Key { algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret) })))
    }

    /// A public key in PEM: RSA of 2048 to 4096 bits for RS256, P-256 for ES256, Ed25519 for EdDSA. Line ends may be written
    /// as `\n` or be spaces, as variables often have them.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Ok(Self(Keys::One(Key::public(pem::parse(text)?)?)))
    }

    /// A key set (RFC 7517), as JSON. Keys that cannot check signatures by RS256, ES256 or EdDSA are ignored, as are those of
    /// `"use": "enc"`, secrets, and keys that show their private half.
    pub fn from_jwks(json: &[u8]) -> Result<Self, KeyError> {
        Ok(Self(Keys::Set(set::parse(json)?)))
    }

    /// The claims of a token that one of the keys signed.
    pub(crate) fn decode<T: DeserializeOwned>(&self, token: &str, header: &Header) -> Result<T, TokenError> {
        let candidates = self.candidates(header)?;
        decode(token, candidates.iter().map(|key| (&key.key, key.algorithm)))
    }

    /// The keys that the token may be signed with. Without a `kid`, only one key of a set may come into question: a stranger's
    /// token is not tried on all of them.
    fn candidates(&self, header: &Header) -> Result<Vec<&Key>, TokenError> {
        let fits = |key: &Key| key.algorithm == header.alg;
        let named = match &self.0 {
            Keys::One(key) => return Ok(Some(key).filter(|key| fits(key)).into_iter().collect()),
            Keys::Set(keys) => keys,
        };
        let known = |named: &&Named| header.kid.is_none() || named.kid == header.kid;
        if !named.iter().any(|named| known(&named)) {
            return Err(TokenError::UnknownKey);
        }
        let keys: Vec<&Key> = named.iter().filter(known).map(|named| &named.key).filter(|key| fits(key)).collect();
        if header.kid.is_none() && keys.len() > 1 { Err(TokenError::Invalid) } else { Ok(keys) }
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        match &self.0 {
            Keys::One(key) => vec![key.algorithm],
            Keys::Set(keys) => keys.iter().map(|named| named.key.algorithm).collect(),
        }
    }
}

impl Key {
    /// A public key that is sound: jsonwebtoken itself looks at a key only when it has a token in its hands.
    fn public(key: DecodingKey) -> Result<Self, KeyError> {
        let algorithm = match (key.family(), key.kind()) {
            (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                rsa_key(rsa::RsaPublicKey::new(BigUint::from_bytes_be(n), BigUint::from_bytes_be(e)).ok())
            }
            (AlgorithmFamily::Rsa, DecodingKeyKind::SecretOrDer(der)) => {
                rsa_key(rsa::RsaPublicKey::from_pkcs1_der(der).ok())
            }
            (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
                p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(|_| Algorithm::ES256)
            }
            (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => {
                let point = ed25519_dalek::VerifyingKey::try_from(point.as_slice()).ok();
                // With a point of small order, signatures exist that are true of any message.
                point.filter(|point| !point.is_weak()).map(|_| Algorithm::EdDSA)
            }
            _ => None,
        };
        Ok(Self { algorithm: algorithm.ok_or(KeyError::Unsupported)?, key })
    }
}

fn rsa_key(key: Option<rsa::RsaPublicKey>) -> Option<Algorithm> {
    key.filter(|key| RSA_BITS.contains(&key.n().bits())).map(|_| Algorithm::RS256)
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserKey").field("algorithms", &self.algorithms()).finish_non_exhaustive()
    }
}
