//! The gateway's tokens: refused for any other request, also during a rotation of secrets.

use crate::platform::{NOW, SECRET, Signer, seal};
use auth_tokens::TokenError::{
    self, Expired, Invalid, InvalidClaims, NotYetValid, TooLong, WrongIssuerOrAudience, WrongRequest,
};
use auth_tokens::{GatewaySecret, GatewayTokenVerifier, body_hash};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH, TOKEN_AUDIENCE, TOKEN_ISSUER};
use shared_protocol::relay::RELAY_PATH;
use shared_protocol::{ClassClaims, GatewayClaims, GroupId, Role};

const BODY: &[u8] = br#"{"connectionId":"c=","sessionId":"lab-7"}"#;
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn secret(byte: u8) -> GatewaySecret {
    GatewaySecret::new(&[byte; 32]).unwrap()
}

fn claims() -> GatewayClaims {
    let claims = json!({
        "iss": TOKEN_ISSUER, "aud": TOKEN_AUDIENCE, "iat": NOW, "exp": NOW + 60, "path": DISCONNECT_PATH,
        "bh": body_hash(BODY), "cid": "c=", "sid": "lab-7", "sub": "ada", "create": true, "uexp": NOW + 600,
    });
    serde_json::from_value(claims).unwrap()
}

fn signed(claims: &Value) -> String {
    seal(HEADER, &claims.to_string(), &EncodingKey::from_secret(&[1; 32]), Algorithm::HS256)
}

fn with(name: &str, value: impl Into<Value>) -> String {
    let mut claims = json!(claims());
    claims[name] = value.into();
    signed(&claims)
}

fn without(name: &str) -> String {
    let mut claims = json!(claims());
    claims.as_object_mut().unwrap().remove(name);
    signed(&claims)
}

/// Fault, token, path and body of the request, time, and the expected error.
type Case<'a> = (&'a str, String, &'a str, &'a [u8], u64, TokenError);

