//! Limits of each user and connection, and that other users do not notice them.

use crate::support::relay::Carrier;
use crate::support::{
    ATTACH, DEADLINE, PING, Service, Terminal, gateway_claims, read, sign, until, user, user_token, within,
};
use backend::terminal::UnixSpawner;
use futures_util::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::ServerMessage;
use shared_protocol::gateway::MESSAGE_PATH;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

async fn with(variables: &[(&str, &str)]) -> Service {
    Service::with(variables, Arc::new(UnixSpawner)).await
}

async fn open(service: &Service, name: &str) -> Terminal {
    Terminal::open(&service.terminal_url(name, &user_token(&user(name, Some(name))))).await
}

fn pongs(terminal: &Terminal) -> usize {
    terminal.replies.iter().filter(|reply| matches!(reply, ServerMessage::Pong(_))).count()
}

#[tokio::test(start_paused = true)]
async fn a_fast_websocket_is_read_slower_and_loses_nothing() {
    let service = with(&[("MESSAGES_PER_SECOND", "10")]).await;
    let mut fast = open(&service, "eve").await;
    let started = Instant::now();
    for _ in 0..50 {
        fast.send(PING).await;
    }
    while pongs(&fast) < 20 {
        fast.receive().await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(1), "the burst is answered at once");
    while pongs(&fast) < 50 {
        fast.receive().await.unwrap();
    }
    let took = started.elapsed().as_millis();
    assert!((2_800..3_500).contains(&took), "thirty more at ten a second took {took} ms");
}

#[tokio::test(start_paused = true)]
async fn a_fast_connection_through_the_gateway_gets_an_error_frame() {
    let service = with(&[("MESSAGES_PER_SECOND", "10")]).await;
    let ping = async |connection: &str| -> Value {
        let claims = gateway_claims(MESSAGE_PATH, PING.as_bytes(), connection, None);
        let answer = service.post(&claims, PING).await;
        assert_eq!(answer.status(), 200, "the function posts the frame to the page");
        read(answer).await.1
    };
    let mut refused = 0;
    for _ in 0..40 {
        let answer = ping("fast=").await;
        refused += usize::from(answer["code"] == "RATE_LIMITED" && answer["retryable"] == true);
    }
    assert!(refused > 0, "40 messages exceed the burst of 20");
    assert_eq!(ping("other=").await["type"], "pong", "each connection has an own rate");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(ping("fast=").await["type"], "pong", "it may go on later");
}

#[tokio::test]
async fn a_client_that_a_relay_carries_gets_every_error_from_it() {
    let service = Service::scripted().await;
    let say = async |body: &'static str| {
        service.post(&gateway_claims(MESSAGE_PATH, body.as_bytes(), "c=", Some("s")), body).await
    };
    let mut relay = Carrier::granted(&say(ATTACH).await, "c=").unwrap();
    for (body, code) in [
        ("not json", "BAD_MESSAGE"),
        (r#"{"type":"ping","connectionId":"other="}"#, "FORBIDDEN"),
        (r#"{"type":"carry","client":"page","epoch":1}"#, "FORBIDDEN"),
    ] {
        assert_eq!(say(body).await.status(), 204, "{body}");
        let frames = relay.frames(&service, 5000).await;
        let told: Value = serde_json::from_slice(&frames[0].frame).unwrap();
        assert_eq!((&told["code"], frames[0].connection.as_str()), (&json!(code), "c="), "{body}");
    }
    let foreign = r#"{"type":"ping","connectionId":"c="}"#;
    let elsewhere = gateway_claims(MESSAGE_PATH, foreign.as_bytes(), "d=", Some("s"));
    let (status, error) = read(service.post(&elsewhere, foreign).await).await;
    assert_eq!((status, &error["code"]), (200, &json!("FORBIDDEN")), "no relay carries that connection");
}

#[tokio::test(start_paused = true)]
async fn a_fast_client_that_a_relay_carries_gets_the_error_from_it() {
    let service = with(&[("MESSAGES_PER_SECOND", "10")]).await;
    let say = async |body: &'static str| {
        service.post(&gateway_claims(MESSAGE_PATH, body.as_bytes(), "fast=", Some("s")), body).await
    };
    let mut relay = Carrier::granted(&say(ATTACH).await, "fast=").unwrap();
    let mut refused = 0;
    for _ in 0..40 {
        refused += usize::from(say(PING).await.status() == 204);
    }
    assert!(refused > 0, "40 messages exceed the burst of 20");
    let mut frames = Vec::new();
    // After what the shell has printed: two frames of it were accepted before.
    for _ in 0..4 {
        frames.extend(relay.frames(&service, 1000).await);
    }
    assert!(frames.iter().any(|frame| frame.frame.windows(12).any(|code| code == b"RATE_LIMITED")), "{frames:?}");
}

