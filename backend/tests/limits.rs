//! What strangers and users may make of the service at most, and that others do not notice.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use backend::terminal::{ShellSpawner, UnixSpawner};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use shared_protocol::ServerMessage;
use shared_protocol::gateway::MESSAGE_PATH;
use std::sync::Arc;
use std::time::Duration;
use support::{Service, Terminal, gateway_claims, post, sign, user, user_token, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

const PING: &str = r#"{"type":"ping"}"#;

async fn with(variables: &[(&str, &str)]) -> Service {
    let shells: Arc<dyn ShellSpawner> = Arc::new(UnixSpawner);
    Service::with(variables, shells).await
}

async fn open(service: &Service, name: &str) -> Terminal {
    Terminal::open(&service.terminal_url(name, &user_token(&user(name, Some(name))))).await
}

async fn json(answer: reqwest::Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

fn pongs(terminal: &Terminal) -> usize {
    terminal.replies.iter().filter(|reply| matches!(reply, ServerMessage::Pong(_))).count()
}

#[tokio::test(start_paused = true)]
async fn a_direct_connection_that_sends_too_fast_is_read_slower_and_loses_nothing() {
    let service = with(&[("MESSAGES_PER_SECOND", "10")]).await;
    let mut fast = open(&service, "eve").await;
    let started = Instant::now();
    for _ in 0..50 {
        fast.send(PING).await;
    }
    while pongs(&fast) < 20 {
        fast.receive().await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(1), "a burst is answered at once");
    while pongs(&fast) < 50 {
        fast.receive().await.unwrap();
    }
    let took = started.elapsed().as_millis();
    assert!((2_800..3_500).contains(&took), "thirty more at ten a second took {took} ms");
    service.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_of_the_gateway_that_sends_too_fast_is_told() {
    let service = with(&[("MESSAGES_PER_SECOND", "10")]).await;
    let ping = async |connection: &str| -> Value {
        let claims = gateway_claims(MESSAGE_PATH, PING.as_bytes(), connection, None);
        let answer = post(service.address, &claims, PING).await;
        assert_eq!(answer.status(), 200, "the function passes it on to the page");
        json(answer).await
    };
    let mut refused = 0;
    for _ in 0..40 {
        let answer = ping("fast=").await;
        refused += usize::from(answer["code"] == "RATE_LIMITED" && answer["retryable"] == true);
    }
    assert!(refused > 0, "more than twenty in less than a second");
    assert_eq!(ping("other=").await["type"], "pong", "each connection is counted alone");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(ping("fast=").await["type"], "pong", "it may go on later");
    service.stop().await;
}

#[tokio::test]
async fn a_user_has_so_many_direct_connections() {
    let service = with(&[("MAX_CONNECTIONS_PER_USER", "2")]).await;
    let mut first = open(&service, "ada").await;
    first.attach("page").await;
    let mut second = open(&service, "ada").await;
    second.attach("another").await;
    assert_eq!(open(&service, "ada").await.close_code().await, 1013);
    open(&service, "eve").await.attach("page").await;
    second.send(r#"{"type":"ping"}"#).await;
    second.reply(|reply| matches!(reply, ServerMessage::Pong(_))).await;
    drop(first);
    let again = async {
        loop {
            let mut third = open(&service, "ada").await;
            third.send(PING).await;
            if third.receive().await.is_ok() {
                break;
            }
        }
    };
    within("room after one was closed", Box::pin(again)).await;
    service.stop().await;
}

#[tokio::test]
async fn a_user_starts_so_many_shells_in_a_time() {
    let service = with(&[("MAX_SESSIONS_PER_USER", "1")]).await;
    for name in 0..10 {
        let name = format!("s{name}");
        let mut shell = Terminal::open(&service.terminal_url(&name, &user_token(&user("eve", Some(&name))))).await;
        shell.attach("page").await;
        shell.ordered("close", "").await;
        shell.close_code().await;
        service_forgets(&service, "eve").await;
    }
    let mut eleventh = Terminal::open(&service.terminal_url("s10", &user_token(&user("eve", Some("s10"))))).await;
    eleventh.send(r#"{"type":"attach","client":"page","cols":80,"rows":24}"#).await;
    let told = eleventh.reply(|reply| matches!(reply, ServerMessage::Error(_))).await;
    let ServerMessage::Error(error) = told else { unreachable!() };
    assert_eq!((error.code, error.retryable), (shared_protocol::ErrorCode::RateLimited, true), "{}", error.message);
    open(&service, "ada").await.attach("page").await;
    service.stop().await;
}

/// Until a session that ended counts no more.
async fn service_forgets(service: &Service, user_name: &str) {
    let token = user_token(&user(user_name, None));
    let forgotten = async {
        loop {
            let asked = support::client().get(format!("http://{}/api/sessions", service.address)).bearer_auth(&token);
            let listed = json(asked.send().await.unwrap()).await;
            if listed["sessions"].as_array().unwrap().iter().all(|session| session["state"] == "ended") {
                break;
            }
        }
    };
    within("the end of a session", forgotten).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
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
    service.stop().await;
}

/// Strangers who try, one after the other and many at once.
const TRIES: usize = 10_000;
const AT_ONCE: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_with_bad_tokens_change_nothing_for_others() {
    let service = with(&[]).await;
    let mut ada = open(&service, "ada").await;
    ada.attach("page").await;
    ada.command("true").await;
    let before = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let bad = user_token(&user("eve", Some("ada"))).replace('e', "f");
    let url = service.terminal_url("ada", &bad);
    let tries = stream::iter(0..TRIES).for_each_concurrent(AT_ONCE, async |_| {
        assert_eq!(Terminal::open(&url).await.close_code().await, 4001);
    });
    let works = async {
        for _ in 0..20 {
            assert_eq!(ada.command("echo still here").await, ("still here\n".to_owned(), 0));
        }
    };
    tokio::join!(
        async { tokio::time::timeout(6 * support::DEADLINE, tries).await.expect("all of them in time") },
        works
    );
    let after = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    support::until("every descriptor to be free again", || after() <= before).await;
    let health = support::client().get(format!("http://{}/health", service.address)).send().await.unwrap();
    assert_eq!(json(health).await["sessions"], 1);
    service.stop().await;
}
