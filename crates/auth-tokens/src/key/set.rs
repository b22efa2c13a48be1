//! A key set (RFC 7517), as platforms publish it. Whatever is in it and of no use here is ignored, as section 5 asks: a set
//! may serve others too.

use super::{Key, KeyError, Named};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// The keys that can check a token; at least one.
pub(super) fn parse(json: &[u8]) -> Result<Vec<Named>, KeyError> {
    let set: Set = serde_json::from_slice(json).map_err(|_| KeyError::NotJwks)?;
    let keys: Vec<Named> = set.keys.into_iter().filter_map(named).collect();
    if keys.is_empty() { Err(KeyError::EmptyJwks) } else { Ok(keys) }
}

fn named(key: Value) -> Option<Named> {
    // Whoever can read the set could sign with it.
    if key.get("d").is_some() {
        return None;
    }
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let verifies = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    // The type and the curve that it names are its own: only their numbers are looked at later.
    let known = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => true,
        AlgorithmParameters::EllipticCurve(key) => key.curve == EllipticCurve::P256,
        AlgorithmParameters::OctetKeyPair(key) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    if !(signs && verifies && known) {
        return None;
    }
    let key = Key::public(DecodingKey::from_jwk(&jwk).ok()?).ok()?;
    let meant = common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::from(key.algorithm));
    meant.then(|| Named { kid: jwk.common.key_id, key })
}
