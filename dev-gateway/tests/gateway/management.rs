//! `@connections` over HTTP.

use crate::support::{Fixture, Script, close_code, connections, dial, text, within};
use futures_util::{SinkExt, StreamExt};
use http::{Method, StatusCode};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

#[tokio::test]
async fn a_post_sends_a_message() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    for body in ["one", "two: é", ""] {
        let reply = gateway.http(Method::POST, &connections(&id), body).await;
        assert_eq!((reply.status, reply.body.len()), (StatusCode::OK, 0));
        assert!(!reply.header("x-amzn-requestid").is_empty());
        assert_eq!(text(&mut socket).await, body);
    }
    // Some SDKs encode the `@`.
    gateway.http(Method::POST, &connections(&id).replace('@', "%40"), "encoded").await;
    assert_eq!(text(&mut socket).await, "encoded");
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let reply = gateway.http(method, &connections("no-id"), "").await;
        assert_eq!((reply.status, reply.header("x-amzn-errortype")), (StatusCode::BAD_REQUEST, "BadRequestException"));
    }
    // Some clients do not escape the id.
    gateway.http(Method::POST, &format!("/prod/@connections/{id}"), "three").await;
    assert_eq!(text(&mut socket).await, "three");
}

#[tokio::test]
async fn a_connection_is_gone_until_connect_has_returned() {
    let release = Arc::new(Notify::new());
    let gateway = Fixture::start(Script::default().hold("$connect", &release)).await;
    let client = tokio::spawn(dial(gateway.url("/prod")));
    let event = gateway.event_of("$connect").await;
    let id = event["requestContext"]["connectionId"].as_str().unwrap();
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let reply = gateway.http(method, &connections(id), "early").await;
        assert_eq!((reply.status, reply.header("x-amzn-errortype")), (StatusCode::GONE, "GoneException"));
    }
    release.notify_one();
    let (mut socket, _) = within(client).await.unwrap().unwrap();
    gateway.http(Method::POST, &connections(id), "in time").await;
    assert_eq!(text(&mut socket).await, "in time");
}

#[tokio::test]
async fn a_connection_is_gone_after_the_client_left() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    within(socket.close(None)).await.unwrap();
    // $disconnect follows the removal of the id.
    gateway.event_of("$disconnect").await;
    for method in [Method::POST, Method::GET, Method::DELETE] {
        assert_eq!(gateway.http(method, &connections(&id), "late").await.status, StatusCode::GONE);
    }
}

#[tokio::test]
async fn a_delete_closes_with_1000_after_earlier_posts() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    gateway.http(Method::POST, &connections(&id), "last words").await;
    assert_eq!(gateway.http(Method::DELETE, &connections(&id), "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(gateway.http(Method::POST, &connections(&id), "too late").await.status, StatusCode::GONE);
    assert_eq!(text(&mut socket).await, "last words");
    assert_eq!(close_code(&mut socket).await, 1000);
    assert_eq!(gateway.event_of("$disconnect").await["requestContext"]["disconnectStatusCode"], 1000);
}

#[tokio::test]
async fn a_close_right_after_posts_loses_none() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    for word in ["one", "two", "three"] {
        gateway.clients.post(&id, word.into()).await.unwrap();
    }
    assert!(gateway.clients.close(&id).await);
    for word in ["one", "two", "three"] {
        assert_eq!(text(&mut socket).await, word);
    }
    assert_eq!(close_code(&mut socket).await, 1000);
}

#[tokio::test]
async fn a_get_describes_the_connection() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    let first = gateway.http(Method::GET, &connections(&id), "").await;
    assert_eq!(first.status, StatusCode::OK);
    let first = first.json();
    assert_eq!(first["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(first["connectedAt"], first["lastActiveAt"]);
    within(async {
        loop {
            socket.send(Message::text("x")).await.unwrap();
            gateway.event_of("$default").await;
            let now = gateway.http(Method::GET, &connections(&id), "").await.json();
            assert_eq!(now["connectedAt"], first["connectedAt"]);
            if now["lastActiveAt"].as_str() > first["lastActiveAt"].as_str() {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn large_and_binary_posts_are_refused() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    let reply = gateway.http(Method::POST, &connections(&id), vec![b'x'; 128 * 1024 + 1]).await;
    let kind = reply.header("x-amzn-errortype");
    assert_eq!((reply.status, kind), (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException"));
    let reply = gateway.http(Method::POST, &connections(&id), &b"\xff\xfe"[..]).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let reply = gateway.http(Method::POST, &format!("/dev/@connections/{id}"), "x").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    gateway.http(Method::POST, &connections(&id), "still here").await;
    assert_eq!(text(&mut socket).await, "still here");
}

#[tokio::test]
async fn a_large_post_is_split_into_frames_of_32_kb() {
    let gateway = Fixture::start(Script::default()).await;
    let config = WebSocketConfig::default().max_frame_size(Some(32 * 1024));
    let url = gateway.url("/prod");
    let connecting = tokio_tungstenite::connect_async_with_config(url, Some(config), true);
    let (mut socket, _) = within(connecting).await.unwrap();
    let event = gateway.event_of("$connect").await;
    let id = event["requestContext"]["connectionId"].as_str().unwrap();
    for size in [32 * 1024, 32 * 1024 + 1, 128 * 1024] {
        // A two-byte character crosses the frame boundary.
        let body = format!("x{}", "é".repeat(size / 2))[..size - size % 2 - 1].to_owned();
        assert_eq!(gateway.http(Method::POST, &connections(id), body.clone()).await.status, StatusCode::OK);
        assert!(text(&mut socket).await == body, "{size}");
    }
}

#[tokio::test]
async fn posts_to_a_slow_client_get_429_and_none_is_lost() {
    let quotas = dev_gateway::Quotas { post_timeout: std::time::Duration::from_millis(50), ..Default::default() };
    let gateway = Fixture::with_quotas(quotas, Script::default()).await;
    let (mut socket, id) = gateway.connect().await;
    let body = "x".repeat(128 * 1024);
    let mut taken = 0;
    let refused = within(async {
        loop {
            let reply = gateway.http(Method::POST, &connections(&id), body.clone()).await;
            if reply.status != StatusCode::OK {
                break reply;
            }
            taken += 1;
        }
    })
    .await;
    let kind = refused.header("x-amzn-errortype");
    assert_eq!((refused.status, kind), (StatusCode::TOO_MANY_REQUESTS, "LimitExceededException"));
    for _ in 0..taken {
        assert_eq!(text(&mut socket).await.len(), body.len());
    }
    gateway.http(Method::DELETE, &connections(&id), "").await;
    assert!(matches!(within(socket.next()).await, Some(Ok(Message::Close(Some(_))))));
}
