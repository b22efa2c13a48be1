//! The user's JWT: made by the platform that embeds the terminal, verified by the gateway or the service.

mod claims;

use crate::{LEEWAY_SECONDS, MIN_SECRET_BYTES, ShortSecretError, TokenError, UserKey, header};
use claims::Claims;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use shared_protocol::UserClaims;

/// Verifies users' tokens.
#[derive(Debug, Clone)]
pub struct UserTokenVerifier {
    /// The key, or the keys.
    pub key: UserKey,
    /// The required `iss`, if set.
    pub issuer: Option<String>,
    /// The required `aud`, or an element of it, if set.
    pub audience: Option<String>,
}

impl UserTokenVerifier {
    /// Accepts tokens of this key from any issuer and for any audience.
    pub fn new(key: UserKey) -> Self {
        Self { key, issuer: None, audience: None }
    }

    /// The claims of a valid token. `now` is in seconds since 1970. Of several audiences, `aud` is the configured or the first
    /// one.
    pub fn verify(&self, token: &str, now: u64) -> Result<UserClaims, TokenError> {
        let claims: Claims = self.key.decode(token, &header(token)?)?;
        claims.check()?;
        if claims.exp.0.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(TokenError::Expired);
        }
        let latest = now.saturating_add(LEEWAY_SECONDS);
        if [&claims.nbf, &claims.iat].into_iter().flatten().any(|date| date.0 > latest) {
            return Err(TokenError::NotYetValid);
        }
        if self.issuer.is_some() && self.issuer != claims.iss {
            return Err(TokenError::WrongIssuerOrAudience);
        }
        if self.audience.as_ref().is_some_and(|audience| !claims.is_for(audience)) {
            return Err(TokenError::WrongIssuerOrAudience);
        }
        Ok(claims.into_user_claims(self.audience.clone()))
    }
}

/// Signs a user's token with HS256, for the development server and for tests.
pub fn sign_user_token(claims: &UserClaims, secret: &[u8]) -> Result<String, ShortSecretError> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(ShortSecretError);
    }
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret))
        .map_err(|_| ShortSecretError)
}
