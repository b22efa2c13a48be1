//! Signing and checking of Termgate's two kinds of token: the user's, made by the platform, and the gateway's, made for
//! one request. Apart from both programs because both must agree to the letter, and pure: the time is an argument.

mod gateway;
mod user;

pub use gateway::{GatewayKeys, GatewaySecret, body_hash};
pub use user::{UserKey, UserTokens, sign_user};

/// Seconds by which clocks may disagree.
pub const LEEWAY_SECONDS: u64 = 10;

/// Shortest HMAC secret, in bytes: as long as the hash, as RFC 7518 section 3.2 demands.
pub const SECRET_BYTES: usize = 32;

/// Why a token is refused. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Not a JWT, another algorithm, or a wrong signature.
    #[error("the token is not valid")]
    Invalid,
    /// Past `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf`.
    #[error("the token is not valid yet")]
    NotYet,
    /// Another `iss` or `aud`.
    #[error("the token was made by or for someone else")]
    NotForUs,
    /// The token is for another request than the one it came with.
    #[error("the token was made for another request")]
    OtherRequest,
}

/// A secret that is too short to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret must have at least {SECRET_BYTES} bytes")]
pub struct ShortSecret;

/// Checks a signature with a pinned algorithm; times are checked by the callers, against the time they were given.
fn decode<T: serde::de::DeserializeOwned>(
    token: &str,
    key: &jsonwebtoken::DecodingKey,
    algorithm: jsonwebtoken::Algorithm,
) -> Result<T, BadToken> {
    let mut validation = jsonwebtoken::Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<T>(token, key, &validation).map(|data| data.claims).map_err(|_| BadToken::Invalid)
}

/// The session that a token names, without any check: to find out where a request belongs before its token is verified there.
pub fn session_named(token: &str) -> Option<shared_protocol::SessionId> {
    #[derive(serde::Deserialize)]
    struct Named {
        sid: Option<shared_protocol::SessionId>,
    }
    jsonwebtoken::dangerous::insecure_decode::<Named>(token).ok()?.claims.sid
}
