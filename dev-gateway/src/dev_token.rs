//! `GET /dev/token`: a user token for whoever sits at this machine, and nobody else, so that a fresh clone needs no login. It is a
//! key to a shell.

use crate::local::is_local;
use crate::system::{System, epoch_ms, fresh_hex};
use auth_tokens::ShortSecretError;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use shared_protocol::{Role, SessionId, UserClaims};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Whose tokens they are.
const SUBJECT: &str = "dev";
/// Life of a token, in seconds: a long day of work.
const TOKEN_SECONDS: u64 = 12 * 3600;

/// The secret that development tokens are signed with: the function's `JWT_SECRET`.
#[derive(Clone)]
pub struct DevSecret(Vec<u8>);

impl DevSecret {
    /// A secret of at least [`auth_tokens::MIN_SECRET_BYTES`].
    pub fn new(secret: &[u8]) -> Result<Self, ShortSecretError> {
        if secret.len() < auth_tokens::MIN_SECRET_BYTES { Err(ShortSecretError) } else { Ok(Self(secret.to_vec())) }
    }
}

impl fmt::Debug for DevSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// What the route needs.
#[derive(Clone)]
pub(crate) struct DevToken {
    pub(crate) secret: DevSecret,
    pub(crate) stage: String,
    pub(crate) system: Arc<dyn System>,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    session: Option<SessionId>,
    #[serde(default)]
    role: Role,
}

/// `GET /dev/token?session=ID&role=viewer` → `{"token", "sessionId", "wsPath"}`.
pub(crate) async fn get(
    State(dev): State<DevToken>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    if !is_local(from, &headers) {
        return refuse(
            StatusCode::FORBIDDEN,
            "development tokens are given on this machine only, at its loopback address",
        );
    }
    let Ok(Query(wanted)) = wanted else {
        return refuse(StatusCode::BAD_REQUEST, "`session` or `role` is not usable");
    };
    let now = epoch_ms(dev.system.now()) / 1000;
    let random = || SessionId::new(format!("dev-{}", fresh_hex::<8>(dev.system.as_ref())));
    let Ok(session) = wanted.session.map_or_else(random, Ok) else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "no session id could be made");
    };
    let claims = UserClaims {
        sub: SUBJECT.to_owned(),
        exp: now + TOKEN_SECONDS,
        nbf: None,
        iat: Some(now),
        iss: None,
        aud: None,
        sid: Some(session.clone()),
        role: wanted.role,
        admin: false,
    };
    let Ok(token) = auth_tokens::sign_user_token(&claims, &dev.secret.0) else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "the token could not be signed");
    };
    let body = json!({"token": token, "sessionId": session, "wsPath": format!("/{}", dev.stage)});
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn refuse(status: StatusCode, sentence: &str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(json!({"message": sentence}))).into_response()
}
