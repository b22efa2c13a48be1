//! Who is speaking: extractors that let a handler run only with a valid token, so that no handler can forget it.

use super::error::Failure;
use super::observe::Subject;
use super::terminal::Parameters;
use super::{BODY_BYTES, Service, TERMINAL_PATH};
use crate::config::AuthConfig;
use crate::metrics::Refused;
use crate::session::{Arrival, Caller};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use shared_protocol::gateway::{CONNECTION_HEADER, RECEIVED_HEADER, REQUEST_ID_HEADER};
use shared_protocol::{ConnectionId, ErrorCode, GatewayClaims, SessionId, UserClaims};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Time for a body to come: it has 64 KiB at most, and was on its way with the head.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// A request that the gateway signed: its claims, and the body that they are for.
pub(super) struct Signed {
    pub claims: GatewayClaims,
    pub body: Bytes,
    pub request: String,
    pub arrival: Arrival,
}

impl FromRequest<Arc<Service>> for Signed {
    type Rejection = Failure;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, Failure> {
        let path = request.uri().path().to_owned();
        // Before the body is read: a stranger costs nothing.
        let token = bearer(request.headers()).ok_or_else(|| service.no_token())?.to_owned();
        let connection = request.headers().get(CONNECTION_HEADER).cloned();
        let received = request.headers().get(RECEIVED_HEADER).and_then(|at| at.to_str().ok()?.parse().ok());
        let arrival = Arrival::new(received, service.clock.now_ms());
        let (id, extensions) = (request_id(request.headers()).to_owned(), request.extensions().clone());
        let body = whole(request.into_body()).await?;
        let claims = service.auth.gateway.verify(&token, &path, &body, service.now_seconds());
        let claims = claims.map_err(|bad| service.bad_token(bad))?;
        Subject::is(&extensions, Some(&claims.cid), claims.sid.as_ref());
        if connection.is_some_and(|header| header.as_bytes() != claims.cid.as_str().as_bytes()) {
            return Err(Failure::new(ErrorCode::Forbidden, "the header names another connection than the token"));
        }
        Ok(Self { claims, body, request: id, arrival })
    }
}

impl Signed {
    /// The session that it may speak to.
    pub(super) fn session(&self) -> Result<&SessionId, Failure> {
        let missing = || Failure::new(ErrorCode::SessionNotFound, "this connection has no session");
        self.claims.sid.as_ref().ok_or_else(missing)
    }

    pub(super) fn caller(&self) -> Caller {
        Caller {
            connection: self.claims.cid.clone(),
            user: self.claims.sub.clone(),
            role: self.claims.role,
            admin: self.claims.admin,
            names_session: self.claims.create,
            direct: false,
            issued_at: self.claims.uiat,
            expires_at: self.claims.uexp,
            request: self.request.clone(),
            arrival: self.arrival,
        }
    }

    /// A body that names a connection or session must name the token's.
    pub(super) fn check(&self, connection: Option<&ConnectionId>, session: Option<&SessionId>) -> Result<(), Failure> {
        let other =
            |what| Err(Failure::new(ErrorCode::Forbidden, format!("the body names another {what} than the token")));
        if connection.is_some_and(|id| *id != self.claims.cid) {
            return other("connection");
        }
        if session.is_some_and(|id| Some(id) != self.claims.sid.as_ref()) {
            return other("session");
        }
        Ok(())
    }
}

/// A request with a user's JWT as bearer.
pub(super) struct User(pub UserClaims);

impl FromRequestParts<Arc<Service>> for User {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Failure> {
        let token = bearer(&parts.headers).ok_or_else(|| service.no_token())?;
        let user = service.auth.users.verify(token, service.now_seconds()).map_err(|bad| service.bad_token(bad))?;
        let named = session_at(parts.uri.path()).or_else(|| user.sid.clone());
        Subject::is(&parts.extensions, None, named.as_ref());
        Ok(Self(user))
    }
}

/// The user as a caller in this session, over a connection of this service's own.
pub(super) fn caller(claims: &UserClaims, session: &SessionId, connection: ConnectionId) -> Caller {
    let connection_name = connection.to_string();
    Caller {
        connection,
        user: claims.sub.clone(),
        role: claims.role,
        admin: claims.admin,
        names_session: claims.sid.as_ref() == Some(session),
        direct: true,
        issued_at: claims.iat,
        expires_at: claims.exp,
        request: connection_name,
        arrival: Arrival::default(),
    }
}

