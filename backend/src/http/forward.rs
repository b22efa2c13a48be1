//! Forwards a request for a session that another instance owns to that instance, so that handlers need not know of instances.
//! The owner verifies the original token again; a request is forwarded at most once.

use super::access_log::{RequestContext, request_id};
use super::auth::{TerminalQuery, bearer, session_in_path, trust};
use super::context::{GATEWAY_PREFIX, POLLED_PREFIX, ServiceContext, TERMINAL_PATH};
use super::error::{HttpError, read_body};
use super::forward_file::is_file;
use super::forward_wall::{WallPage, forward_wall, receive_wall};
use super::handlers::terminal::Unforwarded;
use super::peer_client::{FORWARDED_BY, FROM_MEMORY, Forwarded, PeerClient};
use crate::cluster::Location;
use crate::metrics::ForwardOutcome;
use crate::relay::Relays;
use crate::store::{Instance, InstanceId};
use auth_tokens::TokenError;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared_protocol::SessionId;
use shared_protocol::gateway::{CONNECTION_HEADER, MESSAGE_PATH};
use shared_protocol::polling::FRAMES_PATH;
use shared_protocol::relay::{RELAY_PATH, RelayQuestion};
use std::sync::Arc;
use tokio::time::Instant;

/// End of a recording's path.
const RECORDING_SUFFIX: &str = "/recording";

pub(super) async fn layer(State(service): State<Arc<ServiceContext>>, request: Request, next: Next) -> Response {
    let Some(peers) = service.peers.as_ref() else { return next.run(request).await };
    if request.headers().contains_key(FORWARDED_BY) {
        return receive(&service, request, next).await;
    }
    if request.uri().path() == RELAY_PATH {
        return forward_question(&service, peers, request, next).await;
    }
    let requested = requested_session(&request);
    if may_have_wall(&request, requested.as_ref()) {
        return route_of_wall(&service, Some(peers), request, next).await;
    }
    let Some(session) = requested.filter(|id| service.registry.live(id).is_none()) else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let socket = Unforwarded::of(&service, &parts);
    let refuse = |error: HttpError| match socket {
        Some(socket) => socket.refuse(&error),
        None => error.into_response(),
    };
    // Verified here so that an invalid token costs no store call; the handler answers it.
    let request = match verify(&service, Request::from_parts(parts, body)).await {
        Ok((true, request)) => request,
        Ok((false, request)) => return next.run(request).await,
        Err(error) => return refuse(error),
    };
    let started = Instant::now();
    let waits = request.uri().path() == FRAMES_PATH || is_file(request.uri().path());
    let id = request_id(request.headers()).to_owned();
    let (instance, result) = match forward_from_memory(peers, &session, request).await {
        Remembered::Answered(instance, result) => (instance, result),
        Remembered::Unknown(request) => {
            let instance = match service.destination(&session).await {
                Ok(Some(instance)) => instance,
                Ok(None) => return next.run(request).await,
                Err(error) => match peers.owners.last(&session) {
                    Some(instance) => instance,
                    None => return refuse(error),
                },
            };
            RequestContext::set(request.extensions(), None, None, Some(&session));
            let result = match is_file(request.uri().path()) {
                true => peers.forward_file(&instance, request).await,
                false => peers.forward(&instance, request).await,
            };
            if result.is_ok() {
                peers.owners.remember(&session, &instance);
            }
            (instance, result)
        }
    };
    let response = forwarded(&service, result, (!waits).then_some(started), refuse);
    let (ms, status) = (started.elapsed().as_millis() as u64, response.status().as_u16());
    if waits {
        tracing::debug!(request = %id, %session, instance = %instance.id, ms, status, "frames or a file of the session's instance");
    } else {
        tracing::info!(request = %id, %session, instance = %instance.id, ms, status, "passed on to the session's instance");
    }
    response
}

/// Result of forwarding a request from memory.
enum Remembered {
    /// The remembered instance answered, or may have got the request.
    Answered(Instance, Result<Response, HttpError>),
    /// The store must be asked: no instance is remembered, or it did not handle the request.
    Unknown(Request),
}

