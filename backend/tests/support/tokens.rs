//! Tokens of users and of the gateway.

use auth_tokens::{GatewaySecret, body_hash, sign_user_token};
use shared_protocol::gateway::{TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_SECONDS};
use shared_protocol::{ClassClaims, ConnectionId, GatewayClaims, Role, SessionId, UserClaims};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "tokens are checked against the real time")]
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

pub fn user(sub: &str, session: Option<&str>) -> UserClaims {
    UserClaims {
        sub: sub.into(),
        exp: now() + 600,
        nbf: None,
        iat: Some(now()),
        iss: None,
        aud: None,
        sid: session.map(|id| SessionId::new(id).unwrap()),
        role: Role::Controller,
        admin: false,
        class: ClassClaims::default(),
    }
}

pub fn user_token(claims: &UserClaims) -> String {
    sign_user_token(claims, SECRET.as_bytes()).unwrap()
}

/// Requests of the gateway so far.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// Valid claims of a request by the gateway, which is a new one.
pub fn gateway_claims(path: &str, body: &[u8], connection: &str, session: Option<&str>) -> GatewayClaims {
    GatewayClaims {
        iss: TOKEN_ISSUER.into(),
        aud: TOKEN_AUDIENCE.into(),
        iat: now(),
        exp: now() + TOKEN_SECONDS,
        path: path.into(),
        bh: body_hash(body),
        jti: Some(format!("request-{}", REQUESTS.fetch_add(1, Ordering::Relaxed))),
        cid: ConnectionId::new(connection).unwrap(),
        // An API of its own for each connection, so that each is granted a relay.
        ep: connection.into(),
        sid: session.map(|id| SessionId::new(id).unwrap()),
        carrier: false,
        sub: "ada".into(),
        role: Role::Controller,
        admin: false,
        create: session.is_some(),
        uexp: now() + 600,
        uiat: Some(now()),
        class: ClassClaims::default(),
    }
}

pub fn sign(claims: &GatewayClaims) -> String {
    GatewaySecret::derived_from(SECRET.as_bytes()).unwrap().sign(claims).unwrap()
}
