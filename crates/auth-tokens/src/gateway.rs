//! The gateway's token: names the caller of one request to the backend, and is valid for this request only.

use crate::{LEEWAY_SECONDS, MIN_SECRET_BYTES, ShortSecretError, TokenError, decode, header};
use hmac::{Hmac, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use shared_protocol::gateway::{INSTANCE_AUDIENCE, TOKEN_AUDIENCE, TOKEN_ISSUER};
use shared_protocol::relay::RELAY_AUDIENCE;
use shared_protocol::{GatewayClaims, InstanceClaims, RelayClaims};

/// Separates the derived secret from other uses of `JWT_SECRET`.
const DERIVATION_LABEL: &[u8] = b"termgate gateway secret v1";

/// Secret shared by gateway and backend.
#[derive(Clone, PartialEq, Eq, derive_more::Debug)]
#[debug("<redacted>")]
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
        self.sign_claims(claims)
    }

    /// Signs the claims of one question of a relay.
    pub fn sign_relay(&self, claims: &RelayClaims) -> Result<String, TokenError> {
        self.sign_claims(claims)
    }

    /// Signs the claims of one question of an instance of the service.
    pub fn sign_instance(&self, claims: &InstanceClaims) -> Result<String, TokenError> {
        self.sign_claims(claims)
    }

    fn sign_claims(&self, claims: &impl Serialize) -> Result<String, TokenError> {
        let header = Header::new(Algorithm::HS256);
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&self.0)).map_err(|_| TokenError::Invalid)
    }
}

/// Verifies gateway tokens, with one secret or with two during a rotation.
#[derive(Clone, derive_more::Debug)]
#[debug("<redacted>")]
pub struct GatewayTokenVerifier(Vec<DecodingKey>);

impl GatewayTokenVerifier {
    /// Accepts tokens signed with any of these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a GatewaySecret>) -> Self {
        Self(secrets.into_iter().map(|secret| DecodingKey::from_secret(&secret.0)).collect())
    }

    /// The claims of a token made for this path and body. `now` is in seconds since 1970.
    pub fn verify(&self, token: &str, path: &str, body: &[u8], now: u64) -> Result<GatewayClaims, TokenError> {
        self.verify_head(token, path, now)?.with_body(body)
    }

    /// The claims of a relay's token made for this path and body. `now` is in seconds since 1970.
    pub fn verify_relay(&self, token: &str, path: &str, body: &[u8], now: u64) -> Result<RelayClaims, TokenError> {
        self.verify_relay_head(token, path, now)?.with_body(body)
    }

    /// Verifies all of a token that needs no body, so that a bad one is refused before its body arrives.
    pub fn verify_head(&self, token: &str, path: &str, now: u64) -> Result<AwaitsBody<GatewayClaims>, TokenError> {
        let claims: GatewayClaims = self.decode(token)?;
        let GatewayClaims { iss, aud, iat, exp, path: signed_path, bh, .. } = &claims;
        Request { iss, aud, iat: *iat, exp: *exp, path: signed_path }.check(TOKEN_AUDIENCE, path, now)?;
        Ok(AwaitsBody { hash: bh.clone(), claims })
    }

    /// The same for a relay's token.
    pub fn verify_relay_head(&self, token: &str, path: &str, now: u64) -> Result<AwaitsBody<RelayClaims>, TokenError> {
        let claims: RelayClaims = self.decode(token)?;
        let RelayClaims { iss, aud, iat, exp, path: signed_path, bh, .. } = &claims;
        Request { iss, aud, iat: *iat, exp: *exp, path: signed_path }.check(RELAY_AUDIENCE, path, now)?;
        Ok(AwaitsBody { hash: bh.clone(), claims })
    }

    /// The same for a token of an instance of the service.
    pub fn verify_instance_head(
        &self,
        token: &str,
        path: &str,
        now: u64,
    ) -> Result<AwaitsBody<InstanceClaims>, TokenError> {
        let claims: InstanceClaims = self.decode(token)?;
        let InstanceClaims { iss, aud, iat, exp, path: signed_path, bh } = &claims;
        Request { iss, aud, iat: *iat, exp: *exp, path: signed_path }.check(INSTANCE_AUDIENCE, path, now)?;
        Ok(AwaitsBody { hash: bh.clone(), claims })
    }

    fn decode<T: DeserializeOwned>(&self, token: &str) -> Result<T, TokenError> {
        header(token)?;
        decode(token, self.0.iter().map(|key| (key, Algorithm::HS256)))
    }
}

/// Claims that hold for one body, which has not arrived yet.
#[derive(Debug)]
pub struct AwaitsBody<C> {
    claims: C,
    /// Hash of the body, as [`body_hash`] makes it.
    hash: String,
}

impl<C> AwaitsBody<C> {
    /// The claims, if this is the body that the token was made for.
    pub fn with_body(self, body: &[u8]) -> Result<C, TokenError> {
        if self.hash == body_hash(body) { Ok(self.claims) } else { Err(TokenError::WrongRequest) }
    }
}

/// The claims that every token of the gateway has: its use, its validity, and its request.
struct Request<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    path: &'a str,
}

impl Request<'_> {
    fn check(&self, audience: &str, path: &str, now: u64) -> Result<(), TokenError> {
        if self.iss != TOKEN_ISSUER || self.aud != audience {
            return Err(TokenError::WrongIssuerOrAudience);
        }
        if self.exp.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(TokenError::Expired);
        }
        if self.iat > now.saturating_add(LEEWAY_SECONDS) {
            return Err(TokenError::NotYetValid);
        }
        if self.path == path { Ok(()) } else { Err(TokenError::WrongRequest) }
    }
}

/// SHA-256 of a body in lowercase hex, the value of `bh`.
pub fn body_hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}