/// Forwards a message to the instance that had its session last, without a call of the store. That instance handles it only if
/// it still has the session.
async fn forward_from_memory(peers: &PeerClient, session: &SessionId, request: Request) -> Remembered {
    let path = request.uri().path();
    let is_message = path.starts_with(GATEWAY_PREFIX) || path.starts_with(POLLED_PREFIX);
    let Some(instance) = peers.owners.get(session).filter(|_| is_message) else { return Remembered::Unknown(request) };
    let (parts, body) = request.into_parts();
    // It was read before, to verify its token.
    let Ok(body) = read_body(body).await else { return Remembered::Unknown(Request::from_parts(parts, Body::empty())) };
    let again = || Request::from_parts(parts.clone(), Body::from(body.clone()));
    let mut request = again();
    RequestContext::set(request.extensions(), None, None, Some(session));
    request.headers_mut().insert(FROM_MEMORY, HeaderValue::from_static("1"));
    let result = peers.forward(&instance, request).await;
    match &result {
        Ok(response) if response.status() == StatusCode::MISDIRECTED_REQUEST => {
            peers.owners.forget(session);
            Remembered::Unknown(again())
        }
        Ok(_) => {
            peers.owners.remember(session, &instance);
            Remembered::Answered(instance, result)
        }
        // It may have handled the message; the page sends it again if not.
        Err(_) => {
            peers.owners.forget(session);
            Remembered::Answered(instance, result)
        }
    }
}

