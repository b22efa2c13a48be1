//! Why a key is refused.

use crate::ShortSecretError;

/// Why a key cannot be used. Holds nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret of less than [`MIN_SECRET_BYTES`](crate::MIN_SECRET_BYTES).
    #[error("{ShortSecretError}")]
    ShortSecret,
    /// Not PEM.
    #[error("not a PEM public key: it must begin with -----BEGIN PUBLIC KEY-----")]
    NotPem,
    /// More than one key in the PEM.
    #[error("more than one PEM block: put several keys into JWT_JWKS")]
    MultiplePems,
    /// A private key, which only the platform may have.
    #[error("a private key: only its public half belongs here (openssl pkey -pubout)")]
    PrivateKey,
    /// A certificate.
    #[error("a certificate: only its public key belongs here (openssl x509 -pubkey -noout)")]
    Certificate,
    /// A key of another kind, size or curve.
    #[error("the key is neither RSA of 2048 to 4096 bits, nor P-256, nor Ed25519")]
    Unsupported,
    /// Not JSON, or not a JWK set.
    #[error(r#"not a JWK set: a JSON object such as {{"keys": [{{"kty": "RSA", "kid": ...}}]}}"#)]
    NotJwks,
    /// A JWK set without a usable key.
    #[error("no public key for RS256 (2048 to 4096 bits), ES256 or EdDSA (Ed25519) signatures")]
    EmptyJwks,
}
