//! Code and reason that `$disconnect` receives for each end of a connection.

use crate::support::{Fixture, Script, close_code, end, send, within};
use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Code and reason of the next `$disconnect`.
async fn disconnect_event(gateway: &Fixture, id: &str) -> (Value, Value) {
    let event = gateway.event_of("$disconnect").await;
    let context = &event["requestContext"];
    assert_eq!((&context["eventType"], &context["connectionId"]), (&json!("DISCONNECT"), &json!(id)));
    (context["disconnectStatusCode"].clone(), context["disconnectReason"].clone())
}

#[tokio::test]
async fn the_clients_code_and_reason_are_passed_on() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    let frame = CloseFrame { code: 4001.into(), reason: "tired".into() };
    within(socket.close(Some(frame))).await.unwrap();
    assert_eq!(disconnect_event(&gateway, &id).await, (json!(4001), json!("tired")));
    end(socket).await;
}

#[tokio::test]
async fn a_close_without_a_code_is_1005() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    within(socket.send(Message::Close(None))).await.unwrap();
    assert_eq!(disconnect_event(&gateway, &id).await, (json!(1005), json!("Client-side close frame status not set")));
    end(socket).await;
}

#[tokio::test]
async fn a_lost_connection_is_1006() {
    let (gateway, socket, id) = Fixture::connected().await;
    drop(socket);
    assert_eq!(disconnect_event(&gateway, &id).await.0, json!(1006));
}

#[tokio::test]
async fn a_stopping_gateway_closes_with_1001_and_invokes_disconnect() {
    let (gateway, mut socket, id) = Fixture::connected().await;
    let addr = gateway.running.addr();
    let Fixture { running, clients, .. } = gateway;
    let ((), code) = tokio::join!(within(running.shutdown()), async {
        let code = close_code(&mut socket).await;
        end(socket).await;
        code
    });
    assert_eq!(code, 1001);
    assert!(clients.describe(&id).await.is_none());
    assert!(tokio::net::TcpStream::connect(addr).await.is_err(), "it still listens");
}

#[tokio::test]
async fn a_gateway_stops_with_an_endless_invocation() {
    let script = Script::default().on("$default", |_| std::future::pending());
    let (gateway, mut socket, _) = Fixture::connected_to(script).await;
    send(&mut socket, "for ever").await;
    gateway.event_of("$default").await;
    within(gateway.running.shutdown()).await;
}
