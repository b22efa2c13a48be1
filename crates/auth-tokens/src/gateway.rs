//! The gateway's token: names the caller of one request to the backend, and is valid for this request only.

use crate::{LEEWAY_SECONDS, MIN_SECRET_BYTES, ShortSecretError, TokenError, decode, header};
use hmac::{Hmac, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use sha2::{Digest, Sha256};
use shared_protocol::GatewayClaims;
use shared_protocol::gateway::{TOKEN_AUDIENCE, TOKEN_ISSUER};
use std::fmt;

/// Separates the derived secret from other uses of `JWT_SECRET`.
const DERIVATION_LABEL: &[u8] = b"termgate gateway secret v1";

/// Secret shared by gateway and backend.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewaySecret(Vec<u8>);

impl GatewaySecret {
    /// A secret of at least [`MIN_SECRET_BYTES`].
    pub fn new(secret: &[u8]) -> Result<Self, ShortSecretError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(ShortSecretError);
        }
        Ok(Self(secret.to_vec()))
    }

    /// The secret of a deployment without `GATEWAY_SECRET`.
    pub fn derived_from(jwt_secret: &[u8]) -> Result<Self, ShortSecretError> {
        let secret = Self::new(jwt_secret)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).map_err(|_| ShortSecretError)?;
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

/// Verifies gateway tokens, with one secret or with two during a rotation.
#[derive(Clone)]
pub struct GatewayTokenVerifier(Vec<DecodingKey>);

impl GatewayTokenVerifier {
    /// Accepts tokens signed with any of these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a GatewaySecret>) -> Self {
        Self(secrets.into_iter().map(|secret| DecodingKey::from_secret(&secret.0)).collect())
    }

    /// The claims of a token made for this path and body. `now` is in seconds since 1970.
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

/// SHA-256 of a body in lowercase hex, the value of `bh`.
pub fn body_hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}
