//! Extractors that verify a request's token: a handler that takes one cannot run without a valid token. Also checks `Host` and
//! `Origin`, against pages of other sites and DNS rebinding.

use super::access_log::{RequestContext, request_id};
use super::connection_limit::{ConnectionPermit, Full};
use super::context::ServiceContext;
use super::error::{HttpError, MAX_HAND_OUT_BYTES, read_body, read_body_as, read_long_body};
use crate::clock::Clock;
use crate::config::AuthConfig;
use crate::metrics::{AuthFailure, Transport};
use crate::session::{Arrival, Caller, valid_until_ms};
use auth_tokens::{AwaitsBody, TokenError};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared_protocol::gateway::{CONNECTION_HEADER, HAND_OUT_PATH, OfferedProtocols, RECEIVED_HEADER};
use shared_protocol::relay::{RELAY_VERSION, RELAYS_HEADER, RelayQuestion};
use shared_protocol::{ConnectionId, Dispatch, ErrorCode, GatewayClaims, RelayClaims, SessionId, UserClaims};
use std::sync::Arc;

/// A request that the gateway signed: its claims, and the body that they cover.
pub(super) struct GatewayRequest {
    pub claims: GatewayClaims,
    pub body: Bytes,
    pub request_id: String,
    pub arrival: Arrival,
    /// End of the user's token: [`valid_until_ms`].
    valid_until_ms: u64,
    /// True if the function that sent it carries relays, as one of the same version does.
    pub carries_relays: bool,
}

impl FromRequest<Arc<ServiceContext>> for GatewayRequest {
    type Rejection = HttpError;

    async fn from_request(request: Request, service: &Arc<ServiceContext>) -> Result<Self, HttpError> {
        let path = request.uri().path().to_owned();
        let signed = service.verify_gateway_head(request.headers(), request.extensions(), &path)?;
        let connection = request.headers().get(CONNECTION_HEADER).cloned();
        let received = request.headers().get(RECEIVED_HEADER).and_then(|at| at.to_str().ok()?.parse().ok());
        let arrival = Arrival::new(received, service.clock.now_ms());
        let carries_relays = request.headers().get(RELAYS_HEADER).is_some_and(|version| version == RELAY_VERSION);
        let (request_id, extensions) = (request_id(request.headers()).to_owned(), request.extensions().clone());
        let body = read_body(request.into_body()).await?;
        let claims = signed.with_body(&body).map_err(|error| service.invalid_token(error))?;
        RequestContext::set_gateway(&extensions, &claims, &body);
        if connection.is_some_and(|header| header.as_bytes() != claims.cid.as_str().as_bytes()) {
            return Err(HttpError::new(ErrorCode::Forbidden, "the header names another connection than the token"));
        }
        let valid_until_ms = valid_until_ms(claims.uexp, &*service.clock);
        Ok(Self { claims, body, request_id, arrival, valid_until_ms, carries_relays })
    }
}

impl GatewayRequest {
    /// Parses the body as JSON.
    pub(super) fn parse_body<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        read_body_as(&self.body)
    }

    pub(super) fn caller(&self) -> Caller {
        Caller {
            connection: self.claims.cid.clone(),
            user: self.claims.sub.clone(),
            role: self.claims.role,
            class: self.claims.class.clone(),
            admin: self.claims.admin,
            names_session: self.claims.create,
            transport: Transport::Gateway,
            carrier: self.claims.carrier,
            endpoint: self.claims.ep.clone(),
            issued_at: self.claims.uiat,
            valid_until_ms: self.valid_until_ms,
            request: self.request_id.clone(),
            signed_id: self.claims.jti.clone(),
            arrival: self.arrival,
        }
    }

    /// Fails if the body names another connection or session than the token.
    pub(super) fn check_body_ids(
        &self,
        connection: Option<&ConnectionId>,
        session: Option<&SessionId>,
    ) -> Result<(), HttpError> {
        let wrong = match (connection, session) {
            (Some(id), _) if *id != self.claims.cid => "connection",
            (_, Some(id)) if Some(id) != self.claims.sid.as_ref() => "session",
            _ => return Ok(()),
        };
        Err(HttpError::new(ErrorCode::Forbidden, format!("the body names another {wrong} than the token")))
    }
}

