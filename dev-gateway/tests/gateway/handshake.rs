//! The handshake: the order of authorizer and `$connect`, and each rejection.

use crate::support::{Fixture, Script, dial, function_error, policy, send, text, within};
use dev_gateway::{InvokeError, Options, Quotas};
use http::{Method, StatusCode};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

#[tokio::test]
async fn the_authorizer_comes_first_and_its_context_is_on_every_later_event() {
    let gateway = Fixture::start(Script::default()).await;
    let url = gateway.url("/prod?token=abc&sessionId=s1");
    let (mut socket, _) = dial(url).await.unwrap();

    let authorize = gateway.event().await;
    assert_eq!(authorize["type"], "REQUEST");
    assert_eq!(authorize["queryStringParameters"], json!({"token": "abc", "sessionId": "s1"}));
    assert!(authorize["methodArn"].as_str().unwrap().ends_with("/prod/$connect"));
    assert_eq!(authorize["requestContext"].get("authorizer"), None);

    let connect = gateway.event().await;
    let context = &connect["requestContext"];
    assert_eq!((&context["routeKey"], &context["eventType"]), (&json!("$connect"), &json!("CONNECT")));
    assert!(context["connectionId"].as_str().unwrap().ends_with('='));
    assert_eq!(context["connectionId"], authorize["requestContext"]["connectionId"]);
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["domainName"], gateway.running.addr().to_string());
    assert_eq!(connect["multiValueHeaders"]["Host"], json!([gateway.running.addr().to_string()]));
    let authorizer = &context["authorizer"];
    assert_eq!(authorizer["principalId"], "ada");
    assert_eq!((&authorizer["admin"], &authorizer["uexp"]), (&json!("false"), &json!("7")));
    assert!(authorizer["integrationLatency"].is_u64());

    send(&mut socket, "hello").await;
    assert_eq!(&gateway.event().await["requestContext"]["authorizer"], authorizer);
    within(socket.close(None)).await.unwrap();
    assert_eq!(&gateway.event_of("$disconnect").await["requestContext"]["authorizer"], authorizer);
}

#[tokio::test]
async fn connect_is_not_invoked_if_the_authorizer_refuses() {
    let mut large = policy("Allow");
    large["context"]["large"] = "x".repeat(9000).into();
    for (answer, status) in [
        (Ok(policy("Deny")), StatusCode::FORBIDDEN),
        (Err(function_error("Unauthorized")), StatusCode::UNAUTHORIZED),
        (Err(function_error("else")), StatusCode::INTERNAL_SERVER_ERROR),
        (Err(InvokeError::TimedOut), StatusCode::INTERNAL_SERVER_ERROR),
        (Ok(json!({"statusCode": 200})), StatusCode::INTERNAL_SERVER_ERROR),
        (Ok(large), StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let gateway = Fixture::start(Script::default().answer("authorizer", answer)).await;
        let (refused, body) = gateway.refused("/prod").await;
        assert_eq!(refused, status);
        assert!(body["connectionId"].is_string() && body["requestId"].is_string() && body["message"].is_string());
        assert_eq!(gateway.event().await["type"], "REQUEST");
        assert!(gateway.remaining_events().await.is_empty(), "{status}");
    }
}

#[tokio::test]
async fn connect_determines_the_status() {
    for (answer, status) in [
        (Ok(json!({"statusCode": 429})), 429),
        (Ok(json!({"statusCode": 403, "body": "no"})), 403),
        (Ok(json!({"body": "no status"})), 502),
        (Ok(json!(null)), 502),
        (Err(function_error("crashed")), 502),
    ] {
        let gateway = Fixture::start(Script::default().answer("$connect", answer)).await;
        assert_eq!(gateway.refused("/prod").await.0.as_u16(), status);
        gateway.event_of("$connect").await;
        assert!(gateway.remaining_events().await.is_empty(), "nothing follows a refused $connect");
    }
}

#[tokio::test]
async fn a_slow_connect_is_a_gateway_timeout() {
    let quotas = Quotas { integration_timeout: Duration::from_millis(50), ..Quotas::default() };
    let script = Script::default().on("$connect", |_| std::future::pending());
    let gateway = Fixture::with_quotas(quotas, script).await;
    assert_eq!(gateway.refused("/prod").await.0, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn connect_chooses_the_subprotocol() {
    let chosen = json!({"statusCode": 200, "headers": {"sec-websocket-protocol": "termgate"}});
    let gateway = Fixture::start(Script::default().answer("$connect", Ok(chosen))).await;
    let mut request = gateway.url("/prod").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "termgate, tok.en".parse().unwrap());
    let (_socket, response) = dial(request).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "termgate");
    let offered = gateway.event().await["headers"]["Sec-WebSocket-Protocol"].clone();
    assert_eq!(offered, "termgate, tok.en");
}

#[tokio::test]
async fn the_api_is_served_at_its_stage_only() {
    let gateway = Fixture::start(Script::default()).await;
    for target in ["/prod", "/prod/", "/prod?token=x"] {
        dial(gateway.url(target)).await.unwrap();
    }
    for target in ["/dev", "/", "/?token=x", "//prod", "/prod/more"] {
        assert_eq!(gateway.refused(target).await.0, StatusCode::FORBIDDEN, "{target}");
    }
    assert_eq!(gateway.refused(&format!("/prod?t={}", "x".repeat(4096))).await.0, StatusCode::URI_TOO_LONG);
    assert_eq!(gateway.http(Method::GET, "/prod", "").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_an_authorizer_connect_comes_first() {
    let options = Options { authorizer: false, ..Options::default() };
    let gateway = Fixture::with_options(options, Script::default()).await;
    dial(gateway.url("/prod")).await.unwrap();
    let event = gateway.event().await;
    assert_eq!(event["requestContext"]["routeKey"], "$connect");
    assert_eq!(event["requestContext"].get("authorizer"), None);
}

#[tokio::test]
async fn a_client_that_leaves_does_not_end_its_connect() {
    let go = Arc::new(Notify::new());
    let gateway = Fixture::start(Script::default().hold("$connect", &go)).await;
    let mut tcp = TcpStream::connect(gateway.running.addr()).await.unwrap();
    let request = "GET /prod HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    tcp.write_all(request.as_bytes()).await.unwrap();
    gateway.event_of("$connect").await;
    drop(tcp);
    go.notify_one();
    let event = gateway.event_of("$disconnect").await;
    assert_eq!(event["requestContext"]["disconnectStatusCode"], 1006);
}

#[tokio::test]
async fn a_post_right_after_connect_arrives() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    gateway.clients.post(&id, "first".into()).await.unwrap();
    assert_eq!(text(&mut socket).await, "first");
}
