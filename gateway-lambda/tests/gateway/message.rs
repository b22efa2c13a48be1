//! A message: its bytes, who is said to speak, what comes back, and what happens when nobody is known or nothing works.

use crate::world::{CONNECTION, NOW, World, fixture, frame, id, identity, row};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use gateway_lambda::backend::Call;
use gateway_lambda::browser::Delivery;
use gateway_lambda::{BackendError, Caller, Connections, Identity, Reply};
use serde_json::{Value, json};
use shared_protocol::{ApiError, ErrorCode};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn every_route_forwards_the_bytes_unchanged_and_posts_the_answer_unchanged() {
    for name in ["message-default", "message-send-message", "message-chat-message"] {
        let world = World::new();
        let event = fixture(name);
        let body = Bytes::from(event["body"].as_str().unwrap().to_owned());
        let request_id = event["requestContext"]["requestId"].as_str().unwrap().to_owned();
        let received_at = event["requestContext"]["requestTimeEpoch"].as_u64();
        assert!(received_at.is_some());
        world.backend.on_message(Duration::ZERO, Ok(frame(r#"{"type":"pong",  "t":1}"#, None)));
        world.message(event).await;
        let caller = Caller { connection: id(CONNECTION), identity: identity(), request_id, received_at };
        assert_eq!(world.backend.calls(), [Call::Message { caller, body }], "{name}");
        assert_eq!(world.browser.frames(), [r#"{"type":"pong",  "t":1}"#], "{name}");
        assert_eq!(world.connections.reads.load(Ordering::Relaxed), 0, "the authorizer's word is enough");
    }
}

#[tokio::test]
async fn base64_is_undone_and_nothing_is_nothing() {
    let sent: &[u8] = &[0xff, 0x00, b'{'];
    for (body, encoded, expected) in [(json!(STANDARD.encode(sent)), true, sent), (Value::Null, false, b"")] {
        let world = World::new();
        let mut event = fixture("message-default");
        event["body"] = body;
        event["isBase64Encoded"] = json!(encoded);
        world.message(event).await;
        let calls = world.backend.calls();
        assert!(matches!(&calls[..], [Call::Message { body, .. }] if body == expected), "{calls:?}");
        assert_eq!(world.browser.deliveries(), [], "nothing was said, so nothing is posted");
    }
}

#[tokio::test]
async fn without_an_authorizer_the_row_is_read_once() {
    let world = World::new();
    world.connections.put(&row(CONNECTION, identity())).await.unwrap();
    for _ in 0..3 {
        world.message(fixture("message-default-without-authorizer")).await;
    }
    let calls = world.backend.calls();
    assert_eq!(calls.len(), 3);
    for call in calls {
        assert!(matches!(call, Call::Message { caller, .. } if caller.identity == identity()));
    }
    assert_eq!(world.connections.reads.load(Ordering::Relaxed), 1);
    world.handle(fixture("disconnect-without-authorizer")).await;
    world.message(fixture("message-default-without-authorizer")).await;
    assert_eq!(world.errors(), ["UNAUTHORIZED"], "a connection that is gone is forgotten");
}

#[tokio::test]
async fn a_connection_that_nobody_knows_is_told_so() {
    let world = World::new();
    let expired = gateway_lambda::Connection { expires_at: NOW, ..row(CONNECTION, identity()) };
    world.connections.put(&expired).await.unwrap();
    world.message(fixture("message-default-without-authorizer")).await;
    assert_eq!(world.errors(), ["UNAUTHORIZED"]);
    assert_eq!(world.backend.calls(), []);
    let foreign = json!({"principalId": "ada", "integrationLatency": 3, "sub": "ada"});
    let mut event = fixture("message-default");
    event["requestContext"]["authorizer"] = foreign;
    world.message(event).await;
    assert_eq!(world.errors(), ["UNAUTHORIZED"; 2], "another authorizer's word is not ours");
}

#[tokio::test]
async fn a_table_that_fails_is_told_as_our_fault() {
    let world = World::new();
    world.connections.broken.store(true, Ordering::Relaxed);
    world.message(fixture("message-default-without-authorizer")).await;
    assert_eq!(world.errors(), ["INTERNAL"]);
    assert_eq!(world.backend.calls(), []);
}

#[tokio::test]
async fn an_expired_token_is_told_and_the_connection_closed() {
    for (uexp, expired) in [(NOW - 10, true), (NOW - 9, false)] {
        let world = World::new();
        let mut event = fixture("message-default");
        event["requestContext"]["authorizer"]["uexp"] = json!(uexp.to_string());
        world.message(event).await;
        assert_eq!(world.errors(), if expired { vec!["TOKEN_EXPIRED"] } else { vec![] });
        assert_eq!(world.browser.closed(), if expired { vec![id(CONNECTION)] } else { vec![] });
        assert_eq!(world.backend.calls().is_empty(), expired);
    }
}

#[tokio::test]
async fn what_the_service_refuses_reaches_the_browser_in_its_words() {
    let world = World::new();
    let refused = ApiError { error: "Not yours.".to_owned(), code: ErrorCode::Forbidden, retryable: true };
    world.backend.on_message(Duration::ZERO, Err(BackendError::Refused(refused)));
    world.message(fixture("message-default")).await;
    let frame: Value = serde_json::from_str(&world.browser.frames()[0]).unwrap();
    let expected = json!({"type": "error", "code": "FORBIDDEN", "message": "Not yours.", "retryable": true});
    assert_eq!(frame, expected);
}

#[tokio::test]
async fn a_service_out_of_reach_is_told_without_its_address() {
    let world = World::new();
    let error = BackendError::Unreachable("http://10.0.0.7: connection refused".to_owned());
    world.backend.on_message(Duration::ZERO, Err(error));
    world.message(fixture("message-default")).await;
    assert_eq!(world.errors(), ["BACKEND_UNREACHABLE"]);
    assert!(!world.browser.frames()[0].contains("10.0.0.7"));
    assert_eq!(world.backend.calls().len(), 1, "a message is never sent twice from here");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_is_given_up_in_time_to_say_so() {
    for (limit, given_up) in [(60, 25), (10, 7)] {
        let world = World::new();
        world.backend.on_message(Duration::from_secs(3600), Ok(Reply::default()));
        let began = Instant::now();
        world.try_handle(fixture("message-default"), Duration::from_secs(limit)).await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(given_up));
        assert_eq!(world.errors(), ["BACKEND_TIMEOUT"]);
    }
}

#[tokio::test]
async fn the_row_lives_on_when_the_service_says_so() {
    for name in ["message-default", "message-default-without-authorizer"] {
        let world = World::new();
        let old = gateway_lambda::Connection { expires_at: NOW + 1, ..row(CONNECTION, identity()) };
        world.connections.put(&old).await.unwrap();
        world.backend.on_message(Duration::ZERO, Ok(Reply { touch: true, ..Reply::default() }));
        world.message(fixture(name)).await;
        let touched = world.connections.get(&id(CONNECTION), NOW).await.unwrap().unwrap();
        assert_eq!(touched.expires_at, NOW + 600);
    }
}

#[tokio::test]
async fn a_viewer_without_a_session_is_forwarded_as_that() {
    let world = World::new();
    let nobody = Identity { sid: None, create: false, iat: None, ..identity() };
    let mut event = fixture("message-default");
    event["requestContext"]["authorizer"] = nobody.to_context();
    world.message(event).await;
    assert!(matches!(&world.backend.calls()[..], [Call::Message { caller, .. }] if caller.identity == nobody));
    assert!(!world.browser.deliveries().iter().any(|delivery| matches!(delivery, Delivery::Closed(_))));
}
