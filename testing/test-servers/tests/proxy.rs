//! The proxy breaks connections as it says, and only when it says so. Behind it: a server that sends back what it gets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use test_servers::TcpProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(20);

/// How long nothing must come for it to be nothing.
const SILENCE: Duration = Duration::from_millis(100);

/// More than sockets and the proxy keep.
const FLOOD: usize = 32 * 1024 * 1024;

/// Starts the server. Each of its connections is told of at its start and at its end.
async fn echo() -> (SocketAddr, mpsc::Receiver<&'static str>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (events, told) = mpsc::channel(64);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let events = events.clone();
            tokio::spawn(async move {
                events.send("open").await.unwrap();
                let (mut from, mut to) = stream.split();
                copy(&mut from, &mut to).await.ok();
                events.send("closed").await.ok();
            });
        }
    });
    (address, told)
}

async fn open(proxy: &TcpProxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

async fn next(told: &mut mpsc::Receiver<&'static str>) -> Option<&'static str> {
    timeout(PATIENCE, told.recv()).await.unwrap()
}

/// Sends bytes and waits for them to come back.
async fn round(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    back(stream, bytes).await;
}

async fn back(stream: &mut TcpStream, bytes: &[u8]) {
    let mut answer = vec![0; bytes.len()];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert!(answer == bytes);
}

async fn silent(stream: &mut TcpStream) {
    timeout(SILENCE, stream.read_u8()).await.unwrap_err();
}

#[tokio::test]
async fn it_carries_everything_and_the_end_too() {
    let (server, _told) = echo().await;
    let proxy = TcpProxy::start(server).await;
    let mut stream = open(&proxy).await;
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let (mut from, mut to) = stream.split();
    let sending = async {
        to.write_all(&sent).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut answer = Vec::new();
    let ((), read) = timeout(PATIENCE, async { tokio::join!(sending, from.read_to_end(&mut answer)) }).await.unwrap();
    read.unwrap();
    assert!(answer == sent);
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn cut_off_everything_ends_and_restored_it_begins_again() {
    let (server, mut told) = echo().await;
    let proxy = TcpProxy::start(server).await;
    for count in 1..=3 {
        let mut stream = open(&proxy).await;
        round(&mut stream, b"hello").await;
        assert_eq!((proxy.connections(), proxy.open()), (count, 1));
        assert_eq!(next(&mut told).await, Some("open"));

        proxy.cut().await;
        assert_eq!(proxy.open(), 0);
        assert_eq!(next(&mut told).await, Some("closed"));
        assert!(!matches!(timeout(PATIENCE, stream.read(&mut [0])).await.unwrap(), Ok(1)));
        let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

        proxy.restore().await;
    }
    round(&mut open(&proxy).await, b"again").await;
}

#[tokio::test]
async fn stalled_it_accepts_and_keeps_everything_until_it_goes_on() {
    let (server, mut told) = echo().await;
    let proxy = TcpProxy::start(server).await;
    let mut old = open(&proxy).await;
    round(&mut old, b"hello").await;
    assert_eq!(next(&mut told).await, Some("open"));
    let mut ending = open(&proxy).await;
    round(&mut ending, b"hello").await;
    assert_eq!(next(&mut told).await, Some("open"));

    proxy.stall().await;
    old.write_all(b"kept").await.unwrap();
    silent(&mut old).await;
    ending.shutdown().await.unwrap();
    let mut new = open(&proxy).await;
    new.write_all(b"kept as well").await.unwrap();
    silent(&mut new).await;
    assert!(told.try_recv().is_err());

    proxy.restore().await;
    back(&mut old, b"kept").await;
    back(&mut new, b"kept as well").await;
    let mut after = Vec::new();
    timeout(PATIENCE, ending.read_to_end(&mut after)).await.unwrap().unwrap();
    assert!(after.is_empty());
    round(&mut old, b"and more").await;
}

#[tokio::test]
async fn stalled_a_flood_stops_and_restored_it_comes_whole() {
    let (server, _told) = echo().await;
    let proxy = TcpProxy::start(server).await;
    let (mut from, mut to) = open(&proxy).await.into_split();
    let flood = tokio::spawn(async move { to.write_all(&vec![7; FLOOD]).await.map(|()| to) });
    from.read_u8().await.unwrap();
    proxy.stall().await;
    // What is on its way to this end still comes, and then nothing.
    let mut piece = vec![0; 64 * 1024];
    let mut before = 1;
    while let Ok(read) = timeout(SILENCE, from.read(&mut piece)).await {
        before += read.unwrap();
    }
    assert!(before < FLOOD);
    proxy.restore().await;
    let mut after = 0;
    while before + after < FLOOD {
        after += timeout(PATIENCE, from.read(&mut piece)).await.unwrap().unwrap();
    }
    flood.await.unwrap().unwrap();
}

#[tokio::test]
async fn delayed_each_piece_comes_later_in_each_direction() {
    let (server, _told) = echo().await;
    let proxy = TcpProxy::start(server).await;
    let mut stream = open(&proxy).await;
    round(&mut stream, b"hello").await;
    let delay = Duration::from_millis(50);
    proxy.delay(delay).await;
    let began = Instant::now();
    round(&mut stream, b"slow").await;
    assert!(began.elapsed() >= 2 * delay);

    // A delay that nobody could wait for is over when it is taken back.
    proxy.delay(Duration::from_secs(3600)).await;
    stream.write_all(b"late").await.unwrap();
    silent(&mut stream).await;
    proxy.restore().await;
    back(&mut stream, b"late").await;
}

#[tokio::test]
async fn an_upstream_that_is_not_there_ends_the_connection() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = TcpProxy::start(nobody.local_addr().unwrap()).await;
    drop(nobody);
    let mut stream = open(&proxy).await;
    assert!(!matches!(timeout(PATIENCE, stream.read(&mut [0])).await.unwrap(), Ok(1)));
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn dropped_it_closes_everything() {
    let (server, mut told) = echo().await;
    let proxy = TcpProxy::start(server).await;
    let mut stream = open(&proxy).await;
    round(&mut stream, b"hello").await;
    proxy.stall().await;
    drop(proxy);
    assert!(!matches!(timeout(PATIENCE, stream.read(&mut [0])).await.unwrap(), Ok(1)));
    assert_eq!([next(&mut told).await, next(&mut told).await], [Some("open"), Some("closed")]);
}
