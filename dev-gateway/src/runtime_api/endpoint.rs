//! The Lambda Runtime API over HTTP, version 2018-06-01. Each process has its own listener, which identifies the
//! process. Source: Lambda developer guide, "Using the Lambda runtime API".

use crate::invoke::InvokeError;
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing;
use axum::serve::ListenerExt;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use std::future::IntoFuture;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// Largest answer of a function. Source: Lambda quotas, invocation payload.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;
/// Requests of a process that may wait; it sends one at a time.
const MAX_WAITING_REQUESTS: usize = 4;

#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) deadline_ms: u64,
    pub(super) function_arn: String,
    pub(super) trace_id: String,
    pub(super) event: Vec<u8>,
}

#[derive(Debug)]
pub(super) enum RuntimeRequest {
    /// Asks for the next event.
    Next(oneshot::Sender<Invocation>),
    /// Answers the event with this id.
    Answer(String, Result<Bytes, InvokeError>),
    /// Reports that the process cannot start.
    InitError(InvokeError),
}

/// The listener of one process; ends when dropped.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) addr: SocketAddr,
    pub(super) requests: mpsc::Receiver<RuntimeRequest>,
    _server: AbortOnDropHandle<io::Result<()>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorReport {
    error_type: Option<String>,
    error_message: Option<String>,
}

type Requests = mpsc::Sender<RuntimeRequest>;

impl Endpoint {
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let (sender, requests) = mpsc::channel(MAX_WAITING_REQUESTS);
        let invocation = "/2018-06-01/runtime/invocation";
        let app = Router::new()
            .route(&format!("{invocation}/next"), routing::get(next))
            .route(&format!("{invocation}/{{id}}/response"), routing::post(answer))
            .route(&format!("{invocation}/{{id}}/error"), routing::post(fail))
            .route("/2018-06-01/runtime/init/error", routing::post(init_error))
            .layer(DefaultBodyLimit::max(MAX_ANSWER_BYTES))
            .with_state(sender);
        // Nagle's algorithm would delay small messages.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let server = AbortOnDropHandle::new(tokio::spawn(axum::serve(listener, app).into_future()));
        Ok(Self { addr, requests, _server: server })
    }
}

async fn next(State(requests): State<Requests>) -> Response {
    let (deliver, invocation) = oneshot::channel();
    if requests.send(RuntimeRequest::Next(deliver)).await.is_err() {
        return StatusCode::GONE.into_response();
    }
    let Ok(invocation) = invocation.await else { return StatusCode::GONE.into_response() };
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn),
        ("lambda-runtime-trace-id", invocation.trace_id),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, invocation.event).into_response()
}

async fn answer(State(requests): State<Requests>, Path(id): Path<String>, body: Bytes) -> Response {
    accept(&requests, RuntimeRequest::Answer(id, Ok(body))).await
}

async fn fail(State(requests): State<Requests>, Path(id): Path<String>, body: Bytes) -> Response {
    accept(&requests, RuntimeRequest::Answer(id, Err(report(&body)))).await
}

async fn init_error(State(requests): State<Requests>, body: Bytes) -> Response {
    accept(&requests, RuntimeRequest::InitError(report(&body))).await
}

async fn accept(requests: &Requests, request: RuntimeRequest) -> Response {
    match requests.send(request).await {
        Ok(()) => (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response(),
        Err(_) => StatusCode::GONE.into_response(),
    }
}

fn report(body: &[u8]) -> InvokeError {
    let report = serde_json::from_slice(body).unwrap_or(ErrorReport { error_type: None, error_message: None });
    let kind = report.error_type.as_deref().unwrap_or("Unknown");
    InvokeError::function(kind, &report.error_message.unwrap_or_default())
}
