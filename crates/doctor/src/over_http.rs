//! The way of pages whose network blocks WebSockets: opens a connection over HTTP requests to the service itself, and closes it.

use crate::address::Address;
use crate::clock::server_time;
use crate::connect::{ByteStream, open_stream};
use crate::diagnosis::Diagnosis;
use crate::passed_step::{PassedStep, Report};
use crate::token::Claims;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use shared_protocol::gateway::CONNECTION_HEADER;
use shared_protocol::polling::{CLOSE_PATH, FRAMES_PATH, MESSAGES_PATH};
use shared_protocol::{ApiError, ErrorCode, ServerFrame, ServerMessage};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Name of the step.
const STEP: &str = "HTTP";
/// Timeout of an answer: a service that waits may need some seconds to begin.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer, in bytes; a `pong` is far smaller.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Characters shown of an answer that is not the service's.
const MAX_BODY_CHARS: usize = 200;
/// A message that needs no session.
const PING: &str = r#"{"type":"ping","t":"doctor"}"#;

/// The user's token and its content, at this machine's time.
#[derive(Clone, Copy)]
pub(crate) struct Bearer<'a> {
    pub(crate) token: &'a str,
    pub(crate) claims: &'a Claims,
    /// In seconds since 1970.
    pub(crate) now: u64,
}

/// The service's own address, as the page's `NEXT_PUBLIC_HTTP_URL`.
struct Service<'a> {
    address: Address,
    /// The page's origin.
    origin: &'a str,
    bearer: Bearer<'a>,
    requests: SendRequest<Full<Bytes>>,
    /// Id of the connection, once it is open.
    connection: Option<HeaderValue>,
}

/// Opens a connection with a `ping`, asks for the frames of another, and closes it.
pub(crate) async fn check(
    base: &str,
    page: &Address,
    bearer: Bearer<'_>,
    report: &mut Report<'_>,
) -> Result<(), Diagnosis> {
    // The service serves only pages of listed origins.
    let origin = page.origin.as_deref().ok_or(Diagnosis::OriginNeeded)?;
    let address = Address::of_service(base)?;
    let mut no_report = |_: PassedStep| {};
    let (stream, _) = open_stream(&address, &mut no_report).await?;
    let requests = start(stream).await?;
    let mut service = Service { address, origin, bearer, requests, connection: None };
    let started = Instant::now();
    let opened = service.ask(MESSAGES_PATH, PING).await?;
    let id = opened.headers().get(CONNECTION_HEADER).cloned();
    expect_pong(opened.body())?;
    service.connection = Some(id.ok_or_else(|| unexpected("a proxy removes the header `x-connection-id`."))?);
    service.ask(MESSAGES_PATH, PING).await?;
    expect_pong(service.ask(FRAMES_PATH, r#"{"number":2}"#).await?.body())?;
    service.ask(CLOSE_PATH, "").await?;
    report(PassedStep::new(STEP, started.elapsed(), "four requests: the service works without WebSockets too"));
    Ok(())
}

/// Begins to speak HTTP.
async fn start(stream: Box<dyn ByteStream>) -> Result<SendRequest<Full<Bytes>>, Diagnosis> {
    let (requests, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|error| unexpected(error.to_string()))?;
    // It ends with the requests; a failure is that of a request.
    tokio::spawn(async { drop(connection.await) });
    Ok(requests)
}

impl Service<'_> {
    /// The answer to one request, which must be a success.
    async fn ask(&mut self, path: &str, body: &'static str) -> Result<Response<Bytes>, Diagnosis> {
        let bad = |_| Diagnosis::Token("it has a character that an HTTP header cannot hold.".into());
        let mut token = HeaderValue::try_from(format!("Bearer {}", self.bearer.token)).map_err(bad)?;
        token.set_sensitive(true);
        let base = self.address.uri.path().trim_end_matches('/');
        let mut request =
            Request::post(format!("{base}{path}?sessionId={}", self.bearer.claims.sid.as_deref().unwrap_or_default()))
                .header(header::HOST, self.address.uri.authority().map_or("", |authority| authority.as_str()))
                .header(header::AUTHORIZATION, token)
                .header(header::ORIGIN, self.origin)
                .body(Full::new(Bytes::from_static(body.as_bytes())))
                .map_err(|error| unexpected(error.to_string()))?;
        if let Some(connection) = &self.connection {
            request.headers_mut().insert(HeaderName::from_static(CONNECTION_HEADER), connection.clone());
        }
        let hint = "The service accepts connections but does not answer.";
        let seconds = ANSWER_TIMEOUT.as_secs();
        // The connection may still be busy with the end of the answer before.
        let answer = async {
            self.requests.ready().await.map_err(|error| unexpected(error.to_string()))?;
            read(self.requests.send_request(request)).await
        };
        let answer = timeout(ANSWER_TIMEOUT, answer).await;
        let answer = answer.map_err(|_| Diagnosis::Timeout { step: STEP, seconds, hint })??;
        if answer.status().is_success() {
            return Ok(answer);
        }
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.bearer.claims.check_times(self.bearer.now, server_time(answer.headers()))?;
        }
        if serde_json::from_slice::<ApiError>(answer.body()).is_ok_and(|error| error.code == ErrorCode::Forbidden) {
            let detail = "the service refuses pages of this origin: its ALLOWED_ORIGINS does not name";
            return Err(unexpected(format!("{detail} {}.", self.origin)));
        }
        let text = String::from_utf8_lossy(answer.body());
        let text: String = text.trim().chars().filter(|c| !c.is_control()).take(MAX_BODY_CHARS).collect();
        let status = answer.status().as_u16();
        Err(unexpected(format!("the service answered {status} ({text}). {}", hint_of(status))))
    }
}

/// The whole answer to a request.
async fn read(answer: impl Future<Output = hyper::Result<Response<Incoming>>>) -> Result<Response<Bytes>, Diagnosis> {
    let (head, body) = answer.await.map_err(|error| unexpected(error.to_string()))?.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|error| unexpected(error.to_string()))?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

fn expect_pong(body: &[u8]) -> Result<(), Diagnosis> {
    let frames = body.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<ServerFrame>(line).ok());
    let mut pongs = frames.filter(|frame| matches!(frame.message, ServerMessage::Pong(_)));
    let is_there = pongs.next().is_some();
    is_there.then_some(()).ok_or_else(|| unexpected("the answer is not the service's: is it the service's address?"))
}

fn hint_of(status: u16) -> &'static str {
    match status {
        401 => {
            "Check that the service's JWT_SECRET (or key), JWT_ISSUER and JWT_AUDIENCE are those that the token is made \
                for."
        }
        403..=405 => {
            "Check that it is the service's address, not the gateway's, without a path, and that the service has this version."
        }
        429 => "Too many connections of this user (MAX_CONNECTIONS_PER_USER), or requests.",
        500..=599 => "The service, or the load balancer before it, failed: see its log.",
        _ => "",
    }
}

fn unexpected(detail: impl Into<String>) -> Diagnosis {
    Diagnosis::Unexpected { step: STEP, detail: detail.into() }
}
