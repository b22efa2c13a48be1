//! Forwards a request for a session that another instance owns to that instance, so that handlers need not know of instances.
//! The owner verifies the original token again; a request is forwarded at most once.

use super::access_log::{RequestContext, request_id};
use super::auth::{TerminalQuery, bearer, session_in_path};
use super::context::{GATEWAY_PREFIX, ServiceContext, TERMINAL_PATH};
use super::error::{HttpError, read_body};
use super::peer_client::{FORWARDED_BY, Forwarded};
use crate::cluster::Location;
use crate::metrics::ForwardOutcome;
use crate::store::Instance;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared_protocol::SessionId;
use shared_protocol::gateway::OUTPUT_PATH;
use std::sync::Arc;
use tokio::time::Instant;

pub(super) async fn layer(State(service): State<Arc<ServiceContext>>, request: Request, next: Next) -> Response {
    let Some(peers) = service.peers.as_ref().filter(|_| !request.headers().contains_key(FORWARDED_BY)) else {
        return next.run(request).await;
    };
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
    let is_long_poll = request.uri().path() == OUTPUT_PATH;
    let result = peers.forward(&instance, request).await;
    let outcome = match &result {
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => ForwardOutcome::Connected,
        Ok(_) => ForwardOutcome::Answered,
        Err(_) => ForwardOutcome::Failed,
    };
    service.metrics.requests.record_forward(outcome, (!is_long_poll).then(|| started.elapsed()));
    let mut response = result.unwrap_or_else(IntoResponse::into_response);
    response.extensions_mut().insert(Forwarded);
    let (ms, status) = (started.elapsed().as_millis() as u64, response.status().as_u16());
    tracing::info!(request = %id, %session, instance = %instance.id, ms, status, "passed on to the session's instance");
    response
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
