//! Forwards a request for a session that another instance owns to that instance, so that handlers need not know of instances.
//! The owner verifies the original token again; a request is forwarded at most once.

use super::access_log::{RequestContext, request_id};
use super::auth::{TerminalQuery, bearer, session_in_path};
use super::context::{GATEWAY_PREFIX, ServiceContext, TERMINAL_PATH};
use super::error::{HttpError, read_body};
use super::peer_client::{FORWARDED_BY, Forwarded, PeerClient};
use crate::cluster::Location;
use crate::metrics::ForwardOutcome;
use crate::relay::Relays;
use crate::store::{Instance, InstanceId};
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared_protocol::SessionId;
use shared_protocol::relay::{RELAY_PATH, RelayQuestion};
use std::sync::Arc;
use tokio::time::Instant;

pub(super) async fn layer(State(service): State<Arc<ServiceContext>>, request: Request, next: Next) -> Response {
    let Some(peers) = service.peers.as_ref().filter(|_| !request.headers().contains_key(FORWARDED_BY)) else {
        return next.run(request).await;
    };
    if request.uri().path() == RELAY_PATH {
        return forward_question(&service, peers, request, next).await;
    }
    let Some(session) = requested_session(&request).filter(|id| service.registry.live(id).is_none()) else {
        return next.run(request).await;
    };
    // Verified here so that an invalid token costs no store call; the handler answers it.
    let request = match verify(&service, request).await {
        Ok((true, request)) => request,
        Ok((false, request)) => return next.run(request).await,
        Err(error) => return error.into_response(),
    };
    let destination = match service.destination(&session).await {
        Ok(instance) => {
            peers.remember(&session, instance.as_ref());
            instance
        }
        Err(error) => match peers.last_known(&session) {
            Some(instance) => Some(instance),
            None => return error.into_response(),
        },
    };
    let Some(instance) = destination else { return next.run(request).await };
    let started = Instant::now();
    let id = request_id(request.headers()).to_owned();
    RequestContext::set(request.extensions(), None, Some(&session));
    let result = peers.forward(&instance, request).await;
    let response = forwarded(&service, result, Some(started));
    let (ms, status) = (started.elapsed().as_millis() as u64, response.status().as_u16());
    tracing::info!(request = %id, %session, instance = %instance.id, ms, status, "passed on to the session's instance");
    response
}

/// Records the outcome of a forwarded request; `started` is `None` for a long poll, whose duration says nothing.
fn forwarded(service: &ServiceContext, result: Result<Response, HttpError>, started: Option<Instant>) -> Response {
    let outcome = match &result {
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => ForwardOutcome::Connected,
        Ok(_) => ForwardOutcome::Answered,
        Err(_) => ForwardOutcome::Failed,
    };
    service.metrics.requests.record_forward(outcome, started.map(|started| started.elapsed()));
    let mut response = result.unwrap_or_else(IntoResponse::into_response);
    response.extensions_mut().insert(Forwarded);
    response
}

/// Forwards a relay's question to the instance that granted the relay. The instance is looked up among the living: what the
/// grant says is an id and never an address. A question that fails is sent once more; its number makes that safe.
async fn forward_question(service: &ServiceContext, peers: &PeerClient, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let again = |parts: &Parts| Request::from_parts(parts.clone(), Body::from(body.clone()));
    let token = bearer(&parts.headers).unwrap_or_default();
    let is_valid = service.config.auth.gateway.verify_relay(token, RELAY_PATH, &body, service.now_seconds()).is_ok();
    let owner = serde_json::from_slice::<RelayQuestion>(&body).ok().filter(|_| is_valid);
    let owner = owner.map(|question| InstanceId(Relays::instance_of(&question.relay).to_owned()));
    let Some(owner) = owner.filter(|owner| owner != service.registry.instance_id()) else {
        return next.run(again(&parts)).await;
    };
    let instance = match peers.instance(&owner) {
        Some(instance) => Some(instance),
        None => service.registry.instance(&owner).await.ok().flatten().filter(|found| found.address.is_some()),
    };
    // The handler tells a relay of a dead instance to stop.
    let Some(instance) = instance else { return next.run(again(&parts)).await };
    peers.remember_instance(&instance);
    let mut result = peers.forward(&instance, again(&parts)).await;
    if result.is_err() {
        peers.forget_instance(&owner);
        result = peers.forward(&instance, again(&parts)).await;
    }
    forwarded(service, result, None)
}

/// The session that a request names, before its token is verified.
fn requested_session(request: &Request) -> Option<SessionId> {
    let path = request.uri().path();
    if path.starts_with(GATEWAY_PREFIX) {
        return auth_tokens::unverified_session_id(bearer(request.headers())?);
    }
    if path == TERMINAL_PATH {
        let Query(query) = Query::<TerminalQuery>::try_from_uri(request.uri()).ok()?;
        return match query.session {
            Some(id) => SessionId::new(id).ok(),
            None => auth_tokens::unverified_session_id(&query.token?),
        };
    }
    session_in_path(path)
}

/// Verifies a request's token, of either kind; returns whether it is valid, and the request with its body read.
async fn verify(service: &ServiceContext, request: Request) -> Result<(bool, Request), HttpError> {
    let (auth, now) = (&service.config.auth, service.now_seconds());
    let path = request.uri().path().to_owned();
    if path == TERMINAL_PATH {
        let query = Query::<TerminalQuery>::try_from_uri(request.uri()).ok();
        let token = query.and_then(|Query(query)| query.token);
        return Ok((token.is_some_and(|token| auth.users.verify(&token, now).is_ok()), request));
    }
    let Some(token) = bearer(request.headers()).map(str::to_owned) else { return Ok((false, request)) };
    if !path.starts_with(GATEWAY_PREFIX) {
        return Ok((auth.users.verify(&token, now).is_ok(), request));
    }
    let (parts, body) = request.into_parts();
    let body = read_body(body).await?;
    let valid = auth.gateway.verify(&token, &path, &body, now).is_ok();
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