#[tokio::test]
async fn websockets_of_a_user_are_capped() {
    let service = with(&[("MAX_CONNECTIONS_PER_USER", "2")]).await;
    let mut first = open(&service, "ada").await;
    first.attach("page").await;
    let mut second = open(&service, "ada").await;
    second.attach("another").await;
    assert_eq!(open(&service, "ada").await.close_code().await, 1013);
    open(&service, "eve").await.attach("page").await;
    second.send(PING).await;
    second.reply(|reply| matches!(reply, ServerMessage::Pong(_))).await;
    drop(first);
    let again = async || {
        let mut third = open(&service, "ada").await;
        third.send(PING).await;
        third.receive().await.is_ok()
    };
    Box::pin(until("a free connection", again)).await;
    service.stop().await;
}

#[tokio::test]
async fn shell_starts_of_a_user_are_limited() {
    let service = with(&[("MAX_SESSIONS_PER_USER", "1")]).await;
    for name in 0..10 {
        let name = format!("s{name}");
        let mut shell = Terminal::open(&service.terminal_url(&name, &user_token(&user("eve", Some(&name))))).await;
        shell.attach("page").await;
        shell.ordered("close", "").await;
        shell.close_code().await;
        session_ends(&service, "eve").await;
    }
    let mut eleventh = Terminal::open(&service.terminal_url("s10", &user_token(&user("eve", Some("s10"))))).await;
    eleventh.send(ATTACH).await;
    let told = eleventh.reply(|reply| matches!(reply, ServerMessage::Error(_))).await;
    let ServerMessage::Error(error) = told else { unreachable!() };
    assert_eq!((error.code, error.retryable), (shared_protocol::ErrorCode::RateLimited, true), "{}", error.message);
    open(&service, "ada").await.attach("page").await;
    service.stop().await;
}

/// Polls until every session of a user has ended.
async fn session_ends(service: &Service, user_name: &str) {
    let ended = async || {
        let (_, listed) = service.api(Method::GET, "", &user(user_name, None)).await;
        listed["sessions"].as_array().unwrap().iter().all(|session| session["state"] == "ended")
    };
    until("the end of a session", ended).await;
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_body_times_out() {
    let service = with(&[]).await;
    let claims = gateway_claims(MESSAGE_PATH, PING.as_bytes(), "c=", None);
    let token = sign(&claims);
    for (sent, elapsed) in [("", 10), ("{\"type", 10)] {
        let started = Instant::now();
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        let head = format!(
            "POST {MESSAGE_PATH} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {token}\r\ncontent-length: 15\r\n\r\n{sent}"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within("an answer", stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("BAD_MESSAGE"), "{answer}");
        assert_eq!(started.elapsed().as_secs(), elapsed);
    }
}

/// Connections with an invalid token.
const ATTEMPTS: usize = 10_000;
/// Concurrent ones.
const CONCURRENCY: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_with_invalid_tokens_disturb_no_user() {
    let service = with(&[]).await;
    let mut ada = open(&service, "ada").await;
    ada.attach("page").await;
    ada.command("true").await;
    let before = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let bad = user_token(&user("eve", Some("ada"))).replace('e', "f");
    let url = service.terminal_url("ada", &bad);
    let tries = stream::iter(0..ATTEMPTS).for_each_concurrent(CONCURRENCY, async |_| {
        assert_eq!(Terminal::open(&url).await.close_code().await, 4001);
    });
    let works = async {
        for _ in 0..20 {
            assert_eq!(ada.command("echo still here").await, ("still here\n".to_owned(), 0));
        }
    };
    tokio::join!(async { tokio::time::timeout(6 * DEADLINE, tries).await.expect("every attempt in time") }, works);
    let after = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    until("every descriptor to be closed", async || after() <= before).await;
    assert_eq!(read(service.get("/health").await).await.1["sessions"], 1);
    service.stop().await;
}