/// A question of a relay, and the API that it posts to.
pub(super) struct RelayRequest {
    pub question: RelayQuestion,
    pub endpoint: String,
}

impl FromRequest<Arc<ServiceContext>> for RelayRequest {
    type Rejection = HttpError;

    async fn from_request(request: Request, service: &Arc<ServiceContext>) -> Result<Self, HttpError> {
        let signed = service.verify_relay_head(request.headers(), request.extensions(), request.uri().path())?;
        let body = read_body(request.into_body()).await?;
        let claims = signed.with_body(&body).map_err(|error| service.invalid_token(error))?;
        let question = read_body_as(&body)?;
        Ok(Self { question, endpoint: claims.ep })
    }
}

/// Largest body of a question of another instance, in bytes: the id and version of each session of a class.
const MAX_QUESTION_BYTES: usize = 256 * 1024;

/// Largest body that hands out a file, in bytes: the file, and the line before it.
const MAX_HAND_OUT_REQUEST_BYTES: usize = MAX_HAND_OUT_BYTES + 4096;

/// The body of a question that another instance of the service signed.
pub(super) struct InstanceRequest(pub Bytes);

impl FromRequest<Arc<ServiceContext>> for InstanceRequest {
    type Rejection = HttpError;

    async fn from_request(request: Request, service: &Arc<ServiceContext>) -> Result<Self, HttpError> {
        let token = bearer(request.headers()).ok_or_else(|| service.missing_token())?;
        let (verifier, now) = (&service.config.auth.gateway, service.now_seconds());
        let path = request.uri().path().to_owned();
        let signed = verifier.verify_instance_head(token, &path, now).map_err(|error| service.invalid_token(error))?;
        trust(request.extensions(), None)?;
        let most = if path == HAND_OUT_PATH { MAX_HAND_OUT_REQUEST_BYTES } else { MAX_QUESTION_BYTES };
        let body = read_long_body(request.into_body(), most).await?;
        signed.with_body(&body).map_err(|error| service.invalid_token(error))?;
        Ok(Self(body))
    }
}

/// A request with a user's JWT as bearer token.
pub(super) struct AuthenticatedUser(pub UserClaims);

impl FromRequestParts<Arc<ServiceContext>> for AuthenticatedUser {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<ServiceContext>) -> Result<Self, HttpError> {
        let user = service.verify_bearer(&parts.headers, &parts.extensions)?;
        let session = session_in_path(parts.uri.path()).or_else(|| user.sid.clone());
        RequestContext::set(&parts.extensions, Some(&user.sub), None, session.as_ref());
        Ok(Self(user))
    }
}

/// Query of `/terminal`: browsers cannot set headers of a WebSocket.
#[derive(Deserialize)]
pub(super) struct TerminalQuery {
    #[serde(rename = "sessionId")]
    pub session: Option<String>,
    pub token: Option<String>,
}

impl TerminalQuery {
    /// The token of a WebSocket: in the query, or as a subprotocol.
    pub(super) fn socket_token(&self, headers: &HeaderMap) -> Option<String> {
        let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
        let beside = OfferedProtocols::of(offered).token;
        self.token.clone().filter(|token| !token.is_empty()).or_else(|| beside.map(str::to_owned))
    }
}

/// The caller for a user's token, over a connection that this service made itself.
pub(super) fn direct_caller(
    claims: &UserClaims,
    session: Option<&SessionId>,
    connection: ConnectionId,
    transport: Transport,
    clock: &dyn Clock,
) -> Caller {
    Caller {
        request: connection.to_string(),
        signed_id: None,
        connection,
        user: claims.sub.clone(),
        role: claims.role,
        class: claims.class.clone(),
        admin: claims.admin,
        names_session: session.is_some() && claims.sid.as_ref() == session,
        transport,
        carrier: false,
        endpoint: String::new(),
        issued_at: claims.iat,
        valid_until_ms: valid_until_ms(claims.exp, clock),
        arrival: Arrival { dispatch: Some(Dispatch::Concurrent), ..Arrival::default() },
    }
}

