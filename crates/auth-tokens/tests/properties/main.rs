//! Property tests of any header, claims and key. `tests/tokens` has the single cases.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod any_key;
mod any_token;

use any_token::NOW;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use shared_protocol::gateway::{MESSAGE_PATH, TOKEN_AUDIENCE, TOKEN_ISSUER};
use shared_protocol::relay::RELAY_PATH;

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => (NOW - 20..NOW + 20).prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        2 => select(vec!["ada", "lab-7", "viewer", "controller", "terminal", TOKEN_ISSUER, TOKEN_AUDIENCE, MESSAGE_PATH, ""]).prop_map(Value::from),
        2 => ".{0,300}".prop_map(Value::from),
        1 => vec("[a-z]{0,8}|terminal", 0..3).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!({"a": [1]})),
    ]
}

/// Claims of a valid token, some of them changed, missing or repeated.
fn any_claims(good: fn() -> Value, names: &'static [&'static str]) -> impl Strategy<Value = String> {
    vec((select(names), option::weighted(0.8, any_value()), prop::bool::weighted(0.1)), 0..4).prop_map(move |changes| {
        let mut claims = good();
        let mut twice = String::new();
        for (name, value, again) in changes {
            match value {
                Some(value) if again => twice += &format!("{}:{value},", json!(name)),
                Some(value) => claims[name] = value,
                None => drop(claims.as_object_mut().unwrap().remove(name)),
            }
        }
        claims.to_string().replacen('{', &format!("{{{twice}"), 1)
    })
}

fn any_header() -> impl Strategy<Value = String> {
    let algorithm = select(vec!["HS256", "HS256", "HS256", "HS384", "RS256", "ES256", "EdDSA", "none", "hs256", ""]);
    let more = prop_oneof![
        4 => Just(String::new()),
        1 => (select(vec!["kid", "typ", "crit", "jwk", "x5c", "b64", "alg"]), any_value()).prop_map(|(name, value)| format!(r#","{name}":{value}"#)),
        1 => ".{0,20}",
    ];
    (algorithm, more).prop_map(|(algorithm, more)| format!(r#"{{"alg":"{algorithm}"{more}}}"#))
}

fn user() -> Value {
    json!({"sub": "ada", "exp": NOW + 60, "nbf": NOW, "iat": NOW, "iss": "platform", "aud": "terminal", "sid": "lab-7", "role": "viewer", "admin": true, "grp": "class-7", "name": "Ada", "jti": "t", "takeover": "ask", "rec": true, "profile": "python"})
}

fn gateway() -> Value {
    let bh = auth_tokens::body_hash(b"{}");
    json!({"iss": TOKEN_ISSUER, "aud": TOKEN_AUDIENCE, "iat": NOW, "exp": NOW + 60, "path": MESSAGE_PATH, "bh": bh, "cid": "c=", "sub": "ada", "uexp": NOW + 600})
}

const OF_USERS: &[&str] = &[
    "sub", "exp", "nbf", "iat", "iss", "aud", "sid", "role", "admin", "grp", "name", "jti", "takeover", "rec",
    "profile", "other",
];
const OF_GATEWAYS: &[&str] = &[
    "iss", "aud", "iat", "exp", "path", "bh", "cid", "sid", "sub", "role", "admin", "create", "uexp", "uiat", "class",
];

fn key_file(name: &str) -> String {
    let path = format!("{}/fixtures/keys/test-only-{name}.pem", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn any_key_text() -> impl Strategy<Value = String> {
    let names = ["rsa-2048.public", "p256.public", "ed25519.public", "p384.public", "rsa-2048.pkcs1", "p256.private"];
    let mut texts: Vec<String> = names.map(key_file).into();
    texts.push(json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"kty": "EC", "crv": "P-256", "kid": "2", "use": "sig", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"},
    ]}).to_string());
    select(texts)
}

#[test]
fn valid_tokens_and_keys_are_accepted() {
    let header = r#"{"alg":"HS256"}"#;
    assert!(any_token::of_a_user(header, &user().to_string(), Some("platform"), Some("terminal")));
    assert!(any_token::of_a_gateway(header, &gateway().to_string(), MESSAGE_PATH, b"{}"));
    assert!(any_key::holds(&key_file("p256.public")));
}

proptest! {
    #[test]
    fn unsigned_tokens_are_refused(token in "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,90}|.{0,100}", header in any_header(), claims in any_claims(user, OF_USERS)) {
        any_token::unsigned(&token);
        let made = format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims), token.rsplit('.').next().unwrap_or_default());
        any_token::unsigned(&made);
    }

    #[test]
    fn a_users_token_obeys_the_rules_or_is_refused(
        header in any_header(),
        claims in any_claims(user, OF_USERS),
        issuer in option::of(Just("platform")),
        audience in option::of(Just("terminal")),
    ) {
        any_token::of_a_user(&header, &claims, issuer, audience);
    }

    #[test]
    fn a_gateways_token_is_accepted_for_its_request_only(
        header in any_header(),
        claims in any_claims(gateway, OF_GATEWAYS),
        path in select(vec![MESSAGE_PATH, MESSAGE_PATH, RELAY_PATH, ""]),
        body in select(vec!["{}", "{}", "", "{ }"]),
    ) {
        any_token::of_a_gateway(&header, &claims, path, body.as_bytes());
    }

    #[test]
    fn a_token_with_a_changed_byte_is_refused(at in any::<usize>(), byte in any::<u8>()) {
        any_token::changed(&user().to_string(), at, byte);
    }

    #[test]
    fn a_damaged_key_is_refused_or_still_a_key(text in any_key_text(), damage in vec((any::<Index>(), any::<u8>(), 0u8..3), 0..4)) {
        let mut text = text.into_bytes();
        for (at, byte, how) in damage {
            let at = at.index(text.len());
            match how {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => drop(text.remove(at)),
            }
        }
        any_key::holds(&String::from_utf8_lossy(&text));
    }
}
