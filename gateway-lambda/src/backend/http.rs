//! The terminal service over HTTP: every request carries a token that is worth nothing for any other request.

use super::{Backend, BackendError, Caller, Close, Reply};
use crate::client::{builder, causes, chain};
use crate::clock::Clock;
use crate::config::BackendConfig;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Response, StatusCode};
use shared_protocol::gateway::{
    CLOSE_CONNECTION, CLOSE_HEADER, CLOSE_SESSION, CONNECTION_HEADER, DISCONNECT_PATH, DisconnectRequest,
    FOLLOW_HEADER, MESSAGE_PATH, NEXT_HEADER, OUTPUT_PATH, OutputRequest, RECEIVED_HEADER, REQUEST_ID_HEADER,
    TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_SECONDS, TOUCH_HEADER,
};
use shared_protocol::limits::MESSAGE_BYTES;
use shared_protocol::{ApiError, GatewayClaims, Inbound};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// Longest that a TCP and TLS handshake may take.
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// A pooled connection is dropped after this long without use: before App Runner's and the load balancers' 60 s are over.
const POOL_IDLE: Duration = Duration::from_secs(50);
/// What an answer may take beyond the wait that was asked for.
const ANSWER_GRACE: Duration = Duration::from_secs(2);

/// Speaks to the service by HTTP.
pub struct HttpBackend {
    config: BackendConfig,
    clock: Arc<dyn Clock>,
    client: OnceLock<Result<Client, String>>,
}

impl HttpBackend {
    /// Connects to nothing yet: the first request does.
    pub fn new(config: BackendConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock, client: OnceLock::new() }
    }

    /// Sends a request, and once more when a connection closed under it and the request may be repeated.
    async fn send(&self, request: Request<'_>, may_repeat: impl FnOnce() -> bool) -> Result<Response, BackendError> {
        let until = Instant::now() + request.within;
        let error = match self.send_once(&request, until).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        if closed_under(&error) && may_repeat() {
            tracing::debug!(path = request.path, "a pooled connection was closed; the request is sent once more");
            return self.send_once(&request, until).await.map_err(|error| failure(&error));
        }
        Err(failure(&error))
    }

    async fn send_once(&self, request: &Request<'_>, until: Instant) -> Result<Response, Failed> {
        let client = self.client.get_or_init(client).as_ref().map_err(|error| Failed::Here(error.clone()))?;
        let token = self.token(request).ok_or_else(|| Failed::Here("the request could not be signed".to_owned()))?;
        let mut post = client
            .post(format!("{}{}", self.config.url, request.path))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .header(CONNECTION_HEADER, request.caller.connection.as_str())
            .header(REQUEST_ID_HEADER, &request.caller.request_id)
            .timeout(until.saturating_duration_since(Instant::now()))
            .body(request.body.clone());
        // Of one message, and of no request for output that follows it.
        if let Some(at) = request.caller.received_at.filter(|_| request.path == MESSAGE_PATH) {
            post = post.header(RECEIVED_HEADER, at);
        }
        post.send().await.map_err(Failed::There)
    }

    /// Says who is speaking, for this path and body and for a minute.
    fn token(&self, request: &Request<'_>) -> Option<String> {
        let now = self.clock.unix_seconds();
        let Caller { connection, identity, .. } = request.caller;
        let claims = GatewayClaims {
            iss: TOKEN_ISSUER.to_owned(),
            aud: TOKEN_AUDIENCE.to_owned(),
            iat: now,
            exp: now + TOKEN_SECONDS,
            path: request.path.to_owned(),
            bh: auth_tokens::body_hash(&request.body),
            cid: connection.clone(),
            sid: identity.sid.clone(),
            sub: identity.sub.clone(),
            role: identity.role,
            admin: identity.admin,
            create: identity.create,
            uexp: identity.uexp,
            uiat: identity.iat,
        };
        self.config.secret.sign(&claims).ok()
    }
}

#[async_trait]
impl Backend for HttpBackend {
    async fn message(&self, caller: &Caller, body: Bytes, within: Duration) -> Result<Reply, BackendError> {
        let request = Request { caller, path: MESSAGE_PATH, body: body.clone(), within };
        let response = self.send(request, || !is_plain(&body)).await?;
        reply(response, FOLLOW_HEADER).await
    }

