//! Messages: forwarding, identities, replies, and failures.

use crate::harness::{Harness, fixture, frame, with};
use crate::support::{CONNECTION, NOW, endpoint, id, identity, row};
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
async fn every_route_forwards_and_posts_bytes_unchanged() {
    for name in ["message-default", "message-send-message", "message-chat-message"] {
        let harness = Harness::new();
        let event = fixture(name);
        let body = Bytes::from(event["body"].as_str().unwrap().to_owned());
        let request_id = event["requestContext"]["requestId"].as_str().unwrap().to_owned();
        let received_at = event["requestContext"]["requestTimeEpoch"].as_u64();
        assert!(received_at.is_some());
        harness.backend.on_message(Duration::ZERO, Ok(frame(r#"{"type":"pong",  "t":1}"#, None)));
        harness.message(event).await;
        let identity = Some(identity());
        let caller = Caller { connection: id(CONNECTION), endpoint: endpoint(), identity, request_id, received_at };
        assert_eq!(harness.backend.calls(), [Call::Message { caller, body }], "{name}");
        assert_eq!(harness.browser.frames(), [r#"{"type":"pong",  "t":1}"#], "{name}");
        assert_eq!(harness.connections.reads.load(Ordering::Relaxed), 0, "the authorizer's context is enough");
    }
}

#[tokio::test]
async fn base64_is_decoded_and_a_missing_body_is_empty() {
    let sent: &[u8] = &[0xff, 0x00, b'{'];
    for (body, encoded, expected) in [(json!(STANDARD.encode(sent)), true, sent), (Value::Null, false, b"")] {
        let harness = Harness::new();
        let mut event = fixture("message-default");
        event["body"] = body;
        event["isBase64Encoded"] = json!(encoded);
        harness.message(event).await;
        let calls = harness.backend.calls();
        assert!(matches!(&calls[..], [Call::Message { body, .. }] if body == expected), "{calls:?}");
        assert_eq!(harness.browser.deliveries(), [], "an empty reply is not posted");
    }
}

#[tokio::test]
async fn without_an_authorizer_the_row_is_read_once() {
    let harness = Harness::with_rows(&[CONNECTION]).await;
    for _ in 0..3 {
        harness.message(fixture("message-default-without-authorizer")).await;
    }
    let calls = harness.backend.calls();
    assert_eq!(calls.len(), 3);
    for call in calls {
        assert!(matches!(call, Call::Message { caller, .. } if caller.identity == Some(identity())));
    }
    assert_eq!(harness.connections.reads.load(Ordering::Relaxed), 1);
    harness.handle(fixture("disconnect-without-authorizer")).await;
    harness.message(fixture("message-default-without-authorizer")).await;
    assert_eq!(harness.errors(), ["UNAUTHORIZED"], "a disconnect removes the cached identity");
}

#[tokio::test]
async fn an_unknown_connection_gets_unauthorized() {
    let harness = Harness::new();
    let expired = gateway_lambda::Connection { expires_at: NOW, ..row(CONNECTION, identity()) };
    harness.put(&expired).await;
    harness.message(fixture("message-default-without-authorizer")).await;
    assert_eq!(harness.errors(), ["UNAUTHORIZED"]);
    assert_eq!(harness.backend.calls(), []);
    let foreign = json!({"principalId": "ada", "integrationLatency": 3, "sub": "ada"});
    harness.message(with("message-default", "/requestContext/authorizer", foreign)).await;
    assert_eq!(harness.errors(), ["UNAUTHORIZED"; 2], "the context of another authorizer does not count");
}

#[tokio::test]
async fn a_failing_table_gives_an_internal_error() {
    let harness = Harness::new();
    harness.connections.broken.store(true, Ordering::Relaxed);
    harness.message(fixture("message-default-without-authorizer")).await;
    assert_eq!(harness.errors(), ["INTERNAL"]);
    assert_eq!(harness.backend.calls(), []);
}

#[tokio::test]
async fn an_expired_token_is_reported_and_its_connection_closed() {
    for (uexp, expired) in [(NOW - 10, true), (NOW - 9, false)] {
        let harness = Harness::new();
        harness.message(with("message-default", "/requestContext/authorizer/uexp", json!(uexp.to_string()))).await;
        assert_eq!(harness.errors(), if expired { vec!["TOKEN_EXPIRED"] } else { vec![] });
        assert_eq!(harness.browser.closed(), if expired { vec![id(CONNECTION)] } else { vec![] });
        assert_eq!(harness.backend.calls().is_empty(), expired);
    }
}

#[tokio::test]
async fn an_error_of_the_service_reaches_the_browser_unchanged() {
    let harness = Harness::new();
    let refused = ApiError { error: "Not yours.".to_owned(), code: ErrorCode::Forbidden, retryable: true };
    harness.backend.on_message(Duration::ZERO, Err(BackendError::Refused(refused)));
    harness.message(fixture("message-default")).await;
    let frame: Value = serde_json::from_str(&harness.browser.frames()[0]).unwrap();
    let expected = json!({"type": "error", "code": "FORBIDDEN", "message": "Not yours.", "retryable": true});
    assert_eq!(frame, expected);
}

#[tokio::test]
async fn an_unreachable_service_is_reported_without_its_address() {
    let harness = Harness::new();
    let error = BackendError::Unreachable("http://10.0.0.7: connection refused".to_owned());
    harness.backend.on_message(Duration::ZERO, Err(error));
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.errors(), ["BACKEND_UNREACHABLE"]);
    assert!(!harness.browser.frames()[0].contains("10.0.0.7"));
    assert_eq!(harness.backend.calls().len(), 1, "a message is not retried");
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_is_reported_in_time() {
    for (limit, given_up) in [(60, 25), (10, 7)] {
        let harness = Harness::new();
        harness.backend.on_message(Duration::from_secs(3600), Ok(Reply::default()));
        let began = Instant::now();
        harness.try_handle(fixture("message-default"), Duration::from_secs(limit)).await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(given_up));
        assert_eq!(harness.errors(), ["BACKEND_TIMEOUT"]);
    }
}

#[tokio::test]
async fn the_service_extends_the_life_of_the_row() {
    for name in ["message-default", "message-default-without-authorizer"] {
        let harness = Harness::new();
        let old = gateway_lambda::Connection { expires_at: NOW + 1, ..row(CONNECTION, identity()) };
        harness.put(&old).await;
        harness.backend.on_message(Duration::ZERO, Ok(Reply { touch: true, ..Reply::default() }));
        harness.message(fixture(name)).await;
        let touched = harness.connections.get(&id(CONNECTION), NOW).await.unwrap().unwrap();
        assert_eq!(touched.expires_at, NOW + 600);
    }
}

#[tokio::test]
async fn a_viewer_without_a_session_is_forwarded() {
    let harness = Harness::new();
    let without_session = Identity { sid: None, create: false, iat: None, ..identity() };
    harness.message(with("message-default", "/requestContext/authorizer", without_session.to_context())).await;
    assert!(
        matches!(&harness.backend.calls()[..], [Call::Message { caller, .. }] if caller.identity.as_ref() == Some(&without_session))
    );
    assert!(!harness.browser.deliveries().iter().any(|delivery| matches!(delivery, Delivery::Closed(_))));
}
