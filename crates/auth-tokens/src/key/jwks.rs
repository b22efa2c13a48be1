//! Keys of a JWK set (RFC 7517). Keys of no use here are ignored, as section 5 requires: a set may serve other purposes too.

use super::error::KeyError;
use super::verification_key::VerificationKey;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Value>,
}

/// The usable keys with their `kid`; at least one.
pub(super) fn parse(json: &[u8]) -> Result<Vec<(Option<String>, VerificationKey)>, KeyError> {
    let set: JwkSet = serde_json::from_slice(json).map_err(|_| KeyError::NotJwks)?;
    let keys: Vec<_> = set.keys.into_iter().filter_map(usable_key).collect();
    if keys.is_empty() { Err(KeyError::EmptyJwks) } else { Ok(keys) }
}

fn usable_key(key: Value) -> Option<(Option<String>, VerificationKey)> {
    // A private key in a published set is compromised.
    if key.get("d").is_some() {
        return None;
    }
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let verifies = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    // `VerificationKey::public` checks only the numbers, so the curve is checked here.
    let supported = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => true,
        AlgorithmParameters::EllipticCurve(key) => key.curve == EllipticCurve::P256,
        AlgorithmParameters::OctetKeyPair(key) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    if !(signs && verifies && supported) {
        return None;
    }
    let key = VerificationKey::public(DecodingKey::from_jwk(&jwk).ok()?).ok()?;
    let matches = common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::from(key.algorithm));
    matches.then_some((jwk.common.key_id, key))
}
