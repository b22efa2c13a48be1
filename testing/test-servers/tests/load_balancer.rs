//! The load balancer distributes, checks health, counts responses, and retries nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{any, get};
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use test_servers::{LoadBalancer, TcpProxy};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use websocket::Opening;

const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A service behind a fault-injecting proxy.
struct Backend {
    proxy: TcpProxy,
    /// `waiting` when `/wait` is called, `cancelled` when its client closed the connection before the response.
    events: mpsc::Receiver<&'static str>,
    healthy: Arc<AtomicBool>,
    /// Lets one `/wait` be answered.
    respond: Arc<Notify>,
}

impl Backend {
    async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = TcpProxy::start(listener.local_addr().unwrap()).await;
        let (sender, events) = mpsc::channel(64);
        let (healthy, respond) = (Arc::new(AtomicBool::new(true)), Arc::new(Notify::new()));
        let (health, notified) = (Arc::clone(&healthy), Arc::clone(&respond));
        let routes = Router::new()
            .route("/name", get(async move || name))
            .route(
                "/health",
                get(async move || match health.load(Ordering::Relaxed) {
                    true => StatusCode::OK,
                    false => StatusCode::SERVICE_UNAVAILABLE,
                }),
            )
            .route("/wait", get(async move || wait(sender, notified).await))
            .route("/socket", any(async move |opening| echo(name, opening)));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { proxy, events, healthy, respond }
    }

    fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    async fn event(&mut self) -> Option<&'static str> {
        timeout(TEST_TIMEOUT, self.events.recv()).await.unwrap()
    }
}

