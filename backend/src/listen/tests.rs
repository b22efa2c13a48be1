//! Against real sockets, with time standing still where it matters.

use super::*;
use axum::extract::WebSocketUpgrade;
use axum::routing::get;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

const ASK: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";
const ASK_LONG: &str = "GET /long HTTP/1.1\r\nhost: here\r\n\r\n";
const UPGRADE: &str = "GET /socket HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/// Longer than anything here.
const DEADLINE: Duration = Duration::from_secs(200);

struct Place {
    address: SocketAddr,
    /// `/long` was asked.
    asked: Arc<Notify>,
    /// Lets answers to it out.
    answer: Arc<Notify>,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
}

impl Place {
    async fn with(most: usize) -> Self {
        let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begun, late) = (Arc::clone(&asked), Arc::clone(&answer));
        let router = Router::new()
            .route("/", get(async || "well"))
            .route(
                "/long",
                get(async move || {
                    begun.notify_one();
                    late.notified().await;
                    "at last"
                }),
            )
            .route(
                "/socket",
                get(async |upgrade: WebSocketUpgrade| {
                    upgrade.on_upgrade(async |mut socket| while let Some(Ok(_)) = socket.recv().await {})
                }),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(listener, router, Seats::new(most), stop.clone().cancelled_owned()));
        Self { address, asked, answer, stop, served }
    }

    /// A connection from the n-th address of this machine.
    async fn connect(&self, n: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, n), 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }
}

/// What comes up to the end of this text, or of the connection.
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
    timeout(DEADLINE, whole).await.expect("neither the text nor the end came");
    String::from_utf8(bytes).unwrap()
}

async fn ask(stream: &mut TcpStream, request: &str, end: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    read(stream, end).await
}

async fn is_closed(mut stream: TcpStream) {
    assert_eq!(read(&mut stream, "").await, "");
}

#[tokio::test(start_paused = true)]
async fn who_asks_nothing_and_who_asks_slowly_is_let_go() {
    let place = Place::with(10).await;
    for begun in ["", "GET / HTTP/1.1\r\nhost: he"] {
        let started = Instant::now();
        let mut stream = place.connect(1).await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        is_closed(stream).await;
        assert_eq!(started.elapsed().as_secs(), FIRST_REQUEST.as_secs(), "{begun:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_rests_is_let_go_later_than_load_balancers_forget() {
    let place = Place::with(10).await;
    let mut stream = place.connect(1).await;
    assert!(ask(&mut stream, ASK, "well").await.starts_with("HTTP/1.1 200"));
    let started = Instant::now();
    assert!(ask(&mut stream, ASK, "well").await.ends_with("well"), "it is kept");
    is_closed(stream).await;
    assert_eq!(started.elapsed().as_secs(), NEXT_REQUEST.as_secs());
}

#[tokio::test]
async fn a_head_has_bounds() {
    let place = Place::with(10).await;
    let large = format!("GET / HTTP/1.1\r\nhost: here\r\nx: {}\r\n\r\n", "y".repeat(HEAD_BYTES));
    let many = format!("GET / HTTP/1.1\r\nhost: here\r\n{}\r\n", "x: y\r\n".repeat(HEADERS));
    let long = format!("GET /{} HTTP/1.1\r\nhost: here\r\n\r\n", "y".repeat(HEAD_BYTES));
    for head in [large, many, long] {
        let answer = ask(&mut place.connect(1).await, &head, "").await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let fits = format!("GET / HTTP/1.1\r\nhost: here\r\nx: {}\r\n\r\n", "y".repeat(HEAD_BYTES - 100));
    assert!(ask(&mut place.connect(1).await, &fits, "well").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn who_takes_all_seats_takes_them_from_himself() {
    let place = Place::with(4).await;
    let mut mine = place.connect(1).await;
    ask(&mut mine, ASK, "well").await;
    let mut theirs = Vec::new();
    for _ in 0..20 {
        theirs.push(place.connect(2).await);
    }
    for gone in theirs.drain(..17) {
        is_closed(gone).await;
    }
    assert!(ask(&mut mine, ASK, "well").await.ends_with("well"), "another's connection stays");
    let mut more = place.connect(1).await;
    assert!(ask(&mut more, ASK, "well").await.ends_with("well"), "and there is room for another's next");
}

#[tokio::test]
async fn who_has_a_request_under_way_keeps_the_seat_and_so_does_a_web_socket() {
    let place = Place::with(2).await;
    let (mut long, mut socket) = (place.connect(2).await, place.connect(2).await);
    long.write_all(ASK_LONG.as_bytes()).await.unwrap();
    place.asked.notified().await;
    assert!(ask(&mut socket, UPGRADE, "\r\n\r\n").await.starts_with("HTTP/1.1 101"));
    let mut next = place.connect(1).await;
    next.write_all(ASK.as_bytes()).await.unwrap_or_default();
    let refused = read(&mut next, "well").await;
    assert_eq!(refused, "");
    place.answer.notify_one();
    assert!(read(&mut long, "at last").await.ends_with("at last"));
    let mut next = place.connect(1).await;
    assert!(ask(&mut next, ASK, "well").await.ends_with("well"), "it rests now, and makes room");
    is_closed(long).await;
    drop(socket);
}

#[tokio::test]
async fn at_the_end_requests_under_way_get_their_answers() {
    let place = Place::with(10).await;
    let (mut long, mut idle) = (place.connect(1).await, place.connect(1).await);
    ask(&mut idle, ASK, "well").await;
    long.write_all(ASK_LONG.as_bytes()).await.unwrap();
    place.asked.notified().await;
    place.stop.cancel();
    is_closed(idle).await;
    place.answer.notify_one();
    assert!(read(&mut long, "").await.ends_with("at last"));
    timeout(DEADLINE, place.served).await.unwrap().unwrap();
}
