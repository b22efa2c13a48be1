//! What a function's process talks to: the Lambda Runtime API over HTTP, version 2018-06-01. A listener for each process,
//! so that who is asking needs no telling. Source: Lambda developer guide, "Using the Lambda runtime API".

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

/// Largest answer of a function, in bytes. Source: Lambda quotas, invocation payload.
const ANSWER_BYTES: usize = 6 * 1024 * 1024;
/// What a process may have said before it is listened to; it says one thing at a time.
const SAID: usize = 4;

/// One event on its way to a process.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) request_id: String,
    pub(super) deadline_ms: u64,
    pub(super) function_arn: String,
    pub(super) trace_id: String,
    pub(super) event: Vec<u8>,
}

/// What a process said.
#[derive(Debug)]
pub(super) enum Said {
    /// It wants an event.
    Next(oneshot::Sender<Delivery>),
    /// It has an answer to the event of this id.
    Answer(String, Result<Bytes, InvokeError>),
    /// It cannot start.
    InitError(InvokeError),
}

/// A listener that serves one process; it ends when dropped.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) addr: SocketAddr,
    pub(super) said: mpsc::Receiver<Said>,
    _server: AbortOnDropHandle<io::Result<()>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    error_type: Option<String>,
    error_message: Option<String>,
}

impl Endpoint {
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let (say, said) = mpsc::channel(SAID);
        let invocation = "/2018-06-01/runtime/invocation";
        let app = Router::new()
            .route(&format!("{invocation}/next"), routing::get(next))
            .route(&format!("{invocation}/{{id}}/response"), routing::post(answer))
            .route(&format!("{invocation}/{{id}}/error"), routing::post(fail))
            .route("/2018-06-01/runtime/init/error", routing::post(init_error))
            .layer(DefaultBodyLimit::max(ANSWER_BYTES))
            .with_state(say);
        // As everywhere: small messages both ways, none to be held back.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let server = AbortOnDropHandle::new(tokio::spawn(axum::serve(listener, app).into_future()));
        Ok(Self { addr, said, _server: server })
    }
}

async fn next(State(say): State<mpsc::Sender<Said>>) -> Response {
    let (deliver, delivery) = oneshot::channel();
    if say.send(Said::Next(deliver)).await.is_err() {
        return StatusCode::GONE.into_response();
    }
    let Ok(delivery) = delivery.await else { return StatusCode::GONE.into_response() };
    let headers = [
        ("lambda-runtime-aws-request-id", delivery.request_id),
        ("lambda-runtime-deadline-ms", delivery.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", delivery.function_arn),
        ("lambda-runtime-trace-id", delivery.trace_id),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, delivery.event).into_response()
}

async fn answer(State(say): State<mpsc::Sender<Said>>, Path(id): Path<String>, body: Bytes) -> Response {
    accept(&say, Said::Answer(id, Ok(body))).await
}

async fn fail(State(say): State<mpsc::Sender<Said>>, Path(id): Path<String>, body: Bytes) -> Response {
    accept(&say, Said::Answer(id, Err(report(&body)))).await
}

async fn init_error(State(say): State<mpsc::Sender<Said>>, body: Bytes) -> Response {
    accept(&say, Said::InitError(report(&body))).await
}

async fn accept(say: &mpsc::Sender<Said>, said: Said) -> Response {
    match say.send(said).await {
        Ok(()) => (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response(),
        Err(_) => StatusCode::GONE.into_response(),
    }
}

fn report(body: &[u8]) -> InvokeError {
    let report = serde_json::from_slice(body).unwrap_or(Report { error_type: None, error_message: None });
    InvokeError::Function {
        kind: report.error_type.unwrap_or_else(|| "Unknown".to_owned()),
        message: report.error_message.unwrap_or_default(),
    }
}
