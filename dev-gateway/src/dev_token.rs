//! `GET /dev/token`: a user token without a login, for development. The token gives access to a shell, so the request needs
//! the key of this start: addresses prove nothing, because a proxy or a tunnel on this machine has a loopback address for all
//! of its clients.

use crate::local::{json_message, require_local};
use crate::system::{OsSystem, System, fresh_hex};
use auth_tokens::ShortSecretError;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use shared_protocol::{ClassClaims, GroupId, ProfileName, Role, SessionId, Takeover, UserClaims};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Validity of a token in seconds: a working day.
const TOKEN_TTL_SECONDS: u64 = 12 * 3600;
/// Validity of a guest's token in seconds: a lesson, since its link may travel further than meant.
const GUEST_TTL_SECONDS: u64 = 4 * 3600;

/// Secrets of development tokens.
#[derive(Clone, derive_more::Debug)]
#[debug("<redacted>")]
pub struct DevSecret {
    /// Signs them: the function's `JWT_SECRET`.
    signing: Vec<u8>,
    /// Must be shown for one.
    key: String,
}

impl DevSecret {
    /// A secret of at least [`auth_tokens::MIN_SECRET_BYTES`], and the key of this start; without one, a random one.
    pub fn new(signing: &[u8], key: Option<String>) -> Result<Self, ShortSecretError> {
        if signing.len() < auth_tokens::MIN_SECRET_BYTES {
            return Err(ShortSecretError);
        }
        Ok(Self { signing: signing.to_vec(), key: key.unwrap_or_else(|| fresh_hex::<16>(&OsSystem)) })
    }

    /// The key, for the address that is printed.
    pub fn key(&self) -> &str {
        &self.key
    }

    fn is_shown_by(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| auth_tokens::bearer(value.to_str().ok()?));
        given.is_some_and(|given| self.key.as_bytes().ct_eq(given.as_bytes()).into())
    }
}

#[derive(Clone)]
pub(crate) struct DevToken {
    pub(crate) secret: DevSecret,
    pub(crate) stage: String,
    pub(crate) service_url: Option<String>,
    pub(crate) system: Arc<dyn System>,
}

#[derive(Deserialize)]
struct TokenQuery {
    session: Option<SessionId>,
    #[serde(default)]
    role: Role,
    grp: Option<GroupId>,
    name: Option<String>,
    takeover: Option<Takeover>,
    #[serde(default)]
    rec: bool,
    profile: Option<ProfileName>,
}

impl DevToken {
    pub(crate) fn routes(self) -> Router {
        Router::new().route("/dev/token", routing::get(get)).layer(from_fn(require_local)).with_state(self)
    }
}

/// `GET /dev/token?session=ID&role=viewer` → `{"token", "sessionId", "wsPath", "httpUrl", "name", "expiresAt"}`, with the key
/// as bearer token. A viewer is a guest: another user, with a name of its own. So is each student of a class (`grp`), and its
/// instructor, whose token names no session: `sessionId` is null. `name` replaces the name. `profile` is that of a new session.
async fn get(
    State(dev): State<DevToken>,
    headers: HeaderMap,
    query: Result<Query<TokenQuery>, QueryRejection>,
) -> Response {
    let issued = if dev.secret.is_shown_by(&headers) {
        issue(&dev, query)
    } else {
        Err((
            StatusCode::UNAUTHORIZED,
            "this needs the key in the address that was printed at the start, as bearer token",
        ))
    };
    let response = issued.unwrap_or_else(|(status, message)| json_message(status, message));
    ([(header::CACHE_CONTROL, "no-store")], response).into_response()
}

fn issue(
    dev: &DevToken,
    query: Result<Query<TokenQuery>, QueryRejection>,
) -> Result<Response, (StatusCode, &'static str)> {
    let Query(query) =
        query.map_err(|_| (StatusCode::BAD_REQUEST, "`session`, `role`, `grp` or `profile` is not usable"))?;
    let now = dev.system.now_seconds();
    let random = || SessionId::new(format!("dev-{}", fresh_hex::<8>(dev.system.as_ref())));
    let session = query.session.map_or_else(random, Ok);
    let session = session.map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "no session id could be made"))?;
    let is_guest = query.role == Role::Viewer;
    let kind = match (query.role, &query.grp) {
        (Role::Viewer, _) => Some("guest"),
        (Role::Instructor, _) => Some("instructor"),
        (Role::Controller, Some(_)) => Some("student"),
        (Role::Controller, None) => None,
    };
    let person = kind.map(|kind| format!("{kind}-{}", fresh_hex::<4>(dev.system.as_ref())));
    let exp = now + if is_guest { GUEST_TTL_SECONDS } else { TOKEN_TTL_SECONDS };
    let guest = person.as_ref().filter(|_| is_guest).map(|person| person.replacen("guest-", "Guest ", 1));
    let (name, sub) = (query.name.or(guest), person.unwrap_or_else(|| "dev".to_owned()));
    let claims = UserClaims {
        sub,
        exp,
        nbf: None,
        iat: Some(now),
        iss: None,
        aud: None,
        sid: Some(session).filter(|_| query.role != Role::Instructor),
        role: query.role,
        admin: false,
        class: ClassClaims {
            grp: query.grp,
            name: name.clone(),
            jti: None,
            takeover: query.takeover,
            rec: query.rec,
            profile: query.profile,
        },
    };
    let token = auth_tokens::sign_user_token(&claims, &dev.secret.signing);
    let token = token.map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "the token could not be signed"))?;
    let ws_path = format!("/{}", dev.stage);
    let body = json!({
        "token": token,
        "sessionId": claims.sid,
        "wsPath": ws_path,
        "httpUrl": dev.service_url,
        "name": name,
        "expiresAt": exp * 1000,
    });
    Ok(Json(body).into_response())
}
