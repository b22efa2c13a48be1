//! Signing and checking of Termgate's two kinds of token: the user's, made by the platform, and the gateway's, made for
//! one request. Apart from both programs because both must agree to the letter, and pure: the time is an argument, and
//! nothing is read or fetched.
//!
//! A user's token is a signed JWT (RFC 7519). Its rules, which both programs keep:
//!
//! - The algorithm belongs to the key, never to the token (RFC 8725): HS256 with a secret, RS256, ES256 or EdDSA (Ed25519)
//!   with a public key. A header that names another one is refused, and so is `none`. `kid` chooses among the keys of a set.
//! - `jwk`, `jku`, `x5u` and `x5c` are ignored: a token does not bring its own key. `crit` is refused: we know no extension.
//! - `exp` is required, `nbf` checked, and `iat` may not lie in the future, because a token may create a session again that
//!   ended before it was issued. Clocks may disagree by [`LEEWAY_SECONDS`]. Dates may have fractions; they count whole.
//! - `iss` is a string, `aud` a string or a list. Both are checked once they are configured, and then required.
//! - `sub` has 1 to [`MAX_SUB_BYTES`] bytes and no control characters, `sid` is a session id, `role` is `controller` (also when
//!   absent) or `viewer`, `admin` is a boolean. A claim twice is refused; unknown claims are ignored.

mod gateway;
mod key;
mod user;

pub use gateway::{GatewaySecret, GatewayTokenVerifier, body_hash};
pub use key::{KeyError, KeySetting, KeySettingError, UserKey};
pub use user::{UserTokenVerifier, sign_user_token};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::de::DeserializeOwned;

/// Seconds by which clocks may disagree.
pub const LEEWAY_SECONDS: u64 = 10;

/// Shortest HMAC secret, in bytes: as long as the hash, as RFC 7518 section 3.2 demands.
pub const MIN_SECRET_BYTES: usize = 32;

/// Longest token, in bytes: a stranger's is not even parsed beyond that. What platforms make has one or two KiB, and API
/// Gateway itself takes no request line or header of more than 10,240 bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Longest `sub`, in bytes: OpenID Connect allows 255 characters.
pub const MAX_SUB_BYTES: usize = 256;

/// Why a token is refused. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a signed JWT, another algorithm than the key's, an extension that it calls critical, or a wrong signature.
    #[error("the token is not valid")]
    Invalid,
    /// More than [`MAX_TOKEN_BYTES`].
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Its `kid` is none of the key set's.
    #[error("the token names a key that is not in the key set")]
    UnknownKey,
    /// Truly signed, but a claim is missing, twice there, of the wrong kind or out of its bounds.
    #[error("a claim of the token is missing or is not what it must be")]
    InvalidClaims,
    /// Past `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf` or `iat`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Another `iss` or `aud`.
    #[error("the token was made by or for someone else")]
    WrongIssuerOrAudience,
    /// The token is for another request than the one it came with.
    #[error("the token was made for another request")]
    WrongRequest,
}

/// A secret that is too short to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret must have at least {MIN_SECRET_BYTES} bytes")]
pub struct ShortSecretError;

/// What a token says of itself, which nobody vouches for yet.
fn header(token: &str) -> Result<Header, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
    if header.crit.is_some() { Err(TokenError::Invalid) } else { Ok(header) }
}

/// What one of the keys signed, each with its one algorithm. Times are checked by the callers, against the time they were given.
fn decode<'a, T: DeserializeOwned>(
    token: &str,
    keys: impl IntoIterator<Item = (&'a DecodingKey, Algorithm)>,
) -> Result<T, TokenError> {
    let mut outcomes = keys.into_iter().map(|(key, algorithm)| decode_with(token, key, algorithm));
    outcomes.find(|outcome| !matches!(outcome, Err(TokenError::Invalid))).unwrap_or(Err(TokenError::Invalid))
}

fn decode_with<T: DeserializeOwned>(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<T, TokenError> {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<T>(token, key, &validation).map(|data| data.claims).map_err(|error| match error.kind() {
        // The header was read before, and claims are read after their signature proved true.
        ErrorKind::Json(_) => TokenError::InvalidClaims,
        _ => TokenError::Invalid,
    })
}

/// The session that a token names, without any check: to find out where a request belongs before its token is verified there.
pub fn unverified_session_id(token: &str) -> Option<shared_protocol::SessionId> {
    #[derive(serde::Deserialize)]
    struct Named {
        sid: Option<shared_protocol::SessionId>,
    }
    jsonwebtoken::dangerous::insecure_decode::<Named>(token).ok()?.claims.sid
}
