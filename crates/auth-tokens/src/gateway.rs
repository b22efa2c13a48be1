//! The gateway's token: says who is speaking in one request to the backend, and is worth nothing for any other request.

use crate::{LEEWAY_SECONDS, MIN_SECRET_BYTES, ShortSecretError, TokenError, decode, header};
use hmac::{Hmac, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use sha2::{Digest, Sha256};
use shared_protocol::GatewayClaims;
use shared_protocol::gateway::{TOKEN_AUDIENCE, TOKEN_ISSUER};
use std::fmt;

/// Separates the derived secret from every other use of the user secret.
const DERIVATION_LABEL: &[u8] = b"termgate gateway secret v1";

/// The secret that gateway and backend share.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewaySecret(Vec<u8>);

impl GatewaySecret {
    /// A configured secret of at least [`MIN_SECRET_BYTES`].
    pub fn new(secret: &[u8]) -> Result<Self, ShortSecretError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(ShortSecretError);
        }
        Ok(Self(secret.to_vec()))
    }

    /// The secret of a deployment that only has `JWT_SECRET`.
    pub fn derived_from(jwt_secret: &[u8]) -> Result<Self, ShortSecretError> {
        if jwt_secret.len() < MIN_SECRET_BYTES {
            return Err(ShortSecretError);
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(jwt_secret).map_err(|_| ShortSecretError)?;
        mac.update(DERIVATION_LABEL);
        Ok(Self(mac.finalize().into_bytes().to_vec()))
    }

    /// Signs the claims of one request.
    pub fn sign(&self, claims: &GatewayClaims) -> Result<String, TokenError> {
        let header = Header::new(Algorithm::HS256);
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&self.0)).map_err(|_| TokenError::Invalid)
    }
}

impl fmt::Debug for GatewaySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// The secrets that the backend accepts: one, or two during a rotation.
#[derive(Clone)]
pub struct GatewayTokenVerifier(Vec<DecodingKey>);

impl GatewayTokenVerifier {
    /// Accepts tokens signed with any of these.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a GatewaySecret>) -> Self {
        Self(secrets.into_iter().map(|secret| DecodingKey::from_secret(&secret.0)).collect())
    }

    /// The claims of a token that was made for this path and body. `now` is in seconds since 1970.
    pub fn verify(&self, token: &str, path: &str, body: &[u8], now: u64) -> Result<GatewayClaims, TokenError> {
        header(token)?;
        let claims: GatewayClaims = decode(token, self.0.iter().map(|key| (key, Algorithm::HS256)))?;
        if claims.iss != TOKEN_ISSUER || claims.aud != TOKEN_AUDIENCE {
            return Err(TokenError::WrongIssuerOrAudience);
        }
        if claims.exp.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(TokenError::Expired);
        }
        if claims.iat > now.saturating_add(LEEWAY_SECONDS) {
            return Err(TokenError::NotYetValid);
        }
        if claims.path != path || claims.bh != body_hash(body) {
            return Err(TokenError::WrongRequest);
        }
        Ok(claims)
    }
}

impl fmt::Debug for GatewayTokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// SHA-256 of a body in lowercase hex, as `bh` holds it.
pub fn body_hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::gateway::MESSAGE_PATH;
    use shared_protocol::{ConnectionId, Role};

    const NOW: u64 = 1_800_000_000;

    fn claims(body: &[u8]) -> GatewayClaims {
        GatewayClaims {
            iss: TOKEN_ISSUER.into(),
            aud: TOKEN_AUDIENCE.into(),
            iat: NOW,
            exp: NOW + 60,
            path: MESSAGE_PATH.into(),
            bh: body_hash(body),
            cid: ConnectionId::new("c=").unwrap(),
            sid: None,
            sub: "ada".into(),
            role: Role::Controller,
            admin: false,
            create: false,
            uexp: NOW + 600,
            uiat: None,
        }
    }

    fn secret(byte: u8) -> GatewaySecret {
        GatewaySecret::new(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_token_serves_its_own_request_only() {
        let keys = GatewayTokenVerifier::new([&secret(1)]);
        let token = secret(1).sign(&claims(b"{}")).unwrap();
        assert_eq!(keys.verify(&token, MESSAGE_PATH, b"{}", NOW), Ok(claims(b"{}")));
        assert_eq!(keys.verify(&token, MESSAGE_PATH, b"{ }", NOW), Err(TokenError::WrongRequest));
        assert_eq!(keys.verify(&token, "/api/ws/output", b"{}", NOW), Err(TokenError::WrongRequest));
        assert_eq!(keys.verify(&token, MESSAGE_PATH, b"{}", NOW + 70), Err(TokenError::Expired));
        assert_eq!(keys.verify(&token, MESSAGE_PATH, b"{}", NOW - 11), Err(TokenError::NotYetValid));
        assert_eq!(
            GatewayTokenVerifier::new([&secret(2)]).verify(&token, MESSAGE_PATH, b"{}", NOW),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn two_secrets_are_valid_during_a_rotation() {
        let keys = GatewayTokenVerifier::new([&secret(2), &secret(1)]);
        for old_or_new in [1, 2] {
            let token = secret(old_or_new).sign(&claims(b"")).unwrap();
            assert!(keys.verify(&token, MESSAGE_PATH, b"", NOW).is_ok());
        }
    }

    #[test]
    fn a_user_token_is_no_gateway_token_even_with_the_derived_secret() {
        let user_secret = [7; 32];
        let derived = GatewaySecret::derived_from(&user_secret).unwrap();
        let direct = GatewaySecret::new(&user_secret).unwrap();
        let token = direct.sign(&claims(b"")).unwrap();
        assert_eq!(
            GatewayTokenVerifier::new([&derived]).verify(&token, MESSAGE_PATH, b"", NOW),
            Err(TokenError::Invalid)
        );
        let wrong = GatewayClaims { aud: "page".into(), ..claims(b"") };
        let token = derived.sign(&wrong).unwrap();
        assert_eq!(
            GatewayTokenVerifier::new([&derived]).verify(&token, MESSAGE_PATH, b"", NOW),
            Err(TokenError::WrongIssuerOrAudience)
        );
    }

    #[test]
    fn a_secret_never_prints() {
        assert_eq!(format!("{:?} {:?}", secret(1), GatewayTokenVerifier::new([&secret(1)])), "<redacted> <redacted>");
        assert!(GatewaySecret::new(&[1; 31]).is_err());
    }
}
