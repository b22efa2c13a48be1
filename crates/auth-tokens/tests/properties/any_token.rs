//! Properties of every token that may arrive. Used by the fuzzer too.

use auth_tokens::{
    GatewaySecret, GatewayTokenVerifier, LEEWAY_SECONDS, MAX_SUB_BYTES, MAX_TOKEN_BYTES, UserKey, UserTokenVerifier,
    unverified_session_id,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;
use shared_protocol::gateway::{MESSAGE_PATH, TOKEN_AUDIENCE, TOKEN_ISSUER};

/// Time of all verifiers, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;
/// Secret that signs the tokens; of the other keys only the public halves exist here.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const RSA: &str = include_str!("../../fixtures/keys/test-only-rsa-2048.public.pem");
const P256: &str = include_str!("../../fixtures/keys/test-only-p256.public.pem");
const ED25519: &str = include_str!("../../fixtures/keys/test-only-ed25519.public.pem");

/// A token without a signature is refused by every key.
pub(crate) fn unsigned(token: &str) {
    let pems = [RSA, P256, ED25519].map(|pem| UserKey::from_pem(pem).unwrap());
    for key in pems.into_iter().chain([UserKey::hs256(SECRET).unwrap()]) {
        assert!(UserTokenVerifier::new(key).verify(token, NOW).is_err());
    }
    assert!(gateway_keys().verify(token, MESSAGE_PATH, b"", NOW).is_err());
    // Must not panic.
    let _ = unverified_session_id(token);
}

/// A signed token with any header and claims is accepted only if it obeys the rules, and then gives its claims; true if accepted.
pub(crate) fn of_a_user(header: &str, claims: &str, issuer: Option<&str>, audience: Option<&str>) -> bool {
    let token = signed(header, claims);
    let key = UserKey::hs256(SECRET).unwrap();
    let (issuer, audience) = (issuer.map(str::to_owned), audience.map(str::to_owned));
    let tokens = UserTokenVerifier { key, issuer, audience };
    let Ok(accepted) = tokens.verify(&token, NOW) else { return false };
    assert!(token.len() <= MAX_TOKEN_BYTES);
    check_header(header);
    let written: Value = serde_json::from_str(claims).expect("accepted claims are JSON");
    assert_eq!(written["sub"], accepted.sub.as_str());
    assert!((1..=MAX_SUB_BYTES).contains(&accepted.sub.len()) && !accepted.sub.chars().any(char::is_control));
    let date = |name: &str| written[name].as_f64().map(|seconds| seconds as u64);
    assert_eq!((date("exp"), date("nbf"), date("iat")), (Some(accepted.exp), accepted.nbf, accepted.iat));
    assert!(accepted.exp + LEEWAY_SECONDS > NOW);
    assert!(accepted.nbf.max(accepted.iat).unwrap_or(0) <= NOW + LEEWAY_SECONDS);
    assert!(tokens.issuer.is_none() || tokens.issuer == accepted.iss);
    if let Some(audience) = &tokens.audience {
        let listed = written["aud"].as_array().is_some_and(|all| all.iter().any(|one| one == audience.as_str()));
        assert!(listed || written["aud"] == audience.as_str());
    }
    assert_eq!(written["sid"].as_str(), accepted.sid.as_ref().map(shared_protocol::SessionId::as_str));
    assert_eq!(unverified_session_id(&token), accepted.sid, "a request is routed by the verified session");
    assert_eq!(written.get("admin").is_some_and(|admin| *admin == true), accepted.admin);
    assert_eq!(written["grp"].as_str(), accepted.class.grp.as_ref().map(shared_protocol::GroupId::as_str));
    let name = accepted.class.name.unwrap_or_default();
    assert!(name.chars().count() <= 64 && !name.chars().any(char::is_control) && name == name.trim());
    assert!(accepted.class.jti.is_none_or(|jti| written["jti"] == jti.as_str()));
    assert!(gateway_keys().verify(&token, MESSAGE_PATH, b"", NOW).is_err(), "a user's token is not a gateway's");
    true
}

/// The same for a gateway's token, which is accepted for its own request only.
pub(crate) fn of_a_gateway(header: &str, claims: &str, path: &str, body: &[u8]) -> bool {
    let token = signed(header, claims);
    let Ok(accepted) =
        GatewayTokenVerifier::new([&GatewaySecret::new(SECRET).unwrap()]).verify(&token, path, body, NOW)
    else {
        return false;
    };
    check_header(header);
    assert_eq!((accepted.iss.as_str(), accepted.aud.as_str()), (TOKEN_ISSUER, TOKEN_AUDIENCE));
    assert_eq!((accepted.path.as_str(), accepted.bh), (path, auth_tokens::body_hash(body)));
    assert!(accepted.exp + LEEWAY_SECONDS > NOW && accepted.iat <= NOW + LEEWAY_SECONDS);
    true
}

/// A valid token with a changed byte is refused.
pub(crate) fn changed(claims: &str, at: usize, byte: u8) {
    let token = signed(r#"{"alg":"HS256"}"#, claims);
    let tokens = UserTokenVerifier::new(UserKey::hs256(SECRET).unwrap());
    let mut other = token.clone().into_bytes();
    let at = at % other.len();
    other[at] = byte;
    let Ok(other) = String::from_utf8(other) else { return };
    if other != token {
        assert!(tokens.verify(&other, NOW).is_err(), "{other}");
    }
}

/// Checks that an accepted header has the key's algorithm and no critical extension.
fn check_header(header: &str) {
    let header: Value = serde_json::from_str(header).expect("an accepted header is JSON");
    assert_eq!(header["alg"], "HS256");
    assert!(header["crit"].is_null());
}

fn gateway_keys() -> GatewayTokenVerifier {
    GatewayTokenVerifier::new([&GatewaySecret::derived_from(SECRET).unwrap()])
}

fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = EncodingKey::from_secret(SECRET);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}
