//! Signing and verification of Termgate's two kinds of token: the user's, made by the platform, and the gateway's, made for one
//! request. Shared by both programs, which must agree exactly. Pure: the time is an argument, and nothing is fetched.
//!
//! Rules for a user's token, a signed JWT (RFC 7519):
//!
//! - The key sets the algorithm (RFC 8725): HS256 with a secret; RS256, ES256 or EdDSA (Ed25519) with a public key. A header
//!   with another algorithm, or with `none`, is refused. `kid` selects a key of a set.
//! - `jwk`, `jku`, `x5u` and `x5c` are ignored: a token cannot bring its own key. `crit` is refused: no extension is supported.
//! - `exp` is required, `nbf` is checked, and `iat` may not be in the future, because a token may create a session again that
//!   ended before it was issued. Clocks may differ by [`LEEWAY_SECONDS`]. Fractions of dates are cut off.
//! - `iss` is a string, `aud` a string or a list. Each is required and checked if it is configured.
//! - `sub` has 1 to [`MAX_SUB_BYTES`] bytes without control characters, `sid` is a session id, `role` is `controller` (the
//!   default), `viewer` or `instructor`, `admin` is a boolean, `grp` has the alphabet of a session id. A repeated claim is
//!   refused; unknown claims are ignored.
//! - `name` and `jti` are claims that platforms have anyway, so no value of them is refused: a name is cut to 64 characters and
//!   loses invisible ones; a `jti` that is no string of 1 to 256 bytes counts as none.

mod gateway;
mod key;
mod user;

pub use gateway::{AwaitsBody, GatewaySecret, GatewayTokenVerifier, body_hash};
pub use key::{KeyError, KeySetting, KeySettingError, UserKey};
pub use user::{UserTokenVerifier, sign_user_token};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::de::DeserializeOwned;

/// The token in an `Authorization` header. The case of the scheme does not matter (RFC 9110 section 11.1).
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_start())
}

/// Allowed difference of clocks, in seconds.
pub const LEEWAY_SECONDS: u64 = 10;

/// Shortest HMAC secret, in bytes: the length of the hash, by RFC 7518 section 3.2.
pub const MIN_SECRET_BYTES: usize = 32;

/// Longest token, in bytes; a longer one is not parsed. Platforms' tokens have 1 to 2 KiB, and API Gateway accepts no request
/// line or header of more than 10,240 bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Longest `sub`, in bytes: OpenID Connect allows 255 characters.
pub const MAX_SUB_BYTES: usize = 256;

/// Why a token is refused. Holds nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a signed JWT, another algorithm than the key's, a critical extension, or a wrong signature.
    #[error("the token is not valid")]
    Invalid,
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// The key set has no key of its `kid`.
    #[error("the token names a key that is not in the key set")]
    UnknownKey,
    /// A claim is missing, repeated, of the wrong type or out of bounds; the signature is valid.
    #[error("a claim of the token is missing or invalid")]
    InvalidClaims,
    /// Past `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf` or `iat`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Another `iss` or `aud`.
    #[error("the token has another issuer or audience")]
    WrongIssuerOrAudience,
    /// Made for another request.
    #[error("the token was made for another request")]
    WrongRequest,
}

/// A secret is shorter than [`MIN_SECRET_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret must have at least {MIN_SECRET_BYTES} bytes")]
pub struct ShortSecretError;

/// The header of a token whose signature is not verified yet.
fn header(token: &str) -> Result<Header, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLong);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
    if header.crit.is_some() { Err(TokenError::Invalid) } else { Ok(header) }
}

/// The claims, if one of the keys signed them with its algorithm. Callers check the times.
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
        // The header was parsed before, so this error comes from the claims, after their signature was verified.
        ErrorKind::Json(_) => TokenError::InvalidClaims,
        _ => TokenError::Invalid,
    })
}

/// The session of a token without any verification: routes a request to the instance that verifies the token.
pub fn unverified_session_id(token: &str) -> Option<shared_protocol::SessionId> {
    #[derive(serde::Deserialize)]
    struct SessionClaim {
        sid: Option<shared_protocol::SessionId>,
    }
    jsonwebtoken::dangerous::insecure_decode::<SessionClaim>(token).ok()?.claims.sid
}
