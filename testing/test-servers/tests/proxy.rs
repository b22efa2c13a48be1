//! The proxy injects the requested faults and no others. Its upstream is an echo server.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use test_servers::TcpProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Time without data that counts as a stall.
const QUIET_PERIOD: Duration = Duration::from_millis(100);

/// More than the sockets and the proxy can buffer.
const FLOOD_BYTES: usize = 32 * 1024 * 1024;

/// Starts the echo server. It reports `open` and `closed` of each connection.
async fn echo() -> (SocketAddr, mpsc::Receiver<&'static str>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, events) = mpsc::channel(64);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let sender = sender.clone();
            tokio::spawn(async move {
                sender.send("open").await.unwrap();
                let (mut from, mut to) = stream.split();
                copy(&mut from, &mut to).await.ok();
                sender.send("closed").await.ok();
            });
        }
    });
    (address, events)
}

async fn open(proxy: &TcpProxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

async fn next(events: &mut mpsc::Receiver<&'static str>) -> Option<&'static str> {
    timeout(TEST_TIMEOUT, events.recv()).await.unwrap()
}

/// Sends bytes and waits for their echo.
async fn round_trip(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    expect_echo(stream, bytes).await;
}

async fn expect_echo(stream: &mut TcpStream, bytes: &[u8]) {
    let mut answer = vec![0; bytes.len()];
    timeout(TEST_TIMEOUT, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert!(answer == bytes);
}

async fn expect_silence(stream: &mut TcpStream) {
    timeout(QUIET_PERIOD, stream.read_u8()).await.unwrap_err();
}

#[tokio::test]
async fn forwards_all_data_and_the_end_of_stream() {
    let (server, _events) = echo().await;
    let proxy = TcpProxy::start(server).await;
    let mut stream = open(&proxy).await;
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let (mut from, mut to) = stream.split();
    let sending = async {
        to.write_all(&sent).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut answer = Vec::new();
    let ((), read) =
        timeout(TEST_TIMEOUT, async { tokio::join!(sending, from.read_to_end(&mut answer)) }).await.unwrap();
    read.unwrap();
    assert!(answer == sent);
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn cut_closes_and_refuses_until_restored() {
    let (server, mut events) = echo().await;
    let proxy = TcpProxy::start(server).await;
    for count in 1..=3 {
        let mut stream = open(&proxy).await;
        round_trip(&mut stream, b"hello").await;
        assert_eq!((proxy.connections(), proxy.open()), (count, 1));
        assert_eq!(next(&mut events).await, Some("open"));

        proxy.cut().await;
        assert_eq!(proxy.open(), 0);
        assert_eq!(next(&mut events).await, Some("closed"));
        assert!(!matches!(timeout(TEST_TIMEOUT, stream.read(&mut [0])).await.unwrap(), Ok(1)));
        let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

        proxy.restore().await;
    }
    round_trip(&mut open(&proxy).await, b"again").await;
}

#[tokio::test]
async fn stall_accepts_and_keeps_data_until_restored() {
    let (server, mut events) = echo().await;
    let proxy = TcpProxy::start(server).await;
    let mut old = open(&proxy).await;
    round_trip(&mut old, b"hello").await;
    assert_eq!(next(&mut events).await, Some("open"));
    let mut ending = open(&proxy).await;
    round_trip(&mut ending, b"hello").await;
    assert_eq!(next(&mut events).await, Some("open"));

    proxy.stall().await;
    old.write_all(b"kept").await.unwrap();
    expect_silence(&mut old).await;
    ending.shutdown().await.unwrap();
    let mut new = open(&proxy).await;
    new.write_all(b"kept as well").await.unwrap();
    expect_silence(&mut new).await;
    assert!(events.try_recv().is_err());

    proxy.restore().await;
    expect_echo(&mut old, b"kept").await;
    expect_echo(&mut new, b"kept as well").await;
    let mut after = Vec::new();
    timeout(TEST_TIMEOUT, ending.read_to_end(&mut after)).await.unwrap().unwrap();
    assert!(after.is_empty());
    round_trip(&mut old, b"and more").await;
}

#[tokio::test]
async fn stall_stops_a_flood_and_restore_completes_it() {
    let (server, _events) = echo().await;
    let proxy = TcpProxy::start(server).await;
    let (mut from, mut to) = open(&proxy).await.into_split();
    let flood = tokio::spawn(async move { to.write_all(&vec![7; FLOOD_BYTES]).await.map(|()| to) });
    from.read_u8().await.unwrap();
    proxy.stall().await;
    // Data in the socket buffers still arrives, and then nothing.
    let mut piece = vec![0; 64 * 1024];
    let mut before = 1;
    while let Ok(read) = timeout(QUIET_PERIOD, from.read(&mut piece)).await {
        before += read.unwrap();
    }
    assert!(before < FLOOD_BYTES);
    proxy.restore().await;
    let mut after = 0;
    while before + after < FLOOD_BYTES {
        after += timeout(TEST_TIMEOUT, from.read(&mut piece)).await.unwrap().unwrap();
    }
    flood.await.unwrap().unwrap();
}

#[tokio::test]
async fn delay_applies_in_each_direction() {
    let (server, _events) = echo().await;
    let proxy = TcpProxy::start(server).await;
    let mut stream = open(&proxy).await;
    round_trip(&mut stream, b"hello").await;
    let delay = Duration::from_millis(50);
    proxy.delay(delay).await;
    let began = Instant::now();
    round_trip(&mut stream, b"slow").await;
    assert!(began.elapsed() >= 2 * delay);

    // Chunks do not wait for one another.
    let delay = Duration::from_secs(1);
    proxy.delay(delay).await;
    let began = Instant::now();
    for _ in 0..10 {
        stream.write_all(b"one of many").await.unwrap();
        timeout(QUIET_PERIOD, std::future::pending::<()>()).await.unwrap_err();
    }
    for _ in 0..10 {
        expect_echo(&mut stream, b"one of many").await;
    }
    assert!(began.elapsed() < 10 * delay);

    // `restore` ends a delay of any length.
    proxy.delay(Duration::from_secs(3600)).await;
    stream.write_all(b"late").await.unwrap();
    expect_silence(&mut stream).await;
    proxy.restore().await;
    expect_echo(&mut stream, b"late").await;
}

#[tokio::test]
async fn a_missing_upstream_closes_the_connection() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = TcpProxy::start(closed.local_addr().unwrap()).await;
    drop(closed);
    let mut stream = open(&proxy).await;
    assert!(!matches!(timeout(TEST_TIMEOUT, stream.read(&mut [0])).await.unwrap(), Ok(1)));
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn drop_closes_all_connections() {
    let (server, mut events) = echo().await;
    let proxy = TcpProxy::start(server).await;
    let mut stream = open(&proxy).await;
    round_trip(&mut stream, b"hello").await;
    proxy.stall().await;
    drop(proxy);
    assert!(!matches!(timeout(TEST_TIMEOUT, stream.read(&mut [0])).await.unwrap(), Ok(1)));
    assert_eq!([next(&mut events).await, next(&mut events).await], [Some("open"), Some("closed")]);
}
