//! Passes a request for a session that another instance owns on to that instance, and its answer back, so that routes need not
//! know of instances. The owner checks the original token again; a request is passed on once at most.

use super::Service;
use super::auth::{Verified, unverified_session_id, verified, whole};
use super::error::Failure;
use super::observe::{PassedOn, Subject};
use crate::cluster::Location;
use crate::metrics::Forwarding;
use crate::session::SessionError;
use crate::store::Instance;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use shared_protocol::gateway::{MAX_WAIT_MS, OUTPUT_PATH};
use shared_protocol::{ErrorCode, SessionId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Says that a request was passed on already, and by which instance.
const FORWARDED: HeaderName = HeaderName::from_static("x-termgate-forwarded-by");

/// Time to reach another instance: it is one hop away, or gone.
const CONNECT: Duration = Duration::from_secs(1);

/// Time for its answer: the longest wait for output or for a plain command, and room.
const ANSWER: Duration = Duration::from_millis(MAX_WAIT_MS + 5_000);

/// A pooled connection is dropped after this long without use: before the other instance closes it, at 75 s.
const POOL_IDLE: Duration = Duration::from_secs(60);

/// Largest answer, in bytes: a frame and an error are far below.
const ANSWER_BYTES: usize = 512 * 1024;

/// Headers that belong to one connection and not to the request (RFC 9110 section 7.6.1).
const HOP_BY_HOP: [HeaderName; 6] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::HOST, header::TE, header::TRANSFER_ENCODING, header::UPGRADE];

/// Sessions whose instances are remembered, at most.
const REMEMBERED: usize = 10_000;

/// The way to other instances.
pub(super) struct Forwarder {
    client: reqwest::Client,
    me: HeaderValue,
    /// Where sessions were last: relied on only while the store, which knows better, is away.
    last: Mutex<HashMap<SessionId, Instance>>,
}

impl Forwarder {
    /// For this instance. None where the HTTP client cannot be made, which would be a fault of this program.
    pub(super) fn new(me: &str) -> Option<Self> {
        // A second installation is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().http1_only().tcp_nodelay(true).connect_timeout(CONNECT).no_proxy();
        let client = client.redirect(reqwest::redirect::Policy::none()).pool_idle_timeout(POOL_IDLE).build();
        let client = client.inspect_err(|error| tracing::error!(%error, "no requests can be passed on")).ok()?;
        Some(Self { client, me: HeaderValue::try_from(me).ok()?, last: Mutex::default() })
    }

    fn last(&self) -> MutexGuard<'_, HashMap<SessionId, Instance>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, session: &SessionId, home: Option<&Instance>) {
        let mut last = self.last();
        match home {
            Some(instance) if last.len() < REMEMBERED || last.contains_key(session) => {
                last.insert(session.clone(), instance.clone());
            }
            Some(_) => last.clear(),
            None => drop(last.remove(session)),
        }
    }
}

/// The layer.
pub(super) async fn layer(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let Some(forwarder) = &service.forwarder else { return next.run(request).await };
    let session = unverified_session_id(&request).filter(|id| service.registry.live(id).is_none());
    let Some(session) = session.filter(|_| !request.headers().contains_key(FORWARDED)) else {
        return next.run(request).await;
    };
    // Strangers cost no look-up; the handler tells them what is wrong.
    let request = match verified(&service, request).await {
        Verified::Yes(request) => request,
        Verified::No(request) => return next.run(request).await,
        Verified::Unreadable(failure) => return failure.into_response(),
    };
    let destination = match service.destination(&session).await {
        Ok(home) => {
            forwarder.remember(&session, home.as_ref());
            Ok(home)
        }
        Err(failure) => forwarder.last().get(&session).cloned().map(Some).ok_or(failure),
    };
    match destination {
        Ok(None) => next.run(request).await,
        Ok(Some(instance)) => {
            let started = Instant::now();
            let id = super::auth::request_id(request.headers()).to_owned();
            Subject::is(request.extensions(), None, Some(&session));
            let waits = request.uri().path() == OUTPUT_PATH;
            let answer = forwarder.forward(&instance, request).await;
            let outcome = match &answer {
                Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => Forwarding::Connected,
                Ok(_) => Forwarding::Answered,
                Err(_) => Forwarding::Failed,
            };
            service.metrics.requests.forwarded(outcome, (!waits).then(|| started.elapsed()));
            let mut answer = answer.unwrap_or_else(IntoResponse::into_response);
            answer.extensions_mut().insert(PassedOn);
            let (ms, status) = (started.elapsed().as_millis() as u64, answer.status().as_u16());
            tracing::info!(request = %id, %session, instance = %instance.id, ms, status, "passed on to the session's instance");
            answer
        }
        Err(failure) => failure.into_response(),
    }
}

impl Service {
    /// The instance that a request for this session is for, when it is another one.
    async fn destination(&self, session: &SessionId) -> Result<Option<Instance>, Failure> {
        let record = self.store.session(session).await.map_err(SessionError::from)?;
        let home = match &record {
            Some(record) => self.registry.location(record).await.map_err(SessionError::from)?,
            None => Location::Unowned,
        };
        Ok(match home {
            Location::Remote(instance) => instance.address.is_some().then_some(instance),
            // It would be started here, by an instance that is about to end.
            Location::Unowned | Location::Unknown if self.is_draining() => {
                self.registry.another_instance().await.map_err(SessionError::from)?
            }
            Location::Local | Location::Unowned | Location::Unknown => None,
        })
    }
}

impl Forwarder {
    async fn forward(&self, to: &Instance, mut request: Request) -> Result<Response, Failure> {
        let upgrade = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("{}{path}", to.address.as_deref().unwrap_or_default());
        let mut headers = end_to_end(&parts.headers);
        headers.insert(FORWARDED, self.me.clone());
        if upgrade.is_some() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            // The origin was checked against the host that the page knows.
            copy(&parts.headers, &mut headers, header::HOST);
        }
        let body = whole(body).await?;
        let sent = self.client.request(parts.method, url).headers(headers).body(body).timeout(ANSWER).send().await;
        let answer = sent.map_err(|error| {
            tracing::warn!(%error, instance = %to.id, "another instance does not answer");
            unreachable()
        })?;
        match upgrade {
            Some(upgrade) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => Ok(switch(upgrade, answer)),
            _ => pass_back(answer).await,
        }
    }
}

/// The answer of the owner, whole.
async fn pass_back(mut answer: reqwest::Response) -> Result<Response, Failure> {
    let (status, headers) = (answer.status(), end_to_end(answer.headers()));
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| unreachable())? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(unreachable());
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, headers, Body::from(Bytes::from(body))).into_response())
}

/// Carries the bytes of a WebSocket both ways until one side is done.
fn switch(upgrade: hyper::upgrade::OnUpgrade, answer: reqwest::Response) -> Response {
    let mut headers = end_to_end(answer.headers());
    copy(answer.headers(), &mut headers, header::CONNECTION);
    copy(answer.headers(), &mut headers, header::UPGRADE);
    tokio::spawn(async move {
        let (Ok(browser), Ok(mut owner)) = tokio::join!(upgrade, answer.upgrade()) else { return };
        let mut browser = TokioIo::new(browser);
        // However it ends: both are closed, and the browser comes back.
        let _ = tokio::io::copy_bidirectional(&mut browser, &mut owner).await;
    });
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, name: HeaderName) {
    if let Some(value) = from.get(&name) {
        to.insert(name, value.clone());
    }
}

fn unreachable() -> Failure {
    Failure::new(ErrorCode::BackendUnreachable, "the session's instance does not answer; try again")
}
