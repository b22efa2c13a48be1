//! The user's JWT: made by the platform that embeds the terminal, checked where it enters (gateway or service).

mod claims;

use crate::{LEEWAY_SECONDS, MIN_SECRET_BYTES, ShortSecretError, TokenError, UserKey, header};
use claims::Claims;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use shared_protocol::UserClaims;

/// How user tokens are checked.
#[derive(Debug, Clone)]
pub struct UserTokenVerifier {
    /// The key, or the keys.
    pub key: UserKey,
    /// When set, `iss` must be this.
    pub issuer: Option<String>,
    /// When set, `aud` must be this or hold it.
    pub audience: Option<String>,
}

impl UserTokenVerifier {
    /// Accepts tokens of this key from any issuer and for any audience.
    pub fn new(key: UserKey) -> Self {
        Self { key, issuer: None, audience: None }
    }

    /// The claims of a valid token. `now` is in seconds since 1970. Of several audiences, the claims name the configured one,
    /// or the first.
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
        Ok(claims.judged_by(self.audience.clone()))
    }
}

/// Signs a user token with HS256: for the development server and for tests; platforms sign their own.
pub fn sign_user_token(claims: &UserClaims, secret: &[u8]) -> Result<String, ShortSecretError> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(ShortSecretError);
    }
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret))
        .map_err(|_| ShortSecretError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::{Role, SessionId};

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: u64 = 1_800_000_000;

    fn claims() -> UserClaims {
        UserClaims {
            sub: "ada".into(),
            exp: NOW + 60,
            nbf: None,
            iat: Some(NOW),
            iss: Some("lab".into()),
            aud: None,
            sid: Some(SessionId::new("s1").unwrap()),
            role: Role::Viewer,
            admin: false,
        }
    }

    fn tokens() -> UserTokenVerifier {
        UserTokenVerifier::new(UserKey::hs256(SECRET).unwrap())
    }

    #[test]
    fn a_good_token_gives_its_claims() {
        let token = sign_user_token(&claims(), SECRET).unwrap();
        assert_eq!(tokens().verify(&token, NOW), Ok(claims()));
    }

    #[test]
    fn expiry_start_and_issue_have_ten_seconds_of_leeway() {
        let token = sign_user_token(&claims(), SECRET).unwrap();
        assert!(tokens().verify(&token, NOW + 69).is_ok());
        assert_eq!(tokens().verify(&token, NOW + 70), Err(TokenError::Expired));
        let early = UserClaims { nbf: Some(NOW + 11), ..claims() };
        let foretold = UserClaims { iat: Some(NOW + 11), ..claims() };
        for token in [early, foretold].map(|claims| sign_user_token(&claims, SECRET).unwrap()) {
            assert_eq!(tokens().verify(&token, NOW), Err(TokenError::NotYetValid));
            assert!(tokens().verify(&token, NOW + 1).is_ok());
        }
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(UserKey::hs256(&SECRET[1..]).is_err());
        assert!(sign_user_token(&claims(), &SECRET[1..]).is_err());
    }
}
