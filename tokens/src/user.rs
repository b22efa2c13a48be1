//! The user's JWT: made by the platform that embeds the terminal, checked where it enters (gateway or service).

use crate::{BadToken, LEEWAY_SECONDS, SECRET_BYTES, ShortSecret, decode};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use shared_protocol::UserClaims;
use std::fmt;

/// What user tokens are signed with. The algorithm belongs to the key, so no token can choose it (RFC 8725).
#[derive(Clone)]
pub struct UserKey {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl UserKey {
    /// HS256 with a secret of at least [`SECRET_BYTES`].
    pub fn hs256(secret: &[u8]) -> Result<Self, ShortSecret> {
        if secret.len() < SECRET_BYTES {
            return Err(ShortSecret);
        }
        Ok(Self { algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret) })
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// How user tokens are checked.
#[derive(Debug, Clone)]
pub struct UserTokens {
    /// The key.
    pub key: UserKey,
    /// When set, `iss` must be this.
    pub issuer: Option<String>,
    /// When set, `aud` must be this.
    pub audience: Option<String>,
}

impl UserTokens {
    /// The claims of a valid token. `now` is in seconds since 1970.
    pub fn verify(&self, token: &str, now: u64) -> Result<UserClaims, BadToken> {
        let claims: UserClaims = decode(token, &self.key.key, self.key.algorithm)?;
        if claims.exp.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(BadToken::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf > now + LEEWAY_SECONDS) {
            return Err(BadToken::NotYet);
        }
        let differs = |want: &Option<String>, have: &Option<String>| want.is_some() && want != have;
        if differs(&self.issuer, &claims.iss) || differs(&self.audience, &claims.aud) {
            return Err(BadToken::NotForUs);
        }
        if claims.sub.is_empty() {
            return Err(BadToken::Invalid);
        }
        Ok(claims)
    }
}

/// Signs a user token with HS256: for the development server and for tests; platforms sign their own.
pub fn sign_user(claims: &UserClaims, secret: &[u8]) -> Result<String, ShortSecret> {
    if secret.len() < SECRET_BYTES {
        return Err(ShortSecret);
    }
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret))
        .map_err(|_| ShortSecret)
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

    fn tokens() -> UserTokens {
        UserTokens { key: UserKey::hs256(SECRET).unwrap(), issuer: None, audience: None }
    }

    #[test]
    fn a_good_token_gives_its_claims() {
        let token = sign_user(&claims(), SECRET).unwrap();
        assert_eq!(tokens().verify(&token, NOW), Ok(claims()));
    }

    #[test]
    fn expiry_and_start_have_ten_seconds_of_leeway() {
        let token = sign_user(&claims(), SECRET).unwrap();
        assert!(tokens().verify(&token, NOW + 69).is_ok());
        assert_eq!(tokens().verify(&token, NOW + 70), Err(BadToken::Expired));
        let early = sign_user(&UserClaims { nbf: Some(NOW + 11), ..claims() }, SECRET).unwrap();
        assert_eq!(tokens().verify(&early, NOW), Err(BadToken::NotYet));
        assert!(tokens().verify(&early, NOW + 1).is_ok());
    }

    #[test]
    fn another_key_algorithm_issuer_or_audience_is_refused() {
        let other = sign_user(&claims(), b"another secret of thirty-two byte").unwrap();
        assert_eq!(tokens().verify(&other, NOW), Err(BadToken::Invalid));
        let hs512 = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims(), &EncodingKey::from_secret(SECRET));
        assert_eq!(tokens().verify(&hs512.unwrap(), NOW), Err(BadToken::Invalid));
        let token = sign_user(&claims(), SECRET).unwrap();
        let strict = UserTokens { issuer: Some("other".into()), ..tokens() };
        assert_eq!(strict.verify(&token, NOW), Err(BadToken::NotForUs));
        let strict = UserTokens { audience: Some("terminal".into()), ..tokens() };
        assert_eq!(strict.verify(&token, NOW), Err(BadToken::NotForUs));
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(UserKey::hs256(&SECRET[1..]).is_err());
        assert!(sign_user(&claims(), &SECRET[1..]).is_err());
    }
}
