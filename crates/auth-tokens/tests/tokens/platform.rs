//! A platform that signs any token, and the verifiers of its keys.

use auth_tokens::{UserKey, UserTokenVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const ISSUER: &str = "https://platform.example";
pub(crate) const AUDIENCE: &str = "terminal";

pub(crate) fn pem(name: &str) -> String {
    let path = format!("{}/fixtures/keys/test-only-{name}.pem", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signer {
    Secret,
    Rsa,
    P256,
    Ed25519,
}

impl Signer {
    pub(crate) const ALL: [Self; 4] = [Self::Secret, Self::Rsa, Self::P256, Self::Ed25519];

    pub(crate) fn algorithm(self) -> Algorithm {
        match self {
            Self::Secret => Algorithm::HS256,
            Self::Rsa => Algorithm::RS256,
            Self::P256 => Algorithm::ES256,
            Self::Ed25519 => Algorithm::EdDSA,
        }
    }

    /// Name of the key in the fixtures, and its `kid` in the key set.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Secret => "none",
            Self::Rsa => "rsa-2048",
            Self::P256 => "p256",
            Self::Ed25519 => "ed25519",
        }
    }

    pub(crate) fn signing_key(self) -> EncodingKey {
        let der = || pem::parse(pem(&format!("{}.private", self.key()))).unwrap().into_contents();
        match self {
            Self::Secret => EncodingKey::from_secret(SECRET.as_bytes()),
            Self::Rsa => EncodingKey::from_rsa_der(&der()),
            Self::P256 => EncodingKey::from_ec_der(&der()),
            Self::Ed25519 => EncodingKey::from_ed_der(&der()),
        }
    }

    pub(crate) fn jwk(self, kid: &str) -> Value {
        let mut jwk = json!(jsonwebtoken::jwk::Jwk::from_encoding_key(&self.signing_key(), self.algorithm()).unwrap());
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A token of exactly this header and these claims, signed with `algorithm`.
    pub(crate) fn sign_as(self, algorithm: Algorithm, header: &str, claims: &str) -> String {
        seal(header, claims, &self.signing_key(), algorithm)
    }

    pub(crate) fn sign(self, header: &str, claims: &str) -> String {
        self.sign_as(self.algorithm(), header, claims)
    }

    pub(crate) fn token(self, claims: &Value) -> String {
        self.sign(&json!({"alg": self.algorithm(), "typ": "JWT"}).to_string(), &claims.to_string())
    }

    pub(crate) fn verifier(self) -> UserTokenVerifier {
        let key = match self {
            Self::Secret => UserKey::hs256(SECRET.as_bytes()).unwrap(),
            _ => UserKey::from_pem(&pem(&format!("{}.public", self.key()))).unwrap(),
        };
        UserTokenVerifier::new(key)
    }
}

/// A token of this header and these claims, signed with any key.
pub(crate) fn seal(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A verifier with a set of the three public keys and a second key for EdDSA.
pub(crate) fn key_set() -> UserTokenVerifier {
    let mut keys: Vec<Value> = [Signer::Rsa, Signer::P256, Signer::Ed25519].map(|key| key.jwk(key.key())).into();
    // RFC 8037 appendix A.2.
    keys.push(
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "other", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
    );
    UserTokenVerifier::new(UserKey::from_jwks(json!({"keys": keys}).to_string().as_bytes()).unwrap())
}

/// A verifier that requires issuer and audience.
pub(crate) fn strict() -> UserTokenVerifier {
    UserTokenVerifier { issuer: Some(ISSUER.into()), audience: Some(AUDIENCE.into()), ..Signer::Secret.verifier() }
}

pub(crate) fn claims() -> Value {
    json!({
        "sub": "ada", "exp": NOW + 60, "nbf": NOW, "iat": NOW, "iss": ISSUER, "aud": AUDIENCE,
        "sid": "lab-7", "role": "viewer", "admin": false, "name": "Ada Lovelace",
    })
}

pub(crate) fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

pub(crate) fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}
