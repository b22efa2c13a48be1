//! The real binary: events from a runtime API, rows in a DynamoDB API, and servers in the place of API Gateway and the service.

use crate::moto::table;
use crate::runtime_api::Function;
use crate::server::Server;
use crate::support::{self, CONNECTION, SECRET, claims, fixture_with, id, session};
use auth_tokens::{GatewaySecret, GatewayTokenVerifier};
use gateway_lambda::{Clock, Connections, SystemClock};
use serde_json::{Value, json};
use shared_protocol::UserClaims;
use shared_protocol::relay::RelayQuestion;
use std::time::Duration;
use tokio::time::Instant;

/// A token that is valid now; the fixtures' claims may not be.
fn token() -> String {
    support::token(&UserClaims { exp: SystemClock.now_seconds() + 600, iat: None, ..claims() })
}

#[tokio::test]
async fn a_whole_connection() {
    let (moto, table) = table().await;
    let (mut service, mut gateway) = (Server::start().await, Server::start().await);
    let mut function = Function::start(&[
        ("TABLE_NAME", "WebSocketConnections"),
        ("APP_RUNNER_URL", &service.url),
        ("JWT_SECRET", SECRET),
        ("DOMAIN_NAME", &gateway.url),
        ("AWS_ENDPOINT_URL_DYNAMODB", &moto.url()),
    ])
    .await;
    let token = token();

    let policy = function.handle(fixture_with("authorizer-query", &token)).await.unwrap();
    assert_eq!(policy["policyDocument"]["Statement"][0]["Effect"], "Allow");
    let refused = function.handle(fixture_with("authorizer-query", "a.bad.token")).await.unwrap_err();
    assert_eq!(refused, json!({"errorType": "Unauthorized", "errorMessage": "Unauthorized"}));

    let id = id(CONNECTION);
    let opened = function.handle(fixture_with("connect-without-authorizer", &token)).await.unwrap();
    assert_eq!(opened, json!({"statusCode": 200}));
    let row = table.get(&id, SystemClock.now_seconds()).await.unwrap().unwrap();
    assert_eq!(row.identity.sid, Some(session("lab-7")));

    service.answers(200, &[("x-terminal-relay", "grant")], "reply");
    service.answers(200, &[], "1 1 Lq3xTfoVDoECJ1w= - 6\noutput");
    let event = fixture_with("message-default-without-authorizer", &token);
    let body = event["body"].clone();
    assert_eq!(function.handle(event).await.unwrap(), json!({"statusCode": 200}));
    let message = service.arrived().await;
    assert_eq!(message.body, body.as_str().unwrap());
    let signed = message.header("authorization").strip_prefix("Bearer ").unwrap();
    let keys = GatewayTokenVerifier::new([&GatewaySecret::derived_from(SECRET.as_bytes()).unwrap()]);
    assert!(keys.verify(signed, &message.path, &message.body, SystemClock.now_seconds()).is_ok());
    for last in [false, true] {
        let question = service.arrived().await;
        assert_eq!(question.path, "/api/ws/relay");
        let asked: RelayQuestion = serde_json::from_slice(&question.body).unwrap();
        assert_eq!((asked.relay.as_str(), asked.last), ("grant", last));
        let signed = question.header("authorization").strip_prefix("Bearer ").unwrap();
        let claims = keys.verify_relay(signed, &question.path, &question.body, SystemClock.now_seconds()).unwrap();
        assert!(claims.ep.ends_with("/prod"), "{claims:?}");
    }
    for frame in ["reply", "output"] {
        let post = gateway.arrived().await;
        assert_eq!((post.path.as_str(), &post.body[..]), ("/prod/@connections/Lq3xTfoVDoECJ1w%3D", frame.as_bytes()));
    }

    let closed = function.handle(fixture_with("disconnect-without-authorizer", "")).await.unwrap();
    assert_eq!(closed, json!({"statusCode": 200}));
    assert_eq!(service.arrived().await.path, "/api/ws/disconnect");
    assert_eq!(table.get(&id, SystemClock.now_seconds()).await.unwrap(), None);

    let log = function.end().await;
    for phrase in [
        "[WebSocket] Route: $connect, ConnectionId: Lq3xTfoVDoECJ1w=",
        "[WebSocket] Connected: Lq3xTfoVDoECJ1w=, Session: lab-7",
        "[WebSocket] Message from Lq3xTfoVDoECJ1w=: input",
        "[WebSocket] Disconnected: Lq3xTfoVDoECJ1w=, Session: lab-7",
        "[WebSocket] Refused: Lq3xTfoVDoECJ1w=",
    ] {
        let entry = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        assert_eq!(entry.filter(|entry| entry["message"] == phrase).count(), 1, "{phrase}: {log:#?}");
    }
    for metric in ["ConnectionsOpened", "ConnectionsRefused", "ServiceMilliseconds", "Frames", "RelayMembers"] {
        let mut entries = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let counted = entries.any(|entry| entry["_aws"].is_object() && entry[metric].is_array());
        // Short invocations are batched, and the last batch is lost.
        assert_eq!(counted, metric.starts_with("Connections"), "{metric}: {log:#?}");
    }
    let log = log.join("\n");
    for secret in [token.as_str(), "a.bad.token", SECRET, "grüße", "ls\\r", signed] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn a_bad_event_is_an_error_and_the_next_event_is_handled() {
    let mut function = Function::start(&[
        ("TABLE_NAME", "Connections"),
        ("BACKEND_URL", "http://127.0.0.1:9"),
        ("JWT_SECRET", SECRET),
    ])
    .await;
    let error = function.handle(json!({"requestContext": {"routeKey": "$default"}})).await.unwrap_err();
    assert_eq!(error["errorType"], "BadEvent");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("`requestContext.connectionId` is missing"), "{error}");
    let mut other_session = fixture_with("authorizer-query", &token());
    other_session["queryStringParameters"]["sessionId"] = json!("lab-8");
    let policy = function.handle(other_session).await.unwrap();
    assert_eq!(policy["policyDocument"]["Statement"][0]["Effect"], "Deny");
}

#[tokio::test]
async fn a_missing_variable_is_named_and_ends_the_start() {
    let function = Function::start(&[("TABLE_NAME", "t"), ("BACKEND_URL", "http://127.0.0.1:9")]).await;
    let (success, log) = function.log().await;
    assert!(!success);
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].contains("JWT_SECRET is required because"), "{log:?}");
}

#[tokio::test]
async fn the_start_connects_only_to_the_runtime_api() {
    let began = Instant::now();
    // Addresses without a host: a start that waited for one of them would not poll for an event.
    let mut function = Function::start(&[
        ("TABLE_NAME", "Connections"),
        ("APP_RUNNER_URL", "http://192.0.2.1"),
        ("GATEWAY_SECRET", SECRET),
        ("JWT_JWKS_URL", "https://192.0.2.1/keys"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://192.0.2.1"),
    ])
    .await;
    assert_eq!(function.arrived().await.path, "/2018-06-01/runtime/invocation/next");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
