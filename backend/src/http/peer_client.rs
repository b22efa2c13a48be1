//! The HTTP client for other instances: sends them a request unchanged and returns their response.

use super::error::{HttpError, MAX_BODY_BYTES, MAX_CHECK_BODY_BYTES, read_long_body};
use crate::store::{Instance, InstanceId};
use crate::terminal::{CHECK_MARGIN, MAX_CHECK_TIME};
use crate::wall::MAX_ANSWER_BYTES;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use shared_protocol::gateway::MAX_WAIT_MS;
use shared_protocol::{ErrorCode, SessionId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Header of a forwarded request: the instance that forwarded it. Such a request is never forwarded again.
pub(super) const FORWARDED_BY: HeaderName = HeaderName::from_static("x-termgate-forwarded-by");

/// Time to connect: another instance is one hop away, or gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Time for the response: the longest wait for output or for a one-shot command, and 5 s.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(MAX_WAIT_MS + 5_000);

/// Idle time of a pooled connection; below the 75 s after which the other instance closes it.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// End of the path of a check, whose body holds a script.
const CHECKS_SUFFIX: &str = "/checks";

/// Largest response, in bytes: frames and errors are far smaller.
const MAX_RESPONSE_BYTES: usize = 512 * 1024;

/// Bytes of an answer around its items.
const ANSWER_FRAME_BYTES: usize = 64;

/// Header of a request that was forwarded from memory: the receiver handles it only if it has the session.
pub(super) const FROM_MEMORY: HeaderName = HeaderName::from_static("x-termgate-from-memory");

/// Headers that belong to one connection and not to the request (RFC 9110 section 7.6.1).
const HOP_BY_HOP: [HeaderName; 6] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::HOST, header::TE, header::TRANSFER_ENCODING, header::UPGRADE];

/// Time after an answer in which an instance is asked without the store: less than the store takes to find it dead.
const MEMORY_TTL: Duration = Duration::from_secs(10);

/// Keys whose instance is remembered, at most; then all are forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// Extension of a response that another instance gave and logged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forwarded;

/// Instances by what they have, until one says otherwise or does not answer. Each has the time of its last answer.
#[derive(Clone)]
pub(super) struct InstanceMemory<K>(Arc<Mutex<HashMap<K, (Instance, Instant)>>>);

impl<K: Eq + Hash + Clone> InstanceMemory<K> {
    /// The instance that was remembered last, however long ago.
    pub(super) fn last(&self, key: &K) -> Option<Instance> {
        self.0.lock().get(key).map(|(instance, _)| instance.clone())
    }

    /// The instance, if it has answered lately: the store finds one that is dead or suspended, and memory does not.
    pub(super) fn get(&self, key: &K) -> Option<Instance> {
        let now = Instant::now();
        self.0.lock().get(key).filter(|(_, at)| now < *at + MEMORY_TTL).map(|(instance, _)| instance.clone())
    }

    pub(super) fn remember(&self, key: &K, instance: &Instance) {
        let mut known = self.0.lock();
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert(key.clone(), (instance.clone(), Instant::now()));
    }

    pub(super) fn forget(&self, key: &K) {
        self.0.lock().remove(key);
    }
}

/// Sends requests to other instances.
#[derive(Clone)]
pub(super) struct PeerClient {
    pub(super) client: reqwest::Client,
    pub(super) instance: HeaderValue,
    /// The instance of each session.
    pub(super) owners: InstanceMemory<SessionId>,
    /// Instances that granted relays, each of whose questions needs one.
    pub(super) instances: InstanceMemory<InstanceId>,
}

impl PeerClient {
    /// The client of this instance. `None` if the HTTP client cannot be built, which is a bug.
    pub(super) fn new(instance: &str) -> Option<Self> {
        // Fails if a provider is installed already, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().http1_only().tcp_nodelay(true).connect_timeout(CONNECT_TIMEOUT);
        let client = client.no_proxy().redirect(reqwest::redirect::Policy::none()).pool_idle_timeout(POOL_IDLE_TIMEOUT);
        let client = client.build().inspect_err(|error| tracing::error!(%error, "no request can be forwarded")).ok()?;
        Some(Self {
            client,
            instance: HeaderValue::try_from(instance).ok()?,
            owners: InstanceMemory(Arc::default()),
            instances: InstanceMemory(Arc::default()),
        })
    }