async fn wait(events: mpsc::Sender<&'static str>, respond: Arc<Notify>) -> &'static str {
    struct CancelGuard(mpsc::Sender<&'static str>);
    impl Drop for CancelGuard {
        fn drop(&mut self) {
            self.0.try_send("cancelled").ok();
        }
    }
    events.send("waiting").await.unwrap();
    let guard = CancelGuard(events);
    respond.notified().await;
    std::mem::forget(guard);
    "waited"
}

fn echo(name: &'static str, opening: Opening) -> Response {
    opening.serve(None, WebSocketConfig::default(), async move |mut socket| {
        socket.send(Message::text(name)).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            socket.send(message).await.ok();
        }
    })
}

/// A client whose requests share one connection.
struct Client(reqwest::Client, String);

impl Client {
    fn new(balancer: &LoadBalancer) -> Self {
        // reqwest needs a TLS provider even for plain HTTP. Fails when another test has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self(reqwest::Client::new(), format!("http://{}", balancer.address()))
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.0.get(format!("{}{path}", self.1)).timeout(TEST_TIMEOUT).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Names of the backends that answer the next two requests, in order.
    async fn two_names(&self) -> [String; 2] {
        let mut names = [self.get("/name").await, self.get("/name").await].map(|(status, name)| {
            assert_eq!(status, 200);
            name
        });
        names.sort();
        names
    }
}

async fn two() -> (Backend, Backend, LoadBalancer) {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let balancer = LoadBalancer::start(&[a.address(), b.address()]).await;
    (a, b, balancer)
}

#[tokio::test]
async fn requests_on_one_connection_are_distributed_and_counted() {
    let (_a, _b, balancer) = two().await;
    let client = Client::new(&balancer);
    for _ in 0..10 {
        assert_eq!(client.two_names().await, ["a", "b"]);
    }
    let responses = balancer.responses().await;
    assert_eq!((responses.total, responses.server_errors), (20, 0));
}

#[tokio::test]
async fn an_unhealthy_backend_is_taken_out_and_comes_back() {
    let (a, b, balancer) = two().await;
    let client = Client::new(&balancer);
    a.healthy.store(false, Ordering::Relaxed);
    balancer.wait_healthy(1).await;
    assert_eq!(client.two_names().await, ["b", "b"]);
    a.healthy.store(true, Ordering::Relaxed);
    balancer.wait_healthy(2).await;
    assert_eq!(client.two_names().await, ["a", "b"]);

    a.proxy.cut().await;
    balancer.wait_healthy(1).await;
    b.proxy.stall().await;
    balancer.wait_healthy(0).await;
    assert_eq!(client.get("/name").await.0, 503);
    a.proxy.restore().await;
    b.proxy.restore().await;
    balancer.wait_healthy(2).await;
    assert_eq!(client.two_names().await, ["a", "b"]);
    assert_eq!(balancer.responses().await.server_errors, 1);
}

#[tokio::test]
async fn a_request_in_flight_on_a_dying_backend_is_not_retried() {
    let (mut a, mut b, balancer) = two().await;
    let client = Client::new(&balancer);
    let ((status, _), ()) = tokio::join!(client.get("/wait"), async {
        let called = tokio::select! {
            event = a.events.recv() => (event, &a.proxy),
            event = b.events.recv() => (event, &b.proxy),
        };
        assert_eq!(called.0, Some("waiting"));
        called.1.cut().await;
    });
    assert_eq!(status, 502);
    assert!(a.events.try_recv().into_iter().chain(b.events.try_recv()).all(|event| event == "cancelled"));
}

#[tokio::test]
async fn a_long_poll_is_answered_late_and_an_abandoned_one_is_cancelled() {
    let mut a = Backend::start("a").await;
    let balancer = LoadBalancer::start(&[a.address()]).await;
    let client = Client::new(&balancer);
    let (answer, ()) = tokio::join!(client.get("/wait"), async {
        assert_eq!(a.event().await, Some("waiting"));
        a.respond.notify_one();
    });
    assert_eq!(answer, (200, "waited".into()));
    let abandoned = tokio::spawn(async move { client.get("/wait").await });
    assert_eq!(a.event().await, Some("waiting"));
    abandoned.abort();
    assert_eq!(a.event().await, Some("cancelled"));
}

#[tokio::test]
async fn backends_can_be_added_and_removed_while_requests_run() {
    let mut a = Backend::start("a").await;
    let (b, c) = (Backend::start("b").await, Backend::start("c").await);
    let balancer = LoadBalancer::start(&[a.address()]).await;
    let client = Client::new(&balancer);
    let (answer, ()) = tokio::join!(client.get("/wait"), async {
        assert_eq!(a.event().await, Some("waiting"));
        balancer.add(b.address()).await;
        balancer.wait_healthy(2).await;
        balancer.remove(a.address()).await;
        assert_eq!(client.two_names().await, ["b", "b"]);
        balancer.add(c.address()).await;
        balancer.wait_healthy(2).await;
        assert_eq!(client.two_names().await, ["b", "c"]);
        a.respond.notify_one();
    });
    assert_eq!(answer, (200, "waited".into()));
    assert_eq!(balancer.responses().await.server_errors, 0);
}

#[tokio::test]
async fn a_websocket_outlives_the_removal_of_its_backend_and_ends_with_it() {
    let a = Backend::start("a").await;
    let balancer = LoadBalancer::start(&[a.address()]).await;
    let url = format!("ws://{}/socket", balancer.address());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut next = async || timeout(TEST_TIMEOUT, socket.next()).await.unwrap();
    assert_eq!(next().await.unwrap().unwrap(), tungstenite::Message::text("a"));
    balancer.remove(a.address()).await;
    let message = tungstenite::Message::binary(vec![7; 100_000]);
    socket.send(message.clone()).await.unwrap();
    let mut next = async || timeout(TEST_TIMEOUT, socket.next()).await.unwrap();
    assert_eq!(next().await.unwrap().unwrap(), message);
    a.proxy.cut().await;
    assert!(!matches!(next().await, Some(Ok(_))));
}

#[tokio::test]
async fn drop_closes_all_connections() {
    let mut a = Backend::start("a").await;
    let balancer = LoadBalancer::start(&[a.address()]).await;
    let client = Client::new(&balancer);
    let waiting = tokio::spawn(async move { client.0.get(format!("{}/wait", client.1)).send().await });
    assert_eq!(a.event().await, Some("waiting"));
    drop(balancer);
    assert_eq!(a.event().await, Some("cancelled"));
    waiting.await.unwrap().unwrap_err();
}
