//! An HTTP server that records requests and returns scripted responses.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

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

/// Responses in order; after the end, 204.
type Script = Arc<Mutex<VecDeque<Response<Body>>>>;

pub(crate) struct Server {
    pub(crate) url: String,
    script: Script,
    arrived: mpsc::Receiver<Arrived>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, arrived) = mpsc::channel(64);
        let script = Script::default();
        let app = Router::new().fallback(answer).with_state((sender, script.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, script, arrived }
    }

    pub(crate) fn answers(&self, status: u16, headers: &[(&str, &str)], body: impl Into<Body>) {
        let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        self.script.lock().unwrap().push_back(response.body(body.into()).unwrap());
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

async fn answer(State((sender, script)): State<(mpsc::Sender<Arrived>, Script)>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path().to_owned();
    sender.send(Arrived { method: parts.method, path, headers: parts.headers, body }).await.unwrap();
    let scripted = script.lock().unwrap().pop_front();
    scripted.unwrap_or_else(|| Response::builder().status(204).body(Body::empty()).unwrap())
}