#[test]
fn tokens_for_another_request_are_refused() {
    let good = secret(1).sign(&claims()).unwrap();
    let keys = GatewayTokenVerifier::new([&secret(1)]);
    assert_eq!(keys.verify(&good, DISCONNECT_PATH, BODY, NOW), Ok(claims()));
    assert_eq!(keys.verify(&signed(&json!(claims())), DISCONNECT_PATH, BODY, NOW), Ok(claims()));

    let key = EncodingKey::from_secret(&[1; 32]);
    let text = json!(claims()).to_string();
    let hs512 = seal(r#"{"alg":"HS512"}"#, &text, &key, Algorithm::HS512);
    let critical = seal(r#"{"alg":"HS256","crit":["x"]}"#, &text, &key, Algorithm::HS256);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let none = format!("eyJhbGciOiJub25lIn0.{}.", head.split_once('.').unwrap().1);
    let user = json!({"sub": "ada", "exp": NOW + 60, "sid": "lab-7", "role": "controller"});
    let other_connection = br#"{"connectionId":"d=","sessionId":"lab-7"}"#;
    let other_session = br#"{"connectionId":"c=","sessionId":"lab-8"}"#;
    let (here, body): (_, &[u8]) = (DISCONNECT_PATH, BODY);
    let table: Vec<Case<'_>> = vec![
        ("nothing", String::new(), here, body, NOW, Invalid),
        ("another secret's", secret(2).sign(&claims()).unwrap(), here, body, NOW, Invalid),
        ("a signature of zeros", format!("{head}.{}", "A".repeat(signature.len())), here, body, NOW, Invalid),
        ("none", none, here, body, NOW, Invalid),
        ("HS512 with the right secret", hs512, here, body, NOW, Invalid),
        ("an extension called critical", critical, here, body, NOW, Invalid),
        ("longer than a token may be", with("padding", "x".repeat(8192)), here, body, NOW, TooLong),
        ("a user's token", Signer::Secret.token(&user), here, body, NOW, Invalid),
        ("a user's claims, signed by the gateway", signed(&user), here, body, NOW, InvalidClaims),
        ("expired", good.clone(), here, body, NOW + 70, Expired),
        ("from the future", good.clone(), here, body, NOW - 11, NotYetValid),
        ("without an end", without("exp"), here, body, NOW, InvalidClaims),
        ("without a beginning", without("iat"), here, body, NOW, InvalidClaims),
        ("at another path", good.clone(), MESSAGE_PATH, body, NOW, WrongRequest),
        ("at a path with a slash more", good.clone(), "/api/ws/disconnect/", body, NOW, WrongRequest),
        ("without a path", without("path"), here, body, NOW, InvalidClaims),
        ("for another path", with("path", RELAY_PATH), here, body, NOW, WrongRequest),
        ("with another body", good.clone(), here, b"{}", NOW, WrongRequest),
        ("with no body", good.clone(), here, b"", NOW, WrongRequest),
        ("with a body that names another connection", good.clone(), here, other_connection, NOW, WrongRequest),
        ("with a body that names another session", good.clone(), here, other_session, NOW, WrongRequest),
        ("with the hash in capitals", with("bh", body_hash(BODY).to_uppercase()), here, body, NOW, WrongRequest),
        ("with an empty hash", with("bh", ""), here, body, NOW, WrongRequest),
        ("without a hash", without("bh"), here, body, NOW, InvalidClaims),
        ("of another issuer", with("iss", "https://platform.example"), here, body, NOW, WrongIssuerOrAudience),
        ("for another audience", with("aud", "terminal"), here, body, NOW, WrongIssuerOrAudience),
        ("for several audiences", with("aud", json!([TOKEN_AUDIENCE])), here, body, NOW, InvalidClaims),
        ("without a connection", without("cid"), here, body, NOW, InvalidClaims),
        ("of an invalid connection", with("cid", "c d"), here, body, NOW, InvalidClaims),
        ("of an invalid session", with("sid", "../x"), here, body, NOW, InvalidClaims),
        ("of an unknown role", with("role", "root"), here, body, NOW, InvalidClaims),
        ("without a user", without("sub"), here, body, NOW, InvalidClaims),
    ];
    for (name, token, path, body, now, expected) in &table {
        assert_eq!(keys.verify(token, path, body, *now), Err(*expected), "{name}");
    }
}

#[test]
fn what_a_function_of_another_version_leaves_out_is_no_right_and_what_it_adds_changes_nothing() {
    let keys = GatewayTokenVerifier::new([&secret(1)]);
    let verify = |claims: &Value| keys.verify(&signed(claims), DISCONNECT_PATH, BODY, NOW).unwrap();
    let class = ClassClaims { grp: GroupId::new("class-7").ok(), rec: true, ..ClassClaims::default() };
    let full = GatewayClaims { role: Role::Instructor, admin: true, class, ..claims() };
    let mut older = json!(full);
    for name in ["class", "admin", "create", "uiat", "jti", "ep", "carrier"] {
        older.as_object_mut().unwrap().remove(name);
    }
    let without = verify(&older);
    assert_eq!((without.class.watched_group(without.role, without.admin), without.class.rec), (None, false));
    assert_eq!((without.admin, without.create, without.carrier, without.uiat), (false, false, false, None));
    let mut newer = json!(full);
    (newer["later"], newer["class"]["later"]) = (json!({"grp": "class-8"}), json!(true));
    assert_eq!(verify(&newer), full);
}

#[test]
fn a_rotation_in_three_steps_refuses_no_request() {
    let (old, new, derived) = (secret(1), secret(2), GatewaySecret::derived_from(SECRET.as_bytes()).unwrap());
    let accepts = |keys: &[&GatewaySecret], signer: &GatewaySecret| {
        let token = signer.sign(&claims()).unwrap();
        GatewayTokenVerifier::new(keys.iter().copied()).verify(&token, DISCONNECT_PATH, BODY, NOW)
    };
    for (from, to) in [(&old, &new), (&derived, &new)] {
        // The service gets the new secret, then the gateway uses it, then the service drops the old one.
        for (keys, signer) in [(&[from][..], from), (&[to, from], from), (&[to, from], to), (&[to], to)] {
            assert_eq!(accepts(keys, signer), Ok(claims()));
        }
        assert_eq!(accepts(&[to], from), Err(Invalid));
        assert_eq!(accepts(&[from], to), Err(Invalid));
        assert_eq!(accepts(&[to, from], &secret(3)), Err(Invalid));
        assert_eq!(accepts(&[], to), Err(Invalid));
    }
    // Both secrets are checked against the request.
    let keys = GatewayTokenVerifier::new([&new, &old]);
    for signer in [&old, &new] {
        let token = signer.sign(&claims()).unwrap();
        assert_eq!(keys.verify(&token, MESSAGE_PATH, BODY, NOW), Err(WrongRequest));
        assert_eq!(keys.verify(&token, DISCONNECT_PATH, BODY, NOW + 70), Err(Expired));
    }
}

#[test]
fn a_user_secret_does_not_sign_gateway_tokens() {
    let derived = GatewaySecret::derived_from(SECRET.as_bytes()).unwrap();
    let token = GatewaySecret::new(SECRET.as_bytes()).unwrap().sign(&claims()).unwrap();
    assert_eq!(GatewayTokenVerifier::new([&derived]).verify(&token, DISCONNECT_PATH, BODY, NOW), Err(Invalid));
}

/// The HMAC-SHA256 of the label, computed by another program.
#[test]
fn the_derived_secret_is_an_hmac_of_its_label() {
    let secret = GatewaySecret::derived_from(b"0123456789abcdef0123456789abcdef").unwrap();
    let expected = hex::decode("3115fc18e55555279556731e70887884c5d73699da3806f39d228bf42257dcb1").unwrap();
    assert_eq!(secret, GatewaySecret::new(&expected).unwrap());
}

#[test]
fn a_secret_is_redacted() {
    let printed = format!("{:?} {:?}", secret(1), GatewayTokenVerifier::new([&secret(1)]));
    assert_eq!(printed, "<redacted> <redacted>");
}
