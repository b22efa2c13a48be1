//! A service to balance: says who it is, can be sick, slow, endless and silent. Behind a proxy, so that it can die.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::StreamExt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use test_servers::TcpProxy;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

/// One backend.
pub(crate) struct Backend {
    /// Between it and the load balancer.
    pub(crate) proxy: TcpProxy,
    /// What it is told: `wait` when a request began to wait, `gone` when its client left before the answer.
    pub(crate) told: mpsc::Receiver<&'static str>,
    inner: Arc<Inner>,
}

struct Inner {
    name: &'static str,
    healthy: AtomicBool,
    go: Notify,
    tell: mpsc::Sender<&'static str>,
}

impl Backend {
    pub(crate) async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = TcpProxy::start(listener.local_addr().unwrap()).await;
        let (tell, told) = mpsc::channel(64);
        let inner = Arc::new(Inner { name, healthy: AtomicBool::new(true), go: Notify::new(), tell });
        let routes = Router::new()
            .route("/health", get(health))
            .route("/wait", get(wait))
            .route("/endless", get(endless))
            .route("/socket", any(socket))
            .fallback(describe)
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { proxy, told, inner }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    pub(crate) fn healthy(&self, healthy: bool) {
        self.inner.healthy.store(healthy, Ordering::Relaxed);
    }

    /// Lets one request that waits be answered.
    pub(crate) fn go(&self) {
        self.inner.go.notify_one();
    }
}

async fn health(State(inner): State<Arc<Inner>>) -> StatusCode {
    if inner.healthy.load(Ordering::Relaxed) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// Says what was asked: method, path, the headers that matter here, the body's length; and who says it.
async fn describe(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let length = axum::body::to_bytes(body, usize::MAX).await.unwrap().len();
    let header = |name: &str| text(&head.headers, name);
    let text = format!(
        "{} {} host={} for={} keep={} length={length}",
        head.method,
        head.uri,
        header("host"),
        header("x-forwarded-for"),
        header("keep-alive")
    );
    ([("x-backend", inner.name)], text).into_response()
}

fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn wait(State(inner): State<Arc<Inner>>) -> &'static str {
    /// Tells that the handler was dropped before its end.
    struct Leaving(mpsc::Sender<&'static str>);
    impl Drop for Leaving {
        fn drop(&mut self) {
            self.0.try_send("gone").ok();
        }
    }
    inner.tell.send("wait").await.unwrap();
    let leaving = Leaving(inner.tell.clone());
    inner.go.notified().await;
    std::mem::forget(leaving);
    "waited"
}

/// A first piece, and nothing more.
async fn endless() -> Body {
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"first"))]);
    Body::from_stream(first.chain(futures_util::stream::pending()))
}

async fn socket(State(inner): State<Arc<Inner>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        socket.send(Message::text(inner.name)).await.unwrap();
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(message, Message::Text(_) | Message::Binary(_)) {
                socket.send(message).await.ok();
            }
        }
    })
}
