//! Tests against real sockets, with paused time where a test measures it.

use super::*;
use crate::http::auth::trust;
use axum::http::Extensions;
use axum::routing::get;
use futures_util::StreamExt;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use websocket::{Opening, ServerSocket};

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";
const SLOW_REQUEST: &str = "GET /long HTTP/1.1\r\nhost: here\r\n\r\n";
/// Has a valid token.
const KNOWN_REQUEST: &str = "GET /known HTTP/1.1\r\nhost: here\r\n\r\n";
const UPGRADE: &str = "GET /socket HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/// More than the buffers of two sockets.
const LARGE_BYTES: usize = 32 * 1024 * 1024;

/// Longer than any timeout under test.
const DEADLINE: Duration = Duration::from_secs(200);

struct TestServer {
    address: SocketAddr,
    /// Notified when a request for `/long` arrives.
    arrived: Arc<Notify>,
    /// Lets `/long` respond.
    respond: Arc<Notify>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl TestServer {
    async fn with_limit(max: usize) -> Self {
        let (arrived, respond) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (on_arrival, may_respond) = (Arc::clone(&arrived), Arc::clone(&respond));
        let router = Router::new()
            .route("/", get(async || "well"))
            .route("/large", get(async || vec![b'x'; LARGE_BYTES]))
            .route("/known", get(async |extensions: Extensions| trust(&extensions, None).map(|()| "well")))
            .route(
                "/long",
                get(async move |extensions: Extensions| {
                    trust(&extensions, None).unwrap();
                    on_arrival.notify_one();
                    may_respond.notified().await;
                    "slow"
                }),
            )
            .route(
                "/socket",
                get(async |extensions: Extensions, opening: Opening| {
                    trust(&extensions, None).unwrap();
                    let serve = async |mut socket: ServerSocket| while let Some(Ok(_)) = socket.next().await {};
                    opening.serve(None, WebSocketConfig::default(), serve)
                }),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (limiter, stopped) = (ConnectionLimiter::new(max), stop.clone().cancelled_owned());
        let task = tokio::spawn(serve(listener, router, limiter, Handle::current(), stopped));
        Self { address, arrived, respond, stop, task }
    }

    /// Connects from 127.0.0.n.
    async fn connect(&self, n: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, n), 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }
}

/// Reads until the text ends with `end`, or until the connection closes.
async fn read(stream: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    let whole = async {
        let mut buffer = [0; 4096];
        while !bytes.ends_with(end.as_bytes()) || end.is_empty() {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            }
        }
    };
    timeout(DEADLINE, whole).await.expect("neither the text nor the end of the connection");
    String::from_utf8(bytes).unwrap()
}

async fn request(stream: &mut TcpStream, text: &str, end: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    read(stream, end).await
}

async fn expect_closed(mut stream: TcpStream) {
    assert_eq!(read(&mut stream, "").await, "");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_complete_first_request_is_closed() {
    let server = TestServer::with_limit(10).await;
    for begun in ["", "GET / HTTP/1.1\r\nhost: he"] {
        let started = Instant::now();
        let mut stream = server.connect(1).await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        expect_closed(stream).await;
        assert_eq!(started.elapsed().as_secs(), FIRST_REQUEST_TIMEOUT.as_secs(), "{begun:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_outlives_the_idle_timeouts_of_load_balancers() {
    let server = TestServer::with_limit(10).await;
    let mut stream = server.connect(1).await;
    assert!(request(&mut stream, REQUEST, "well").await.starts_with("HTTP/1.1 200"));
    let started = Instant::now();
    assert!(request(&mut stream, REQUEST, "well").await.ends_with("well"), "the connection is kept");
    expect_closed(stream).await;
    assert_eq!(started.elapsed().as_secs(), IDLE_TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_cut_off() {
    let server = TestServer::with_limit(10).await;
    let mut stream = server.connect(1).await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    // Nothing is read until it is certain that nothing more comes.
    tokio::time::sleep(WRITE_TIMEOUT * 2).await;
    let answer = read(&mut stream, "").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.len() < LARGE_BYTES, "{} bytes", answer.len());
}

#[tokio::test]
async fn request_heads_are_limited() {
    let server = TestServer::with_limit(10).await;
    let large = format!("GET / HTTP/1.1\r\nhost: here\r\nx: {}\r\n\r\n", "y".repeat(MAX_HEAD_BYTES));
    let many = format!("GET / HTTP/1.1\r\nhost: here\r\n{}\r\n", "x: y\r\n".repeat(MAX_HEADERS));
    let long = format!("GET /{} HTTP/1.1\r\nhost: here\r\n\r\n", "y".repeat(MAX_HEAD_BYTES));
    for head in [large, many, long] {
        let answer = request(&mut server.connect(1).await, &head, "").await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let fits = format!("GET / HTTP/1.1\r\nhost: here\r\nx: {}\r\n\r\n", "y".repeat(MAX_HEAD_BYTES - 100));
    assert!(request(&mut server.connect(1).await, &fits, "well").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn strangers_push_out_strangers_only() {
    let server = TestServer::with_limit(64).await;
    let mut known = server.connect(1).await;
    request(&mut known, KNOWN_REQUEST, "well").await;
    let mut strangers = Vec::new();
    for _ in 0..20 {
        strangers.push(server.connect(2).await);
    }
    for gone in strangers.drain(..16) {
        expect_closed(gone).await;
    }
    assert!(request(&mut known, REQUEST, "well").await.ends_with("well"), "a connection with a valid token stays");
    let mut more = server.connect(1).await;
    assert!(request(&mut more, KNOWN_REQUEST, "well").await.ends_with("well"), "and others can be opened");
    drop(strangers);
}

#[tokio::test]
async fn known_connections_with_an_active_request_or_a_websocket_are_not_evicted() {
    let server = TestServer::with_limit(3).await;
    let mut long = server.connect(2).await;
    long.write_all(SLOW_REQUEST.as_bytes()).await.unwrap();
    server.arrived.notified().await;
    let mut socket = server.connect(2).await;
    assert!(request(&mut socket, UPGRADE, "\r\n\r\n").await.starts_with("HTTP/1.1 101"));
    let mut next = server.connect(1).await;
    assert!(request(&mut next, KNOWN_REQUEST, "}").await.starts_with("HTTP/1.1 429"), "there is no room");
    server.respond.notify_one();
    assert!(read(&mut long, "slow").await.ends_with("slow"));
    assert!(request(&mut next, KNOWN_REQUEST, "well").await.ends_with("well"), "it is idle now, and is evicted");
    expect_closed(long).await;
    drop(socket);
}

#[tokio::test]
async fn active_requests_get_their_response_during_shutdown() {
    let server = TestServer::with_limit(64).await;
    let (mut long, mut idle) = (server.connect(1).await, server.connect(1).await);
    request(&mut idle, REQUEST, "well").await;
    long.write_all(SLOW_REQUEST.as_bytes()).await.unwrap();
    server.arrived.notified().await;
    server.stop.cancel();
    expect_closed(idle).await;
    server.respond.notify_one();
    assert!(read(&mut long, "").await.ends_with("slow"));
    timeout(DEADLINE, server.task).await.unwrap().unwrap();
}
