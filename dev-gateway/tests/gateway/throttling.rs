//! The account's limit of concurrent executions: what the client of a throttled function sees.

use crate::runtime_api::{Gate, function, start};
use crate::support::{Fixture, Script, dial, send, text, until, within};
use dev_gateway::{DevGateway, Options, Quotas};
use http::StatusCode;
use serde_json::Value;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Notify;

fn options(authorizer: bool, concurrent_executions: usize) -> Options {
    Options { authorizer, quotas: Quotas { concurrent_executions, ..Quotas::default() }, ..Options::default() }
}

fn is_internal_error(frame: &str) -> bool {
    let frame: Value = serde_json::from_str(frame).unwrap();
    frame["message"] == "Internal server error" && frame["requestId"].is_string()
}

#[tokio::test]
async fn beyond_the_limit_messages_and_handshakes_fail_at_once() {
    // The authorizer is throttled, or `$connect`.
    for authorizer in [true, false] {
        let release = Arc::new(Notify::new());
        let script = Script::default().hold("sendMessage", &release);
        let gateway = Fixture::with_options(options(authorizer, 1), script).await;
        let (mut socket, _) = gateway.connect().await;
        send(&mut socket, r#"{"action":"sendMessage"}"#).await;
        gateway.event_of("sendMessage").await;
        send(&mut socket, "throttled").await;
        assert!(is_internal_error(&text(&mut socket).await));
        let (status, body) = gateway.refused("/prod").await;
        assert_eq!((status, &body["message"]), (StatusCode::INTERNAL_SERVER_ERROR, &"Internal server error".into()));
        assert!(gateway.try_event().is_none(), "the function saw a throttled event");
        let usage = gateway.running.usage();
        assert_eq!((usage.running, usage.most_running, usage.throttled), (1, 1, 2));
        release.notify_one();
        until(|| gateway.running.usage().running == 0).await;
        gateway.connect().await;
    }
}

#[tokio::test]
async fn processes_are_throttled_like_a_function_in_this_process() {
    let (gate, api) = (Gate::new().await, start(function(&[])));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = DevGateway::new(options(false, 1)).start(listener, api.clone()).unwrap();
    let (mut socket, _) = dial(format!("ws://{}/prod", running.addr())).await.unwrap();
    send(&mut socket, gate.event().to_string()).await;
    let begun = gate.begun().await;
    send(&mut socket, gate.event().to_string()).await;
    assert!(is_internal_error(&text(&mut socket).await));
    drop(begun);
    until(|| running.usage().running == 0).await;
    send(&mut socket, gate.event().to_string()).await;
    drop(gate.begun().await);
    until(|| running.usage().running == 0).await;
    let usage = running.usage();
    assert_eq!((usage.invocations, usage.most_running, usage.throttled), (3, 1, 1));
    within(running.shutdown()).await;
}
