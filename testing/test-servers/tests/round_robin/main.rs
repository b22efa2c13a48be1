//! The load balancer gives everybody their turn, notices who is sick, and counts what it answers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backend;
mod client;

use backend::Backend;
use bytes::Bytes;
use client::{Client, body, get};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use std::net::SocketAddr;
use std::time::Duration;
use test_servers::{RoundRobin, RoundRobinOptions};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(20);

async fn next(backend: &mut Backend) -> Option<&'static str> {
    timeout(PATIENCE, backend.told.recv()).await.unwrap()
}

/// Two backends, and a load balancer that thinks well of both.
async fn two() -> (Backend, Backend, RoundRobin) {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let balancer = RoundRobin::start(&[a.address(), b.address()]).await;
    (a, b, balancer)
}

/// One that does not notice soon that a backend has died.
async fn unnoticing(backends: &[SocketAddr]) -> RoundRobin {
    let options = RoundRobinOptions { failures: u32::MAX, ..RoundRobinOptions::default() };
    let balancer = RoundRobin::start_with(options, backends);
    balancer.healthy(backends.len()).await;
    balancer
}

#[tokio::test]
async fn requests_on_one_connection_go_to_both_in_turn() {
    let (a, b, balancer) = two().await;
    let mut client = Client::connect(&balancer).await;
    for _ in 0..10 {
        assert_eq!((client.who().await, client.who().await), ("a".into(), "b".into()));
    }
    let counts = balancer.counts();
    assert_eq!((counts.total(), counts.with_status(200), counts.server_errors(), counts.broken), (20, 20, 0, 0));
    assert_eq!([a.address(), b.address()].map(|backend| counts.from_backend(backend)), [10, 10]);
}

#[tokio::test]
async fn a_request_arrives_as_it_was_sent() {
    let (_a, _b, balancer) = two().await;
    let mut client = Client::connect(&balancer).await;
    let request = Request::post("/path?query=1")
        .header("host", "terminal.example")
        .header("keep-alive", "timeout=1")
        .header("x-forwarded-for", "10.0.0.1")
        .body(Full::new(Bytes::from(vec![7; 1_000_000])))
        .unwrap();
    let answer = body(client.send(request).await).await;
    assert_eq!(answer, "POST /path?query=1 host=terminal.example for=10.0.0.1, 127.0.0.1 keep= length=1000000");
}

#[tokio::test]
async fn a_sick_backend_gets_no_requests_until_it_is_well() {
    let (a, _b, balancer) = two().await;
    let mut client = Client::connect(&balancer).await;
    a.healthy(false);
    balancer.healthy(1).await;
    assert_eq!([client.who().await, client.who().await], ["b", "b"]);
    a.healthy(true);
    balancer.healthy(2).await;
    assert_ne!(client.who().await, client.who().await);
    assert_eq!(balancer.counts().server_errors(), 0);
}

#[tokio::test]
async fn a_backend_that_refuses_or_hangs_is_taken_out() {
    let (a, b, balancer) = two().await;
    a.proxy.cut().await;
    balancer.healthy(1).await;
    b.proxy.stall().await;
    balancer.healthy(0).await;
    let mut client = Client::connect(&balancer).await;
    assert_eq!(client.get("/").await, (503, "no backend is healthy".into()));
    a.proxy.restore().await;
    b.proxy.restore().await;
    balancer.healthy(2).await;
    assert_ne!(client.who().await, client.who().await);
    assert_eq!((balancer.counts().with_status(503), balancer.counts().server_errors()), (1, 1));
}

#[tokio::test]
async fn before_it_is_noticed_a_dead_backend_costs_a_502() {
    let a = Backend::start("a").await;
    let balancer = unnoticing(&[a.address()]).await;
    a.proxy.cut().await;
    let mut client = Client::connect(&balancer).await;
    assert_eq!(client.get("/").await, (502, "the backend refused".into()));
    assert_eq!((balancer.counts().with_status(502), balancer.counts().from_backend(a.address())), (1, 0));
}

