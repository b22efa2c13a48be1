//! The log of a session over both transports: names requests, sessions and connections, and no input or output.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use backend::store::MemoryStore;
use backend::terminal::UnixSpawner;
use reqwest::Method;
use serde_json::Value;
use shared_protocol::StreamEvent;
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH, REQUEST_ID_HEADER};
use shared_protocol::relay::{RELAY_VERSION, RELAYS_HEADER};
use std::sync::{Arc, Mutex};
use support::relay::Carrier;
use support::{ATTACH, Service, client, gateway_claims, sign, until, user, user_token, within};
use tracing_subscriber::fmt::MakeWriter;

/// The log so far.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Captures every level of this crate from now on.
fn capture() {
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(|| LOG.make_writer());
    lines.with_env_filter("info,backend=trace").init();
}

fn log() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

/// The first line whose message has this prefix.
fn line(message: &str) -> Option<Value> {
    let log = log();
    let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.find(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message)))
}

async fn send(service: &Service, path: &str, request: &str, body: &str) -> reqwest::Response {
    let claims = gateway_claims(path, body.as_bytes(), "gw=", Some("s"));
    let post = client().post(format!("http://{}{path}", service.address)).bearer_auth(sign(&claims));
    within(
        "a request",
        post.header(REQUEST_ID_HEADER, request).header(RELAYS_HEADER, RELAY_VERSION).body(body.to_owned()).send(),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn each_step_is_one_line_with_its_request_and_no_input() {
    capture();
    let service = Service::start().await;
    let attached = send(&service, MESSAGE_PATH, "request-1", ATTACH).await;
    let mut relay = Carrier::granted(&attached, "gw=").unwrap();
    send(&service, MESSAGE_PATH, "request-2", r#"{"type":"command","command":"echo pass$((1))word"}"#).await;
    relay.ask(&service, 0).await;
    send(&service, DISCONNECT_PATH, "request-4", r#"{"connectionId":"gw=","sessionId":"s"}"#).await;
    let mut page = service.attached("direct").await;
    page.keys("echo se$((1))cret\r").await;
    page.sees("se1cret").await;
    page.ordered("close", "").await;
    page.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    page.close_code().await;
    until("the last line", async || line("[WS] Client disconnected: direct:").is_some()).await;
    service.stop().await;

    for (message, request) in [
        ("starting a shell", "request-1"),
        ("client attached", "request-1"),
        ("[WS] Message from gw=: attach", "request-1"),
        ("[WS] Message from gw=: command", "request-2"),
        ("[Terminal] Executing", "request-2"),
        ("[WS] Client disconnected: gw=, Session: s", "request-4"),
    ] {
        let found = line(message).unwrap_or_else(|| panic!("{message} is missing:\n{}", log()));
        let named = (&found["request"], &found["session"], &found["connection"]);
        assert_eq!(named, (&request.into(), &"s".into(), &"gw=".into()), "{found}");
        assert!(found.get("command").is_none(), "{found}");
    }
    for message in ["[WS] Message from gw=", "relay", "[WS] Client disconnected: gw="] {
        let found = line(message).unwrap();
        assert!(found["ms"].is_u64() && found["status"].is_u64(), "{found}");
    }
    let direct = line("[Terminal] Session found for s").unwrap();
    assert!(direct["connection"].as_str().unwrap().starts_with("direct:"), "{direct}");
    for message in ["[Terminal] New connection attempt: s", "[Terminal:s] Connection established successfully in"] {
        assert_eq!(line(message).unwrap()["request"], direct["request"]);
    }
    assert_eq!(line("session over").unwrap()["reason"], "Closed");
    for secret in ["pass", "se1cret", "se$", "Bearer", "eyJ", support::SECRET] {
        assert!(!log().contains(secret), "{secret:?} is in the log:\n{}", log());
    }
}

#[tokio::test]
async fn an_instance_whose_peer_is_dead_logs_no_address_with_a_token() {
    capture();
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(UnixSpawner), Arc::<MemoryStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    here.attached("page").await;
    // Ends as a process that is killed: without a drain.
    here.served.abort();
    let token = user_token(&user("ada", Some("s")));
    for path in ["/terminal", "/terminal/frames", "/api/sessions/s"] {
        let path = format!("{path}?sessionId=s&token={token}");
        let status = there.request(Method::GET, &path, Some(&token)).await.status();
        assert!(!status.is_success(), "{path}: {status}");
    }
    assert!(line("another instance does not answer").is_some(), "{}", log());
    there.stop().await;
    assert!(!log().contains("eyJ") && !log().contains("token="), "{}", log());
}

#[tokio::test]
async fn a_flood_of_refused_requests_hardly_shows_in_the_log() {
    capture();
    let service = Service::scripted().await;
    let forged = user_token(&user("eve", None)).replace('e', "f");
    let requests = [
        (Method::POST, MESSAGE_PATH.to_owned()),
        (Method::GET, "/api/sessions".to_owned()),
        (Method::GET, "/no/such/path".to_owned()),
        (Method::GET, format!("/terminal?sessionId=s&token={forged}")),
    ];
    for _ in 0..100 {
        for (method, path) in &requests {
            let status = service.request(method.clone(), path, Some(&forged)).await.status();
            assert!(status.is_client_error(), "{path}: {status}");
        }
    }
    let text = service.metrics().await.text().await.unwrap();
    let counted = text.lines().find(|line| line.starts_with("termgate_errors_total{code=\"UNAUTHORIZED\"}")).unwrap();
    assert!(counted.ends_with(" 200"), "{counted}");
    service.stop().await;
    let lines = log().lines().count();
    assert!(lines < 200, "{lines} lines for 400 refusals");
}
