//! Client messages: their routes and events, concurrent invocations, and reports of failures.

use crate::support::{Fixture, Script, TIMEOUT, function_error, next_close_code, send, text, until, within};
use dev_gateway::{InvokeError, Quotas};
use futures_util::SinkExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_message_invokes_its_route() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    let mut ids = Vec::new();
    for (body, route) in [
        (r#"{"action":"sendMessage","x":1}"#, "sendMessage"),
        (r#"{"action":"chat_message"}"#, "chat_message"),
        (r#"{"action":"$disconnect"}"#, "$default"),
        (r#"{"type":"sendMessage"}"#, "$default"),
        ("not JSON, but UTF-8: é", "$default"),
        ("", "$default"),
    ] {
        send(&mut socket, body).await;
        let event = gateway.event().await;
        let context = &event["requestContext"];
        assert_eq!((&event["body"], &context["routeKey"]), (&json!(body), &json!(route)));
        assert_eq!((&context["eventType"], &context["connectionId"]), (&json!("MESSAGE"), &json!(id)));
        assert_eq!((event["isBase64Encoded"].clone(), event.get("headers")), (json!(false), None));
        assert_eq!(context["requestId"], context["extendedRequestId"]);
        ids.extend([context["messageId"].clone(), context["requestId"].clone()]);
    }
    let all = ids.len();
    ids.sort_by_key(Value::to_string);
    ids.dedup();
    assert_eq!(ids.len(), all, "ids repeat");
}

#[tokio::test]
async fn a_second_message_is_invoked_while_the_first_runs() {
    let release = Arc::new(Notify::new());
    let (gateway, mut socket, _) = Fixture::connected_to(Script::default().hold("sendMessage", &release)).await;
    send(&mut socket, r#"{"action":"sendMessage"}"#).await;
    gateway.event_of("sendMessage").await;
    send(&mut socket, "second").await;
    assert_eq!(gateway.event().await["body"], "second");
    release.notify_one();
    within(socket.close(None)).await.unwrap();
    gateway.event_of("$disconnect").await;
    tokio::time::timeout(TIMEOUT, gateway.running.shutdown()).await.expect("the first invocation did not end");
}

#[tokio::test]
async fn concurrent_invocations_of_a_connection_are_limited() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (running.clone(), most.clone());
    let script = Script::default().on("$default", move |_| {
        let (running, most) = counters.clone();
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(json!({"statusCode": 200}))
        }
    });
    let gateway = Fixture::with_quotas(Quotas { concurrent_invocations: 3, ..Quotas::default() }, script).await;
    let (mut socket, _) = gateway.connect().await;
    for _ in 0..30 {
        within(socket.feed(Message::text("x"))).await.unwrap();
    }
    within(socket.flush()).await.unwrap();
    for _ in 0..30 {
        gateway.event().await;
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_failed_invocation_is_reported_in_api_gateways_frame() {
    for answer in
        [Err(function_error("crashed")), Err(InvokeError::TimedOut), Ok(json!(null)), Ok(json!({"status": 200}))]
    {
        let (gateway, mut socket, id) = Fixture::connected_to(Script::default().answer("$default", answer)).await;
        send(&mut socket, "x").await;
        let event = gateway.event().await;
        let request_id = event["requestContext"]["requestId"].as_str().unwrap();
        let frame =
            format!(r#"{{"message":"Internal server error","connectionId":"{id}","requestId":"{request_id}"}}"#);
        assert_eq!(text(&mut socket).await, frame);
    }
}

#[tokio::test]
async fn a_timed_out_invocation_is_reported_and_runs_on() {
    let (release, ended) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let held = (release.clone(), ended.clone());
    let script = Script::default().on("$default", move |_| {
        let (release, ended) = held.clone();
        async move {
            release.notified().await;
            ended.store(true, Ordering::SeqCst);
            Ok(json!({"statusCode": 200}))
        }
    });
    // Long enough for `$connect` on a busy machine.
    let quotas = Quotas { integration_timeout: Duration::from_secs(1), ..Quotas::default() };
    let gateway = Fixture::with_quotas(quotas, script).await;
    let (mut socket, _) = gateway.connect().await;
    send(&mut socket, "x").await;
    assert!(text(&mut socket).await.starts_with(r#"{"message":"Internal server error""#));
    assert!(!ended.load(Ordering::SeqCst));
    release.notify_one();
    until(|| ended.load(Ordering::SeqCst)).await;
}

#[tokio::test]
async fn the_answer_of_a_route_is_not_sent() {
    let answer = json!({"statusCode": 500, "body": "not for the client"});
    let (gateway, mut socket, id) = Fixture::connected_to(Script::default().answer("$default", Ok(answer))).await;
    send(&mut socket, "x").await;
    gateway.event().await;
    gateway.clients.post(&id, "posted".into()).await.unwrap();
    assert_eq!(text(&mut socket).await, "posted");
    // The gateway stops after the invocation has ended, so its frames would come before the close frame.
    let (code, _) = tokio::join!(next_close_code(&mut socket), gateway.remaining_events());
    assert_eq!(code, 1001);
}
