//! The terminal service over HTTP. Every request carries a token that is valid for this request only.

use super::{Backend, BackendError, Caller, Next, RelayAnswer, Reply};
use crate::browser::Endpoint;
use crate::clock::Clock;
use crate::config::BackendConfig;
use crate::http_client::{builder, causes, error_chain};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Response, StatusCode, Url};
use shared_protocol::gateway::{
    CLOSE_CONNECTION, CLOSE_HEADER, CONNECTION_HEADER, DISCONNECT_PATH, DisconnectRequest, MESSAGE_PATH,
    RECEIVED_HEADER, REQUEST_ID_HEADER, TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_SECONDS, TOUCH_HEADER,
};
use shared_protocol::limits::MESSAGE_BYTES;
use shared_protocol::relay::{
    GRANT_HEADER, MAX_ANSWER_BODY_BYTES, NEXT_HEADER, NEXT_NOW, NEXT_SETTLED, RELAY_AUDIENCE, RELAY_PATH,
    RELAY_TOKEN_SECONDS, RELAY_VERSION, RELAYS_HEADER, RelayFrame, RelayQuestion,
};
use shared_protocol::{ApiError, GatewayClaims, Inbound, RelayClaims};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time after which an idle pooled connection is closed: less than the 60 s of App Runner and of load balancers.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// The service over HTTP, with one pool of connections.
pub struct HttpBackend {
    config: BackendConfig,
    clock: Arc<dyn Clock>,
    /// Made for the first request; an error stays.
    service: OnceLock<Result<Service, String>>,
}

/// The service as requests reach it.
struct Service {
    client: Client,
    /// Its address. Parsed once: a host name costs a twentieth of a message's processor time.
    url: Url,
}

impl Service {
    fn new(config: &BackendConfig) -> Result<Self, String> {
        let client = builder(CONNECT_TIMEOUT).pool_idle_timeout(POOL_IDLE_TIMEOUT).build();
        let url = Url::parse(&config.url).map_err(|error| error_chain(&error))?;
        Ok(Self { client: client.map_err(|error| error_chain(&error))?, url })
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        url
    }
}

impl HttpBackend {
    /// Opens no connection: the first request does.
    pub fn new(config: BackendConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock, service: OnceLock::new() }
    }

    /// Sends a request, and retries it once if its connection closed and the request is idempotent.
    async fn send(&self, request: Request<'_>, is_idempotent: impl FnOnce() -> bool) -> Result<Response, BackendError> {
        let until = Instant::now() + request.timeout;
        let error = match self.send_once(&request, until).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        if connection_closed(&error) && is_idempotent() {
            tracing::debug!(path = request.path, "pooled connection closed; retrying the request");
            return self.send_once(&request, until).await.map_err(|error| backend_error(&error));
        }
        Err(backend_error(&error))
    }

    async fn send_once(&self, request: &Request<'_>, until: Instant) -> Result<Response, SendError> {
        let service = self.service.get_or_init(|| Service::new(&self.config));
        let service = service.as_ref().map_err(|error| SendError::NotSent(error.clone()))?;
        let unsigned = || SendError::NotSent("the request could not be signed".to_owned());
        let token = self.sign(request).ok_or_else(unsigned)?;
        let mut post = service
            .client
            .post(service.url(request.path))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .timeout(until.saturating_duration_since(Instant::now()))
            .body(request.body.clone());
        if let Sender::Connection(caller) = request.sender {
            post = post
                .header(CONNECTION_HEADER, caller.connection.as_str())
                .header(REQUEST_ID_HEADER, &caller.request_id);
        }
        if let (MESSAGE_PATH, Sender::Connection(caller)) = (request.path, request.sender) {
            post = post.header(RELAYS_HEADER, RELAY_VERSION);
            if let Some(at) = caller.received_at {
                post = post.header(RECEIVED_HEADER, at);
            }
        }
        post.send().await.map_err(|error| SendError::Http(error.without_url()))
    }

    /// A token of the sender for this path and body; `None` for a caller without an identity.
    fn sign(&self, request: &Request<'_>) -> Option<String> {
        let now = self.clock.now_seconds();
        let (path, bh) = (request.path.to_owned(), auth_tokens::body_hash(&request.body));
        let caller = match request.sender {
            Sender::Connection(caller) => caller,
            Sender::Relay(endpoint) => {
                let claims = RelayClaims {
                    iss: TOKEN_ISSUER.to_owned(),
                    aud: RELAY_AUDIENCE.to_owned(),
                    iat: now,
                    exp: now + RELAY_TOKEN_SECONDS,
                    path,
                    bh,
                    ep: endpoint.api().to_owned(),
                };
                return self.config.secret.sign_relay(&claims).ok();
            }
        };
        let identity = caller.identity.as_ref()?;
        let claims = GatewayClaims {
            iss: TOKEN_ISSUER.to_owned(),
            aud: TOKEN_AUDIENCE.to_owned(),
            iat: now,
            exp: now + TOKEN_SECONDS,
            path,
            bh,
            jti: Some(caller.request_id.clone()),
            cid: caller.connection.clone(),
            ep: caller.endpoint.api().to_owned(),
            sid: identity.sid.clone(),
            carrier: identity.carrier,
            sub: identity.sub.clone(),
            role: identity.role,
            admin: identity.admin,
            create: identity.create,
            uexp: identity.uexp,
            uiat: identity.iat,
            class: identity.class.clone(),
        };
        self.config.secret.sign(&claims).ok()
    }
}

