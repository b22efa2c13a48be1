//! The real binary with real edges: the runtime API hands it events, its rows are in a DynamoDB API, its posts reach a server
//! in API Gateway's place, and its requests a server in the service's place.

use crate::moto::Moto;
use crate::runtime_api::Function;
use crate::server::Server;
use auth_tokens::{GatewaySecret, GatewayTokenVerifier, sign_user_token};
use gateway_lambda::{Clock, Connections, SystemClock};
use serde_json::{Value, json};
use shared_protocol::{ConnectionId, Role, SessionId, UserClaims};
use std::time::Duration;
use tokio::time::Instant;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn fixture(name: &str, token: &str) -> Value {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap().replace("TOKEN", token)).unwrap()
}

fn unix_seconds() -> u64 {
    SystemClock.unix_seconds()
}

fn token() -> String {
    let claims = UserClaims {
        sub: "ada".into(),
        exp: unix_seconds() + 600,
        nbf: None,
        iat: None,
        iss: None,
        aud: None,
        sid: Some(SessionId::new("lab-7").unwrap()),
        role: Role::Controller,
        admin: false,
    };
    sign_user_token(&claims, SECRET.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_connection_from_its_opening_to_its_end() {
    let moto = Moto::start().await;
    let table = moto.create_table("Connections").await;
    let (mut service, mut gateway) = (Server::start().await, Server::start().await);
    let mut function = Function::start(&[
        ("TABLE_NAME", "Connections"),
        ("APP_RUNNER_URL", &service.url),
        ("JWT_SECRET", SECRET),
        ("DOMAIN_NAME", &gateway.url),
        ("AWS_ENDPOINT_URL_DYNAMODB", moto.url()),
    ])
    .await;
    let token = token();

    let policy = function.handle(fixture("authorizer-query", &token)).await.unwrap();
    assert_eq!(policy["policyDocument"]["Statement"][0]["Effect"], "Allow");
    let refused = function.handle(fixture("authorizer-query", "a.bad.token")).await.unwrap_err();
    assert_eq!(refused, json!({"errorType": "Unauthorized", "errorMessage": "Unauthorized"}));

    let id = ConnectionId::new("Lq3xTfoVDoECJ1w=").unwrap();
    let opened = function.handle(fixture("connect-without-authorizer", &token)).await.unwrap();
    assert_eq!(opened, json!({"statusCode": 200}));
    let row = table.get(&id, unix_seconds()).await.unwrap().unwrap();
    assert_eq!(row.identity.sid, Some(SessionId::new("lab-7").unwrap()));

    service.answers(200, &[("x-terminal-follow", "1.0")], "reply");
    service.answers(200, &[], "output");
    let event = fixture("message-default-without-authorizer", &token);
    let body = event["body"].clone();
    assert_eq!(function.handle(event).await.unwrap(), json!({"statusCode": 200}));
    let message = service.arrived().await;
    assert_eq!(message.body, body.as_str().unwrap());
    let signed = message.header("authorization").strip_prefix("Bearer ").unwrap();
    let keys = GatewayTokenVerifier::new([&GatewaySecret::derived_from(SECRET.as_bytes()).unwrap()]);
    assert!(keys.verify(signed, &message.path, &message.body, unix_seconds()).is_ok());
    assert_eq!(service.arrived().await.path, "/api/ws/output");
    for frame in ["reply", "output"] {
        let post = gateway.arrived().await;
        assert_eq!((post.path.as_str(), &post.body[..]), ("/prod/@connections/Lq3xTfoVDoECJ1w%3D", frame.as_bytes()));
    }

    let closed = function.handle(fixture("disconnect-without-authorizer", "")).await.unwrap();
    assert_eq!(closed, json!({"statusCode": 200}));
    assert_eq!(service.arrived().await.path, "/api/ws/disconnect");
    assert_eq!(table.get(&id, unix_seconds()).await.unwrap(), None);

    let log = function.end().await;
    for phrase in [
        "[WebSocket] Route: $connect, ConnectionId: Lq3xTfoVDoECJ1w=",
        "[WebSocket] Connected: Lq3xTfoVDoECJ1w=, Session: lab-7",
        "[WebSocket] Message from Lq3xTfoVDoECJ1w=",
        "[WebSocket] Disconnected: Lq3xTfoVDoECJ1w=, Session: lab-7",
        "[WebSocket] Refused: Lq3xTfoVDoECJ1w=",
    ] {
        let entry = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        assert_eq!(entry.filter(|entry| entry["message"] == phrase).count(), 1, "{phrase}: {log:#?}");
    }
    for metric in ["ConnectionsOpened", "ConnectionsRefused", "ServiceMilliseconds", "Frames"] {
        let mut entries = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let counted = entries.any(|entry| entry["_aws"].is_object() && entry[metric].is_array());
        // What a short invocation counts waits for the next line, and the last such wait is lost.
        assert_eq!(counted, metric.starts_with("Connections"), "{metric}: {log:#?}");
    }
    let log = log.join("\n");
    for secret in [token.as_str(), "a.bad.token", SECRET, "grüße", "ls\\r", signed] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn a_bad_event_is_an_error_and_the_next_one_is_served() {
    let mut function = Function::start(&[
        ("TABLE_NAME", "Connections"),
        ("BACKEND_URL", "http://127.0.0.1:9"),
        ("JWT_SECRET", SECRET),
    ])
    .await;
    let error = function.handle(json!({"requestContext": {"routeKey": "$default"}})).await.unwrap_err();
    assert_eq!(error["errorType"], "BadEvent");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("`requestContext.connectionId` is missing"), "{error}");
    let policy = function.handle(fixture("authorizer-subprotocol", &token())).await.unwrap();
    assert_eq!(policy["policyDocument"]["Statement"][0]["Effect"], "Allow");
}

#[tokio::test]
async fn a_missing_variable_ends_the_start_with_a_sentence() {
    let function = Function::start(&[("TABLE_NAME", "t"), ("BACKEND_URL", "http://127.0.0.1:9")]).await;
    let (content, log) = function.log().await;
    assert!(!content);
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].contains("JWT_SECRET is required because"), "{log:?}");
}

#[tokio::test]
async fn the_start_touches_no_network_but_the_runtimes() {
    let began = Instant::now();
    // Addresses that lead nowhere: a start that waited for any of them would not ask for an event.
    let mut function = Function::start(&[
        ("TABLE_NAME", "Connections"),
        ("APP_RUNNER_URL", "http://192.0.2.1"),
        ("GATEWAY_SECRET", SECRET),
        ("JWT_JWKS_URL", "https://192.0.2.1/keys"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://192.0.2.1"),
    ])
    .await;
    function.asks().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