#[tokio::test]
async fn a_request_in_flight_on_a_dying_backend_is_a_502() {
    let mut a = Backend::start("a").await;
    let balancer = unnoticing(&[a.address()]).await;
    let mut client = Client::connect(&balancer).await;
    let (answer, ()) = tokio::join!(client.get("/wait"), async {
        assert_eq!(next(&mut a).await, Some("wait"));
        a.proxy.cut().await;
    });
    assert_eq!(answer, (502, "the backend broke off".into()));
    a.proxy.restore().await;
    assert_eq!(client.who().await, "a");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_whole_body() {
    let (a, b, balancer) = two().await;
    let mut client = Client::connect(&balancer).await;
    let mut answer = client.send(get("/endless")).await;
    let first = timeout(PATIENCE, answer.frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first");
    tokio::join!(a.proxy.cut(), b.proxy.cut());
    timeout(PATIENCE, answer.frame()).await.unwrap().unwrap().unwrap_err();
    assert_eq!((balancer.counts().broken, balancer.counts().with_status(200)), (1, 1));
}

#[tokio::test]
async fn a_long_poll_is_answered_late_and_an_abandoned_one_is_let_go() {
    let mut a = Backend::start("a").await;
    let balancer = RoundRobin::start(&[a.address()]).await;
    let mut client = Client::connect(&balancer).await;
    let (answer, ()) = tokio::join!(client.get("/wait"), async {
        assert_eq!(next(&mut a).await, Some("wait"));
        a.go();
    });
    assert_eq!(answer, (200, "waited".into()));

    let abandoned = tokio::spawn(async move { client.get("/wait").await });
    assert_eq!(next(&mut a).await, Some("wait"));
    abandoned.abort();
    assert_eq!(next(&mut a).await, Some("gone"));
    assert_eq!(balancer.counts().total(), 1);
}

#[tokio::test]
async fn a_websocket_is_passed_through_and_ends_with_its_backend() {
    let (a, b, balancer) = two().await;
    let url = format!("ws://{}/socket", balancer.address());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut hear = async || timeout(PATIENCE, socket.next()).await.unwrap();
    assert_eq!(hear().await.unwrap().unwrap(), Message::text("a"));
    socket.send(Message::binary(vec![7; 100_000])).await.unwrap();
    let mut hear = async || timeout(PATIENCE, socket.next()).await.unwrap();
    assert_eq!(hear().await.unwrap().unwrap(), Message::binary(vec![7; 100_000]));
    assert_eq!(balancer.counts().with_status(101), 1);

    balancer.remove(a.address());
    b.proxy.cut().await;
    socket.send(Message::text("still there")).await.unwrap();
    let mut hear = async || timeout(PATIENCE, socket.next()).await.unwrap();
    assert_eq!(hear().await.unwrap().unwrap(), Message::text("still there"));
    a.proxy.cut().await;
    assert!(!matches!(hear().await, Some(Ok(_))));
}

#[tokio::test]
async fn backends_come_and_go() {
    let (mut a, b, balancer) = two().await;
    let c = Backend::start("c").await;
    let mut client = Client::connect(&balancer).await;
    let mut waiting = Client::connect(&balancer).await;
    let (answer, ()) = tokio::join!(waiting.get("/wait"), async {
        assert_eq!(next(&mut a).await, Some("wait"));
        balancer.remove(a.address());
        assert_eq!([client.who().await, client.who().await], ["b", "b"]);
        balancer.add(c.address());
        balancer.healthy(2).await;
        assert_ne!(client.who().await, client.who().await);
        balancer.set_backends(&[c.address()]);
        assert_eq!([client.who().await, client.who().await], ["c", "c"]);
        a.go();
    });
    assert_eq!(answer, (200, "waited".into()));
    assert_eq!((balancer.counts().server_errors(), balancer.counts().from_backend(b.address())), (0, 3));
}

#[tokio::test]
async fn dropped_it_closes_everything() {
    let mut a = Backend::start("a").await;
    let balancer = RoundRobin::start(&[a.address()]).await;
    let url = format!("ws://{}/socket", balancer.address());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut client = Client::connect(&balancer).await;
    let waiting = tokio::spawn(async move { client.send(get("/wait")).await });
    assert_eq!(next(&mut a).await, Some("wait"));
    drop(balancer);
    assert_eq!(next(&mut a).await, Some("gone"));
    waiting.await.unwrap_err();
    assert!(matches!(timeout(PATIENCE, socket.next()).await.unwrap(), Some(Ok(Message::Text(_)))));
    assert!(!matches!(timeout(PATIENCE, socket.next()).await.unwrap(), Some(Ok(_))));
}
