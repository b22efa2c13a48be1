//! One key with its algorithm. jsonwebtoken checks a key only when it verifies a token; here it is checked when it is read.
//!
//! Apart from secrets, all keys are public halves, so the timing side channel of `rsa` (RUSTSEC-2023-0071) does not apply.

use super::error::KeyError;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPublicKey};
use std::ops::RangeInclusive;

/// Allowed lengths of an RSA modulus, in bits: RFC 7518 section 3.3 sets the minimum; above the maximum, one token takes
/// milliseconds.
const RSA_BITS: RangeInclusive<usize> = 2048..=4096;

/// A key with the only algorithm that it may verify.
#[derive(Clone)]
pub(super) struct VerificationKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl VerificationKey {
    pub(super) fn secret(secret: &[u8]) -> Self {
        Self { algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret) }
    }

    /// A public key, if it is sound and of a supported kind.
    pub(super) fn public(key: DecodingKey) -> Result<Self, KeyError> {
        let algorithm = match (key.family(), key.kind()) {
            (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                rsa_algorithm(RsaPublicKey::new(BigUint::from_bytes_be(n), BigUint::from_bytes_be(e)).ok())
            }
            (AlgorithmFamily::Rsa, DecodingKeyKind::SecretOrDer(der)) => {
                rsa_algorithm(RsaPublicKey::from_pkcs1_der(der).ok())
            }
            (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
                p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(|_| Algorithm::ES256)
            }
            (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => {
                let point = ed25519_dalek::VerifyingKey::try_from(point.as_slice()).ok();
                // Under a point of small order, one signature fits any message.
                point.filter(|point| !point.is_weak()).map(|_| Algorithm::EdDSA)
            }
            _ => None,
        };
        Ok(Self { algorithm: algorithm.ok_or(KeyError::Unsupported)?, key })
    }
}

fn rsa_algorithm(key: Option<RsaPublicKey>) -> Option<Algorithm> {
    key.filter(|key| RSA_BITS.contains(&key.n().bits())).map(|_| Algorithm::RS256)
}