    /// Sends a request to another instance and returns its whole response. A WebSocket is relayed in a task of its own.
    pub(super) async fn forward(&self, to: &Instance, mut request: Request) -> Result<Response, HttpError> {
        let upgrade = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("{}{path}", to.address.as_deref().unwrap_or_default());
        let mut headers = end_to_end(&parts.headers);
        headers.insert(FORWARDED_BY, self.instance.clone());
        if upgrade.is_some() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        if upgrade.is_some() || parts.headers.contains_key(header::ORIGIN) {
            // The owner compares the page's origin with the host that the page used.
            copy(&parts.headers, &mut headers, header::HOST);
        }
        let (most, within) = if parts.uri.path().ends_with(CHECKS_SUFFIX) {
            (MAX_CHECK_BODY_BYTES, MAX_CHECK_TIME + CHECK_MARGIN)
        } else {
            (MAX_BODY_BYTES, RESPONSE_TIMEOUT)
        };
        let body = read_long_body(body, most).await?;
        let request = self.client.request(parts.method, url).headers(headers).body(body).timeout(within);
        // The URL has the query, whose token opens the session.
        let response = request.send().await.map_err(reqwest::Error::without_url).map_err(|error| {
            tracing::warn!(%error, instance = %to.id, "another instance does not answer");
            unreachable()
        })?;
        match upgrade {
            Some(upgrade) if response.status() == StatusCode::SWITCHING_PROTOCOLS => Ok(relay(upgrade, response)),
            _ => read_response(response).await,
        }
    }
}

impl PeerClient {
    /// Asks another instance a question of this one; `None` without an answer of a bounded length. The caller bounds the time.
    pub(super) async fn ask(&self, to: &Instance, path: &str, token: &str, body: Vec<u8>) -> Option<Bytes> {
        let url = format!("{}{path}", to.address.as_deref()?);
        let request = self.client.post(url).bearer_auth(token).header(FORWARDED_BY, self.instance.clone()).body(body);
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        let answer = answer.map_err(reqwest::Error::without_url).inspect_err(
            |error| tracing::warn!(%error, instance = %to.id, "another instance does not answer a question"),
        );
        let body = Limited::new(reqwest::Body::from(answer.ok()?), MAX_ANSWER_BYTES + ANSWER_FRAME_BYTES);
        Some(body.collect().await.ok()?.to_bytes())
    }
}

async fn read_response(response: reqwest::Response) -> Result<Response, HttpError> {
    let (status, headers) = (response.status(), end_to_end(response.headers()));
    let body = Limited::new(reqwest::Body::from(response), MAX_RESPONSE_BYTES).collect().await;
    let body = body.map_err(|_| unreachable())?.to_bytes();
    Ok((status, headers, body).into_response())
}

/// Accepts the browser's upgrade, and copies bytes both ways until one side closes.
fn relay(upgrade: hyper::upgrade::OnUpgrade, response: reqwest::Response) -> Response {
    let mut headers = end_to_end(response.headers());
    copy(response.headers(), &mut headers, header::CONNECTION);
    copy(response.headers(), &mut headers, header::UPGRADE);
    tokio::spawn(async move {
        let (Ok(browser), Ok(mut owner)) = tokio::join!(upgrade, response.upgrade()) else { return };
        // Both sides close on any error, and the browser reconnects.
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(browser), &mut owner).await;
    });
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

pub(super) fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

pub(super) fn copy(from: &HeaderMap, to: &mut HeaderMap, name: HeaderName) {
    if let Some(value) = from.get(&name) {
        to.insert(name, value.clone());
    }
}

pub(super) fn unreachable() -> HttpError {
    HttpError::new(ErrorCode::BackendUnreachable, "the session's instance does not answer; try again")
}
