//! `$connect`: the row, the subprotocol, and refusals.

use crate::harness::{Harness, fixture, with};
use crate::support::{CONNECTION, NOW, claims, fixture_with, id, identity, row, token};
use gateway_lambda::Connections;
use gateway_lambda::clock::ManualClock;
use gateway_lambda::metrics::EmfLayer;
use serde_json::{Value, json};
use shared_protocol::UserClaims;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tracing_subscriber::layer::SubscriberExt;

pub(crate) fn refusal(answer: &Value) -> (u64, String) {
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (answer["statusCode"].as_u64().unwrap(), body["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_row_is_written_with_or_without_an_authorizer() {
    for name in ["connect", "connect-without-authorizer"] {
        let harness = Harness::new();
        assert_eq!(harness.handle(fixture(name)).await, json!({"statusCode": 200}), "{name}");
        let written = harness.connections.get(&id(CONNECTION), NOW).await.unwrap();
        assert_eq!(written, Some(row(CONNECTION, identity())), "{name}");
        assert_eq!(harness.backend.calls(), [], "the service learns of a connection with its first message");
    }
}

#[tokio::test]
async fn the_authorizers_context_takes_precedence_over_the_query() {
    let harness = Harness::new();
    harness.handle(fixture_with("connect", "not even a token")).await;
    let row = harness.connections.get(&id(CONNECTION), NOW).await.unwrap().unwrap();
    assert_eq!(row.identity.sub, "ada");
}

#[tokio::test]
async fn only_the_termgate_protocol_is_chosen_and_never_the_token() {
    for name in ["connect-subprotocol", "connect-subprotocol-without-authorizer"] {
        let answer = Harness::new().handle(fixture(name)).await;
        let chosen = json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "termgate"}});
        assert_eq!(answer, chosen, "{name}");
    }
}

#[tokio::test]
async fn without_an_authorizer_invalid_tokens_are_refused() {
    let harness = Harness::new();
    let expired = token(&UserClaims { exp: NOW - 11, ..claims() });
    let answer = harness.handle(fixture_with("connect-without-authorizer", &expired)).await;
    assert_eq!(refusal(&answer), (401, "TOKEN_EXPIRED".to_owned()));
    let answer = harness.handle(fixture_with("connect-without-authorizer", "e30.e30.e30")).await;
    assert_eq!(refusal(&answer), (401, "UNAUTHORIZED".to_owned()));
    assert!(!answer.to_string().contains("e30"), "an answer never repeats a token");
    let other = with("connect-without-authorizer", "/queryStringParameters/sessionId", json!("lab-8"));
    assert_eq!(refusal(&harness.handle(other).await), (403, "FORBIDDEN".to_owned()));
    assert_eq!(harness.connections.count_by_user("ada", NOW).await.unwrap(), 0);
}

#[tokio::test]
async fn the_time_to_connect_counts_from_the_handshake_and_only_for_opened_connections() {
    let (log, writer) = std::io::pipe().unwrap();
    let metrics = EmfLayer::new("websocket-handler".to_owned(), Arc::new(ManualClock::new(NOW)), writer);
    let recording = tracing::subscriber::set_default(tracing_subscriber::registry().with(metrics));
    let received = |ms: u64| with("connect", "/requestContext/requestTimeEpoch", json!(NOW * 1000 - ms));
    let harness = Harness::new();
    harness.handle(received(250)).await;
    let mut over_limit = received(90);
    over_limit["requestContext"]["authorizer"]["overLimit"] = json!("true");
    assert_eq!(harness.handle(over_limit).await["statusCode"], 200);
    drop(recording);
    let log = std::io::read_to_string(log).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let times: Vec<_> = lines.filter_map(|line| line.get("ConnectMilliseconds").cloned()).collect();
    assert_eq!(times, [json!([250.0])]);
}

#[tokio::test]
async fn a_failing_table_refuses_connections_without_details() {
    let harness = Harness::new();
    harness.connections.broken.store(true, Ordering::Relaxed);
    let answer = harness.handle(fixture("connect")).await;
    assert_eq!(refusal(&answer), (500, "INTERNAL".to_owned()));
    assert!(!answer.to_string().contains("broken"), "{answer}");
}