pub(super) fn session_in_path(path: &str) -> Option<SessionId> {
    SessionId::new(path.strip_prefix("/api/sessions/")?.split('/').next()?).ok()
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    auth_tokens::bearer(headers.get(AUTHORIZATION)?.to_str().ok()?)
}

/// Notes that a request has shown a valid token, of this user or of a program of the platform.
pub(super) fn trust(of: &Extensions, user: Option<&str>) -> Result<(), HttpError> {
    let Some(permit) = of.get::<Arc<ConnectionPermit>>() else { return Ok(()) };
    permit.trust(user).map_err(|full| {
        let text = match full {
            Full::User => "this user has too many requests in progress",
            Full::Service => "the service has no room for another connection; try again",
        };
        HttpError::new(ErrorCode::RateLimited, text)
    })
}

impl ServiceContext {
    /// The user of a request with a JWT as bearer token.
    pub(super) fn verify_bearer(&self, headers: &HeaderMap, of: &Extensions) -> Result<UserClaims, HttpError> {
        let token = bearer(headers).ok_or_else(|| self.missing_token())?;
        let user = self.config.auth.users.verify(token, self.now_seconds());
        let user = user.map_err(|error| self.invalid_token(error))?;
        trust(of, Some(&user.sub))?;
        Ok(user)
    }

    /// The claims of a gateway's request, before its body is read: a request without a valid token costs no wait.
    pub(super) fn verify_gateway_head(
        &self,
        headers: &HeaderMap,
        of: &Extensions,
        path: &str,
    ) -> Result<AwaitsBody<GatewayClaims>, HttpError> {
        let token = bearer(headers).ok_or_else(|| self.missing_token())?;
        let signed = self.config.auth.gateway.verify_head(token, path, self.now_seconds());
        let signed = signed.map_err(|error| self.invalid_token(error))?;
        trust(of, None)?;
        Ok(signed)
    }

    /// The same for a relay's question.
    pub(super) fn verify_relay_head(
        &self,
        headers: &HeaderMap,
        of: &Extensions,
        path: &str,
    ) -> Result<AwaitsBody<RelayClaims>, HttpError> {
        let token = bearer(headers).ok_or_else(|| self.missing_token())?;
        let signed = self.config.auth.gateway.verify_relay_head(token, path, self.now_seconds());
        let signed = signed.map_err(|error| self.invalid_token(error))?;
        trust(of, None)?;
        Ok(signed)
    }

    /// Counts a request without a token.
    pub(super) fn missing_token(&self) -> HttpError {
        self.metrics.requests.record_auth_failure(AuthFailure::Missing);
        HttpError::new(ErrorCode::Unauthorized, "a bearer token is required")
    }

    /// Counts a request with an invalid token.
    pub(super) fn invalid_token(&self, error: TokenError) -> HttpError {
        self.metrics.requests.record_auth_failure(error);
        error.into()
    }
}

/// True if `Host` is this machine by address or as `localhost`: a name that an attacker points at loopback is neither.
fn is_loopback_host(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // The colons of an IPv6 address are inside brackets.
    let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    matches!(port.map_or(host, |(name, _)| name), "localhost" | "127.0.0.1" | "[::1]")
}

/// True if a page of this origin may open a WebSocket. Programs send no `Origin`; a page is same-origin or listed. Without
/// configured secrets `Host` must be loopback too, because a page may rebind its name to this machine.
pub(super) fn origin_allowed(auth: &AuthConfig, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if auth.random_secrets && !is_loopback_host(headers) {
        return false;
    }
    match text(ORIGIN) {
        None => !headers.contains_key(ORIGIN),
        Some(origin) => {
            let host = text(HOST).unwrap_or_default();
            let same = origin.split_once("://").is_some_and(|(_, origin_host)| origin_host == host);
            same || auth.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
        }
    }
}