#[async_trait]
impl Backend for HttpBackend {
    async fn message(&self, caller: &Caller, body: Bytes, timeout: Duration) -> Result<Reply, BackendError> {
        let sender = Sender::Connection(caller);
        let request = Request { sender, path: MESSAGE_PATH, body: body.clone(), timeout };
        // A message without a number counts once: if it arrived the first time, a retry would be refused as a replay. The gateway
        // looks into a message only here, after a connection closed.
        let is_plain = || {
            shared_protocol::client::parse(&body).is_ok_and(|envelope| matches!(envelope.inbound, Inbound::Plain(_)))
        };
        let response = self.send(request, || !is_plain()).await?;
        reply(response).await
    }

    async fn relay(
        &self,
        endpoint: &Endpoint,
        question: &RelayQuestion,
        timeout: Duration,
    ) -> Result<RelayAnswer, BackendError> {
        let request = Request { sender: Sender::Relay(endpoint), path: RELAY_PATH, body: body(question)?, timeout };
        let (headers, body) = read(self.send(request, || true).await?, MAX_ANSWER_BODY_BYTES).await?;
        let frames = RelayFrame::decode_all(body).map_err(|error| BackendError::Unreachable(error.to_string()))?;
        let next = match text(&headers, NEXT_HEADER) {
            Some(NEXT_NOW) => Some(Next::Now),
            Some(NEXT_SETTLED) => Some(Next::Settled),
            _ => None,
        };
        Ok(RelayAnswer { frames, next })
    }

    async fn disconnect(&self, caller: &Caller, timeout: Duration) -> Result<(), BackendError> {
        let session_id = caller.identity.as_ref().and_then(|identity| identity.sid.clone());
        let body = body(&DisconnectRequest { connection_id: caller.connection.clone(), session_id })?;
        let request = Request { sender: Sender::Connection(caller), path: DISCONNECT_PATH, body, timeout };
        let response = self.send(request, || true).await?;
        read(response, MESSAGE_BYTES).await.map(|_| ())
    }
}

#[derive(Clone, Copy)]
enum Sender<'a> {
    /// A connection, on behalf of its user.
    Connection(&'a Caller),
    /// A relay of this API, which acts for no user.
    Relay(&'a Endpoint),
}

struct Request<'a> {
    sender: Sender<'a>,
    path: &'static str,
    body: Bytes,
    timeout: Duration,
}

enum SendError {
    /// It was not sent.
    NotSent(String),
    /// The connection or the response failed.
    Http(reqwest::Error),
}

fn body(value: &impl serde::Serialize) -> Result<Bytes, BackendError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| BackendError::Unreachable(error.to_string()))
}

/// True if the connection closed during the request, as pooled connections do while the function is frozen.
fn connection_closed(error: &SendError) -> bool {
    let SendError::Http(error) = error else { return false };
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

fn backend_error(error: &SendError) -> BackendError {
    match error {
        SendError::NotSent(reason) => BackendError::Unreachable(reason.clone()),
        SendError::Http(error) if error.is_timeout() && !error.is_connect() => BackendError::Timeout,
        SendError::Http(error) => BackendError::Unreachable(error_chain(error)),
    }
}

/// Headers and body of a response, if the service did not refuse.
async fn read(mut response: Response, max_bytes: usize) -> Result<(HeaderMap, Bytes), BackendError> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| backend_error(&SendError::Http(error)))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(BackendError::Unreachable(format!("a response has more than {max_bytes} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    if status != StatusCode::OK && status != StatusCode::NO_CONTENT {
        return Err(refused(status, &body));
    }
    Ok((headers, body.freeze()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The reply to a message.
async fn reply(response: Response) -> Result<Reply, BackendError> {
    let (headers, body) = read(response, MESSAGE_BYTES).await?;
    Ok(Reply {
        frame: Some(body).filter(|frame| !frame.is_empty()),
        grant: text(&headers, GRANT_HEADER).map(str::to_owned),
        touch: headers.contains_key(TOUCH_HEADER),
        close: text(&headers, CLOSE_HEADER) == Some(CLOSE_CONNECTION),
    })
}

/// The service's own error; only the status if a proxy on the way answered instead.
fn refused(status: StatusCode, body: &[u8]) -> BackendError {
    match serde_json::from_slice::<ApiError>(body) {
        Ok(error) => BackendError::Refused(error),
        Err(_) => BackendError::Unreachable(format!("{status}, without an error of the service")),
    }
}