/// Takes a forwarded request, which is never forwarded again. One from another's memory is refused if its session is not here;
/// only a valid token learns that.
async fn receive(service: &ServiceContext, request: Request, next: Next) -> Response {
    let requested = requested_session(&request);
    if may_have_wall(&request, requested.as_ref()) {
        return route_of_wall(service, None, request, next).await;
    }
    let from_memory = request.headers().contains_key(FROM_MEMORY);
    let is_here = requested.is_none_or(|session| service.registry.live(&session).is_some());
    if !from_memory || is_here {
        return next.run(request).await;
    }
    match verify(service, request).await {
        Ok((true, _)) => StatusCode::MISDIRECTED_REQUEST.into_response(),
        Ok((false, request)) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// True for a message of a connection without a session.
fn may_have_wall(request: &Request, requested: Option<&SessionId>) -> bool {
    requested.is_none() && request.uri().path() == MESSAGE_PATH
}

/// Reads the body of a request whose head was verified, for a look at it: the handler verifies all of it again. `Err` is the
/// handler's response to an invalid token, or a refusal.
async fn read_signed<S>(signed: Option<S>, request: Request, next: &Next) -> Result<(S, Parts, Bytes), Response> {
    let Some(signed) = signed else { return Err(next.clone().run(request).await) };
    trust(request.extensions(), None).map_err(IntoResponse::into_response)?;
    let (parts, body) = request.into_parts();
    let body = read_body(body).await.map_err(IntoResponse::into_response)?;
    Ok((signed, parts, body))
}

/// Handles a message that may be for a wall: here, or by `peers` where the wall is. Without `peers` it was forwarded before.
async fn route_of_wall(service: &ServiceContext, peers: Option<&PeerClient>, request: Request, next: Next) -> Response {
    let token = bearer(request.headers()).unwrap_or_default();
    let signed = service.config.auth.gateway.verify_head(token, MESSAGE_PATH, service.now_seconds()).ok();
    let (signed, parts, body) = match read_signed(signed, request, &next).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    // Only those who may have a wall cost a call of the store.
    let claims = signed.with_body(&body).ok();
    let claims = claims.filter(|claims| claims.class.watched_group(claims.role, claims.admin).is_some());
    let page = claims.and_then(|_| WallPage::of(&body));
    let again = || Request::from_parts(parts.clone(), Body::from(body.clone()));
    let answered = match (page, peers) {
        (Some(page), Some(peers)) => forward_wall(service, peers, &page, again).await,
        (Some(page), None) => {
            receive_wall(service, &parts.headers, &page).await;
            None
        }
        (None, _) => None,
    };
    match answered {
        Some(response) => forwarded(service, Ok(response), None, IntoResponse::into_response),
        None => next.run(again()).await,
    }
}

/// Records the outcome of a forwarded request; `started` is `None` for one that waits for frames.
fn forwarded(
    service: &ServiceContext,
    result: Result<Response, HttpError>,
    started: Option<Instant>,
    refuse: impl FnOnce(HttpError) -> Response,
) -> Response {
    let outcome = match &result {
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => ForwardOutcome::Connected,
        Ok(_) => ForwardOutcome::Answered,
        Err(_) => ForwardOutcome::Failed,
    };
    service.metrics.requests.record_forward(outcome, started.map(|started| started.elapsed()));
    let mut response = result.unwrap_or_else(refuse);
    response.extensions_mut().insert(Forwarded);
    response
}

/// Forwards a relay's question to the instance that granted the relay. The instance is looked up among the living: what the
/// grant says is an id and never an address. A question that fails is sent once more; its number makes that safe.
async fn forward_question(service: &ServiceContext, peers: &PeerClient, request: Request, next: Next) -> Response {
    let token = bearer(request.headers()).unwrap_or_default();
    let signed = service.config.auth.gateway.verify_relay_head(token, RELAY_PATH, service.now_seconds()).ok();
    let (signed, parts, body) = match read_signed(signed, request, &next).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let again = |parts: &Parts| Request::from_parts(parts.clone(), Body::from(body.clone()));
    let is_valid = signed.with_body(&body).is_ok();
    let owner = serde_json::from_slice::<RelayQuestion>(&body).ok();
    let owner = owner.map(|question| InstanceId(Relays::instance_of(&question.relay).to_owned()));
    // The handler verifies a question for this instance again.
    let Some(owner) = owner.filter(|owner| is_valid && owner != service.registry.instance_id()) else {
        return next.run(again(&parts)).await;
    };
    let instance = match peers.instances.get(&owner) {
        Some(instance) => Some(instance),
        None => service.registry.instance(&owner).await.ok().flatten().filter(|found| found.address.is_some()),
    };
    // The handler tells a relay of a dead instance to stop.
    let Some(instance) = instance else { return next.run(again(&parts)).await };
    let mut result = peers.forward(&instance, again(&parts)).await;
    if result.is_err() {
        result = peers.forward(&instance, again(&parts)).await;
    }
    match &result {
        Ok(_) => peers.instances.remember(&owner, &instance),
        Err(_) => peers.instances.forget(&owner),
    }
    forwarded(service, result, None, IntoResponse::into_response)
}

/// The session that a request names, before its token is verified.
fn requested_session(request: &Request) -> Option<SessionId> {
    let path = request.uri().path();
    if path.starts_with(GATEWAY_PREFIX) {
        return auth_tokens::unverified_session_id(bearer(request.headers())?);
    }
    let is_polled = path.starts_with(POLLED_PREFIX);
    if path == TERMINAL_PATH || is_polled {
        let Query(query) = Query::<TerminalQuery>::try_from_uri(request.uri()).ok()?;
        return match (&query.session, is_polled) {
            (Some(id), _) => SessionId::new(id.clone()).ok(),
            (None, true) => auth_tokens::unverified_session_id(bearer(request.headers())?),
            (None, false) => auth_tokens::unverified_session_id(&query.socket_token(request.headers())?),
        };
    }
    // A recording is in a store that each instance reads.
    session_in_path(path).filter(|_| !path.ends_with(RECORDING_SUFFIX))
}

/// Verifies a request's token, of either kind; returns whether it is valid, and the request. If the token is valid, the body of
/// a message is read. A token that has expired counts as valid for a connection over HTTP, which ends with it.
async fn verify(service: &ServiceContext, request: Request) -> Result<(bool, Request), HttpError> {
    let (auth, now) = (&service.config.auth, service.now_seconds());
    let path = request.uri().path();
    let token = if path == TERMINAL_PATH {
        let query = Query::<TerminalQuery>::try_from_uri(request.uri()).ok();
        query.and_then(|Query(query)| query.socket_token(request.headers()))
    } else {
        bearer(request.headers()).map(str::to_owned)
    };
    let Some(token) = token else { return Ok((false, request)) };
    let (mut user, mut signed, mut has_ended) = (None, None, false);
    if path.starts_with(GATEWAY_PREFIX) {
        signed = auth.gateway.verify_head(&token, path, now).ok();
    } else {
        let verified = auth.users.verify(&token, now);
        // Its instance knows whether the token has opened the connection.
        has_ended = path.starts_with(POLLED_PREFIX)
            && request.headers().contains_key(CONNECTION_HEADER)
            && matches!(verified, Err(TokenError::Expired));
        user = verified.ok();
    }
    if user.is_none() && signed.is_none() && !has_ended {
        return Ok((false, request));
    }
    if !has_ended {
        trust(request.extensions(), user.as_ref().map(|user| &*user.sub))?;
    }
    if user.is_some() && !path.starts_with(POLLED_PREFIX) {
        return Ok((true, request));
    }
    let (parts, body) = request.into_parts();
    let body = read_body(body).await?;
    let valid = signed.is_none_or(|signed| signed.with_body(&body).is_ok());
    Ok((valid, Request::from_parts(parts, Body::from(body))))
}

impl ServiceContext {
    /// The other instance that a request for this session must go to; `None` if this one serves it.
    async fn destination(&self, session: &SessionId) -> Result<Option<Instance>, HttpError> {
        let location = match self.store.session(session).await? {
            Some(record) => self.registry.location(&record).await?,
            None => Location::Unowned,
        };
        Ok(match location {
            Location::Remote(instance) => instance.address.is_some().then_some(instance),
            // A shell started here would end with this instance.
            Location::Unowned | Location::Unknown if self.is_draining() => self.registry.another_instance().await?,
            Location::Local | Location::Unowned | Location::Unknown => None,
        })
    }
}
