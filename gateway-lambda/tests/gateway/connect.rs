//! `$connect`: the row, the subprotocol, and refusals.

use crate::harness::{Harness, fixture, with};
use crate::support::{CONNECTION, NOW, claims, fixture_with, id, identity, row, token};
use gateway_lambda::clock::ManualClock;
use gateway_lambda::metrics::EmfLayer;
use gateway_lambda::{Connection, Connections, Identity};
use serde_json::{Value, json};
use shared_protocol::UserClaims;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tracing_subscriber::layer::SubscriberExt;

fn refusal(answer: &Value) -> (u64, String) {
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
    let harness = Harness::with(|config| config.connections_per_user = 1);
    harness.handle(received(250)).await;
    assert_eq!(refusal(&harness.handle(received(90)).await).0, 429);
    drop(recording);
    let log = std::io::read_to_string(log).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let times: Vec<_> = lines.filter_map(|line| line.get("ConnectMilliseconds").cloned()).collect();
    assert_eq!(times, [json!([250.0])]);
}

#[tokio::test]
async fn connections_per_user_are_limited() {
    let harness = Harness::with(|config| config.connections_per_user = 3);
    for other in ["a=", "b="] {
        harness.put(&row(other, identity())).await;
    }
    let expired = Connection { expires_at: NOW, ..row("old=", identity()) };
    harness.put(&expired).await;
    let eve = Identity { sub: "eve".into(), ..identity() };
    harness.put(&row("c=", eve)).await;
    assert_eq!(harness.handle(fixture("connect")).await["statusCode"], 200, "the third");
    let fourth = with("connect", "/requestContext/connectionId", json!("fourth="));
    assert_eq!(refusal(&harness.handle(fourth).await), (429, "LIMIT_REACHED".to_owned()));
    assert_eq!(harness.connections.rows_exist(&["fourth=", CONNECTION]).await, [false, true]);
}

#[tokio::test]
async fn carriers_are_marked_and_counted_apart() {
    let harness = Harness::with(|config| config.connections_per_user = 1);
    harness.put(&row("page=", identity())).await;
    let mut opened = Vec::new();
    for connection in ["carrier=", "another="] {
        let mut event = fixture_with("connect-without-authorizer", &token(&claims()));
        event["queryStringParameters"]["carrier"] = json!("1");
        event["requestContext"]["connectionId"] = connection.into();
        opened.push(harness.handle(event).await["statusCode"].clone());
    }
    assert_eq!(opened, [200, 429]);
    let carrier = harness.connections.get(&id("carrier="), NOW).await.unwrap().unwrap();
    assert_eq!(carrier.identity, Identity { carrier: true, ..identity() });
}

#[tokio::test]
async fn stale_rows_are_removed_at_the_limit() {
    let harness = Harness::with(|config| config.connections_per_user = 4);
    let idle = |name| Connection { expires_at: NOW + 571, ..row(name, identity()) };
    for name in ["gone=", "there="] {
        harness.put(&idle(name)).await;
    }
    // Unknown to API Gateway too, but possibly still opening.
    for young in ["young=", "younger="] {
        harness.put(&Connection { expires_at: NOW + 572, ..row(young, identity()) }).await;
    }
    for name in ["gone=", "young=", "younger="] {
        harness.browser.disappear_after(&id(name), 0);
    }
    assert_eq!(harness.handle(fixture("connect")).await["statusCode"], 200);
    let left = harness.connections.rows_exist(&["gone=", "there=", "young=", "younger=", CONNECTION]).await;
    assert_eq!(left, [false, true, true, true, true]);
    let another = with("connect", "/requestContext/connectionId", json!("another="));
    assert_eq!(refusal(&harness.handle(another).await), (429, "LIMIT_REACHED".to_owned()));
}

#[tokio::test]
async fn a_failing_table_refuses_connections_without_details() {
    let harness = Harness::new();
    harness.connections.broken.store(true, Ordering::Relaxed);
    let answer = harness.handle(fixture("connect")).await;
    assert_eq!(refusal(&answer), (500, "INTERNAL".to_owned()));
    assert!(!answer.to_string().contains("broken"), "{answer}");
}
