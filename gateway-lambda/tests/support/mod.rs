//! Fixtures and values shared by both test binaries.

use auth_tokens::sign_user_token;
use gateway_lambda::{Connection, Endpoint, Identity};
use serde_json::{Value, json};
use shared_protocol::{ClassClaims, ConnectionId, SessionId, UserClaims};

/// Time of the fixtures, in seconds since 1970.
pub(crate) const NOW: u64 = 1_795_000_000;
pub(crate) const CONNECTION: &str = "Lq3xTfoVDoECJ1w=";
/// `JWT_SECRET` of the tests.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// An event of `fixtures/` with this token.
pub(crate) fn fixture_with(name: &str, token: &str) -> Value {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text.replace("TOKEN", token)).unwrap()
}

/// Claims that match the context of the fixtures' authorizer.
pub(crate) fn claims() -> UserClaims {
    serde_json::from_value(json!({"sub": "ada", "exp": NOW + 3600, "iat": NOW - 10, "sid": "lab-7"})).unwrap()
}

/// Claims for a class, which the fixtures' users lack.
pub(crate) fn class() -> ClassClaims {
    serde_json::from_value(json!({"grp": "class-7", "name": "Ada ♛", "jti": "token-1", "takeover": "ask", "rec": true, "profile": "python"}))
        .unwrap()
}

pub(crate) fn token(claims: &UserClaims) -> String {
    sign_user_token(claims, SECRET.as_bytes()).unwrap()
}

pub(crate) fn identity() -> Identity {
    Identity::new(claims(), None, false)
}

/// API of the fixtures.
pub(crate) fn endpoint() -> Endpoint {
    Endpoint::new("a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "prod")
}

pub(crate) fn id(text: &str) -> ConnectionId {
    ConnectionId::new(text).unwrap()
}

pub(crate) fn session(text: &str) -> SessionId {
    SessionId::new(text).unwrap()
}

pub(crate) fn row(connection: &str, identity: Identity) -> Connection {
    Connection { id: id(connection), identity, connected_at: NOW * 1000 + 123, expires_at: NOW + 600 }
}
