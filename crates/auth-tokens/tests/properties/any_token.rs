//! What holds of every token that somebody may come with, whatever it says: apart, because the fuzzer asks it too.

use auth_tokens::{
    GatewaySecret, GatewayTokenVerifier, LEEWAY_SECONDS, MAX_SUB_BYTES, MAX_TOKEN_BYTES, UserKey, UserTokenVerifier,
    unverified_session_id,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;
use shared_protocol::gateway::{MESSAGE_PATH, TOKEN_AUDIENCE, TOKEN_ISSUER};

/// What everyone's clock says.
pub(crate) const NOW: u64 = 1_800_000_000;
/// What tokens are signed with here; of the other keys only the public halves are known.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const RSA: &str = include_str!("../../fixtures/keys/test-only-rsa-2048.public.pem");
const P256: &str = include_str!("../../fixtures/keys/test-only-p256.public.pem");
const ED25519: &str = include_str!("../../fixtures/keys/test-only-ed25519.public.pem");

/// Nobody signed it, so nobody believes it, whichever key they have.
pub(crate) fn unsigned(token: &str) {
    let pems = [RSA, P256, ED25519].map(|pem| UserKey::from_pem(pem).unwrap());
    for key in pems.into_iter().chain([UserKey::hs256(SECRET).unwrap()]) {
        assert!(UserTokenVerifier::new(key).verify(token, NOW).is_err());
    }
    assert!(gateway_keys().verify(token, MESSAGE_PATH, b"", NOW).is_err());
    // Anyone may name a session; that this is only looked at is for its caller to keep in mind.
    let _ = unverified_session_id(token);
}

/// Truly signed, with any header and any claims: believed only if it says what a user's token must say, and then what it says.
pub(crate) fn of_a_user(header: &str, claims: &str, issuer: Option<&str>, audience: Option<&str>) -> bool {
    let token = signed(header, claims);
    let key = UserKey::hs256(SECRET).unwrap();
    let (issuer, audience) = (issuer.map(str::to_owned), audience.map(str::to_owned));
    let tokens = UserTokenVerifier { key, issuer, audience };
    let Ok(believed) = tokens.verify(&token, NOW) else { return false };
    assert!(token.len() <= MAX_TOKEN_BYTES);
    honest(header);
    let said: Value = serde_json::from_str(claims).expect("claims that were believed are JSON");
    assert_eq!(said["sub"], believed.sub.as_str());
    assert!((1..=MAX_SUB_BYTES).contains(&believed.sub.len()) && !believed.sub.chars().any(char::is_control));
    let date = |name: &str| said[name].as_f64().map(|seconds| seconds as u64);
    assert_eq!((date("exp"), date("nbf"), date("iat")), (Some(believed.exp), believed.nbf, believed.iat));
    assert!(believed.exp + LEEWAY_SECONDS > NOW);
    assert!(believed.nbf.max(believed.iat).unwrap_or(0) <= NOW + LEEWAY_SECONDS);
    assert!(tokens.issuer.is_none() || tokens.issuer == believed.iss);
    if let Some(audience) = &tokens.audience {
        let listed = said["aud"].as_array().is_some_and(|all| all.iter().any(|one| one == audience.as_str()));
        assert!(listed || said["aud"] == audience.as_str());
    }
    assert_eq!(said["sid"].as_str(), believed.sid.as_ref().map(shared_protocol::SessionId::as_str));
    assert_eq!(unverified_session_id(&token), believed.sid, "a request goes where its token will be believed");
    assert_eq!(said.get("admin").is_some_and(|admin| *admin == true), believed.admin);
    assert!(gateway_keys().verify(&token, MESSAGE_PATH, b"", NOW).is_err(), "a user is no gateway");
    true
}

/// The same of a gateway's token: it is worth nothing for any other request.
pub(crate) fn of_a_gateway(header: &str, claims: &str, path: &str, body: &[u8]) -> bool {
    let token = signed(header, claims);
    let Ok(believed) =
        GatewayTokenVerifier::new([&GatewaySecret::new(SECRET).unwrap()]).verify(&token, path, body, NOW)
    else {
        return false;
    };
    honest(header);
    assert_eq!((believed.iss.as_str(), believed.aud.as_str()), (TOKEN_ISSUER, TOKEN_AUDIENCE));
    assert_eq!((believed.path.as_str(), believed.bh), (path, auth_tokens::body_hash(body)));
    assert!(believed.exp + LEEWAY_SECONDS > NOW && believed.iat <= NOW + LEEWAY_SECONDS);
    true
}

/// A good token with a byte changed is not believed, or says the same.
pub(crate) fn changed(claims: &str, at: usize, byte: u8) {
    let token = signed(r#"{"alg":"HS256"}"#, claims);
    let tokens = UserTokenVerifier::new(UserKey::hs256(SECRET).unwrap());
    let mut other = token.clone().into_bytes();
    let at = at % other.len();
    other[at] = byte;
    let Ok(other) = String::from_utf8(other) else { return };
    if other != token {
        assert!(tokens.verify(&other, NOW).is_err(), "{other} is not {token}");
    }
}

/// The header of a token that was believed names the key's algorithm and nothing that we would have to understand.
fn honest(header: &str) {
    let header: Value = serde_json::from_str(header).expect("a header that was believed is JSON");
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
