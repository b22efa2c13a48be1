//! An HTTP server that records requests and returns scripted responses.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use bytes::Bytes;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) method: Method,
    /// Path with its percent-encoding.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) struct Server {
    pub(crate) url: String,
    script: mpsc::Sender<Response<Body>>,
    arrived: mpsc::Receiver<Arrived>,
}

#[derive(Clone)]
struct Script {
    /// Responses in order.
    responses: Arc<Mutex<mpsc::Receiver<Response<Body>>>>,
    /// True if a request waits for its response to be scripted; otherwise it gets a 204.
    patient: bool,
    arrived: mpsc::Sender<Arrived>,
}

impl Server {
    /// A server that answers 204 after the end of its script.
    pub(crate) async fn start() -> Self {
        Self::new(false).await
    }

    /// A server whose requests wait for a scripted response.
    pub(crate) async fn patient() -> Self {
        Self::new(true).await
    }

    async fn new(patient: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ((sender, arrived), (script, responses)) = (mpsc::channel(64), mpsc::channel(64));
        let state = Script { responses: Arc::new(Mutex::new(responses)), patient, arrived: sender };
        let app = Router::new().fallback(answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, script, arrived }
    }

    pub(crate) fn answers(&self, status: u16, headers: &[(&str, &str)], body: impl Into<Body>) {
        let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        self.script.try_send(response.body(body.into()).unwrap()).unwrap();
    }

    /// The next request, waited for if none is recorded.
    pub(crate) async fn arrived(&mut self) -> Arrived {
        self.arrived.recv().await.unwrap()
    }

    /// Number of recorded requests that were not returned yet.
    pub(crate) fn pending(&self) -> usize {
        self.arrived.len()
    }

    pub(crate) fn clear(&mut self) {
        while self.arrived.try_recv().is_ok() {}
    }
}

async fn answer(State(script): State<Script>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path().to_owned();
    script.arrived.send(Arrived { method: parts.method, path, headers: parts.headers, body }).await.unwrap();
    let mut responses = script.responses.lock().await;
    let scripted = if script.patient { responses.recv().await } else { responses.try_recv().ok() };
    scripted.unwrap_or_else(|| Response::builder().status(204).body(Body::empty()).unwrap())
}