    async fn output(&self, caller: &Caller, follow: &str, wait: Duration) -> Result<Reply, BackendError> {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let body = body(&OutputRequest { follow: follow.to_owned(), wait_ms })?;
        let request = Request { caller, path: OUTPUT_PATH, body, within: wait + ANSWER_GRACE };
        // Asking again with the same value gives the same answer.
        let response = self.send(request, || true).await?;
        reply(response, NEXT_HEADER).await
    }

    async fn disconnect(&self, caller: &Caller, within: Duration) -> Result<(), BackendError> {
        let connection_id = caller.connection.clone();
        let body = body(&DisconnectRequest { connection_id, session_id: caller.identity.sid.clone() })?;
        let request = Request { caller, path: DISCONNECT_PATH, body, within };
        let response = self.send(request, || true).await?;
        reply(response, NEXT_HEADER).await.map(|_| ())
    }
}

/// One request.
struct Request<'a> {
    caller: &'a Caller,
    path: &'static str,
    body: Bytes,
    within: Duration,
}

/// Why a request has no answer.
enum Failed {
    /// It was never sent.
    Here(String),
    /// It was sent, or was to be.
    There(reqwest::Error),
}

fn client() -> Result<Client, String> {
    builder(CONNECT_TIME).pool_idle_timeout(POOL_IDLE).build().map_err(|error| chain(&error))
}

fn body(value: &impl serde::Serialize) -> Result<Bytes, BackendError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| BackendError::Unreachable(error.to_string()))
}

/// Whether a message is of a client that does not number what it sends: served twice, its command would run twice. This is the
/// only look into a message, and only after a connection closed under it.
fn is_plain(body: &[u8]) -> bool {
    shared_protocol::client::parse(body).is_ok_and(|envelope| matches!(envelope.inbound, Inbound::Plain(_)))
}

/// Whether a connection closed while the request was on it, as pooled ones do after the function slept.
fn closed_under(failed: &Failed) -> bool {
    let Failed::There(error) = failed else { return false };
    if error.is_timeout() || error.is_connect() {
        return false;
    }
    causes(error).any(|cause| {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
        let closed = [BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof];
        let io = cause.downcast_ref::<std::io::Error>().is_some_and(|error| closed.contains(&error.kind()));
        let http = cause.downcast_ref::<hyper::Error>();
        io || http.is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed())
    })
}

fn failure(failed: &Failed) -> BackendError {
    match failed {
        Failed::Here(reason) => BackendError::Unreachable(reason.clone()),
        Failed::There(error) if error.is_timeout() && !error.is_connect() => BackendError::Timeout,
        Failed::There(error) => BackendError::Unreachable(chain(error)),
    }
}

/// Reads an answer. `follow` is the header that names what to ask for next.
async fn reply(mut response: Response, follow: &str) -> Result<Reply, BackendError> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&Failed::There(error)))? {
        if body.len() + chunk.len() > MESSAGE_BYTES {
            return Err(BackendError::Unreachable(format!("an answer has more than {MESSAGE_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    if status != StatusCode::OK && status != StatusCode::NO_CONTENT {
        return Err(refusal(status, &body));
    }
    let text = |name: &str| text(&headers, name);
    Ok(Reply {
        frame: Some(body.freeze()).filter(|frame| !frame.is_empty()),
        follow: text(follow).map(str::to_owned),
        touch: headers.contains_key(TOUCH_HEADER),
        close: match text(CLOSE_HEADER) {
            Some(CLOSE_CONNECTION) => Some(Close::Connection),
            Some(CLOSE_SESSION) => Some(Close::Session),
            _ => None,
        },
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The service's own words, or, when something before it answered, only that.
fn refusal(status: StatusCode, body: &[u8]) -> BackendError {
    match serde_json::from_slice::<ApiError>(body) {
        Ok(error) => BackendError::Refused(error),
        Err(_) => BackendError::Unreachable(format!("{status}, and not in the service's words")),
    }
}