/// The id that the gateway gave the request, for logs.
pub(super) fn request_id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID_HEADER).and_then(|id| id.to_str().ok()).unwrap_or("-")
}

/// The session that a request is about, as it says itself: whoever acts on it must check the token first.
pub(super) fn unverified_session_id(request: &Request) -> Option<SessionId> {
    let path = request.uri().path();
    if let Some(session) = session_at(path) {
        return Some(session);
    }
    if path.starts_with("/api/ws/") {
        return auth_tokens::unverified_session_id(bearer(request.headers())?);
    }
    if path == TERMINAL_PATH {
        let Query(parameters) = Query::<Parameters>::try_from_uri(request.uri()).ok()?;
        return match parameters.session {
            Some(id) => SessionId::new(id).ok(),
            None => auth_tokens::unverified_session_id(&parameters.token?),
        };
    }
    None
}

fn session_at(path: &str) -> Option<SessionId> {
    SessionId::new(path.strip_prefix("/api/sessions/")?.split('/').next()?).ok()
}

/// A request whose token was checked.
pub(super) enum Verified {
    /// It is valid. The request as it was.
    Yes(Request),
    /// It is not. The request as it was.
    No(Request),
    /// The body cannot be read.
    Unreadable(Failure),
}

impl Verified {
    fn when(valid: bool, request: Request) -> Self {
        if valid { Self::Yes(request) } else { Self::No(request) }
    }
}

/// A body, once it is there.
pub(super) async fn whole(body: Body) -> Result<Bytes, Failure> {
    let unreadable = |code, why: &str| Failure::new(code, format!("the body cannot be read: {why}"));
    match timeout(BODY_PATIENCE, Limited::new(body, BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(unreadable(ErrorCode::TooLarge, &format!("it has more than {BODY_BYTES} bytes")))
        }
        Ok(Err(_)) => Err(unreadable(ErrorCode::BadMessage, "it is not whole")),
        Err(_) => Err(unreadable(ErrorCode::BadMessage, "it does not come")),
    }
}

/// Checks a request's token, whichever it is.
pub(super) async fn verified(service: &Service, request: Request) -> Verified {
    let now = service.now_seconds();
    let path = request.uri().path().to_owned();
    if path == TERMINAL_PATH {
        let parameters = Query::<Parameters>::try_from_uri(request.uri()).ok();
        let token = parameters.and_then(|Query(parameters)| parameters.token);
        return Verified::when(token.is_some_and(|token| service.auth.users.verify(&token, now).is_ok()), request);
    }
    let Some(token) = bearer(request.headers()).map(str::to_owned) else { return Verified::No(request) };
    if !path.starts_with("/api/ws/") {
        return Verified::when(service.auth.users.verify(&token, now).is_ok(), request);
    }
    let (parts, body) = request.into_parts();
    let body = match whole(body).await {
        Ok(body) => body,
        Err(failure) => return Verified::Unreadable(failure),
    };
    let valid = service.auth.gateway.verify(&token, &path, &body, now).is_ok();
    Verified::when(valid, Request::from_parts(parts, Body::from(body)))
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

impl Service {
    /// A request came without a token.
    pub(super) fn no_token(&self) -> Failure {
        self.metrics.requests.token_refused(Refused::Missing);
        Failure::new(ErrorCode::Unauthorized, "a bearer token is required")
    }

    /// A request came with a token that is of no use.
    pub(super) fn bad_token(&self, bad: auth_tokens::TokenError) -> Failure {
        self.metrics.requests.token_refused(bad);
        bad.into()
    }
}

/// Whether a request says that it is for this machine, and not for a name that somebody has pointed at it.
pub(super) fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // In brackets, an address has colons of its own.
    let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    matches!(port.map_or(host, |(name, _)| name), "localhost" | "127.0.0.1" | "[::1]")
}

/// Whether a page of this origin may speak to us: none is sent by programs; pages are same-origin or listed. Without
/// configured secrets the Host must be this machine too, because a page may rebind its name to it.
pub(super) fn origin_allowed(auth: &AuthConfig, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST).unwrap_or_default();
    if auth.random_secrets && !names_this_machine(headers) {
        return false;
    }
    match text(ORIGIN) {
        None => !headers.contains_key(ORIGIN),
        Some(origin) => {
            let same = origin.split_once("://").is_some_and(|(_, origin_host)| origin_host == host);
            same || auth.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
        }
    }
}
