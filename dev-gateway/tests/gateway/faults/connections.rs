//! Faults of connections: cut, refused, without `$disconnect`, one message at a time.

use super::{connected, faulty, flush, seeded};
use crate::support::{Script, Socket, close_code, send, text, within};
use futures_util::StreamExt;
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

/// Reads to the end of the connection, which must come without a close frame.
pub(super) async fn expect_abort(socket: &mut Socket) {
    within(async {
        while let Some(next) = socket.next().await {
            match next {
                Ok(Message::Close(_)) => panic!("a close frame"),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_is_cut_at_its_nth_message_either_way() {
    let (gateway, _, mut socket, id) = connected("cut-every=3,cut-with=close").await;
    send(&mut socket, "one").await;
    gateway.event_of("$default").await;
    gateway.clients.post(&id, "two".into()).await.unwrap();
    assert_eq!(text(&mut socket).await, "two");
    send(&mut socket, "three").await;
    assert_eq!(close_code(&mut socket).await, 1001);
    // The cut follows the message; both invoke the function concurrently.
    let events = [gateway.event().await, gateway.event().await];
    assert!(events.iter().any(|event| event["body"] == "three"));
    assert!(events.iter().any(|event| event["requestContext"]["disconnectStatusCode"] == 1001));
    // The next connection has its own count.
    let (mut socket, _) = gateway.connect().await;
    send(&mut socket, "one").await;
    gateway.event_of("$default").await;
}

#[tokio::test]
async fn an_aborted_connection_gets_no_close_frame() {
    let (gateway, faults, mut socket, _) = connected("cut=1,cut-with=abort").await;
    send(&mut socket, "last words").await;
    expect_abort(&mut socket).await;
    assert_eq!(gateway.event_of("$disconnect").await["requestContext"]["disconnectStatusCode"], 1006);
    assert_eq!(faults.counts()["cut"], 1);
}

#[tokio::test]
async fn a_handshake_is_refused() {
    let (gateway, faults) = faulty("refuse=1").await;
    assert_eq!(gateway.refused("/prod").await.0, StatusCode::TOO_MANY_REQUESTS);
    faults.set("none".parse().unwrap());
    gateway.connect().await;
    assert_eq!(faults.counts()["refuse"], 1);
}

#[tokio::test]
async fn a_silent_end_invokes_no_disconnect() {
    let (gateway, faults, mut socket, _) = connected("silent=1").await;
    within(socket.close(None)).await.unwrap();
    crate::support::until(|| faults.counts().contains_key("silent")).await;
    faults.set("none".parse().unwrap());
    let (mut socket, id) = gateway.connect().await;
    within(socket.close(None)).await.unwrap();
    let event = gateway.event_of("$disconnect").await;
    assert_eq!(event["requestContext"]["connectionId"], json!(id), "the event is the second connection's");
}

/// Returns true if a connection's second message is invoked while the first still runs.
async fn second_is_dispatched(plan: &str) -> bool {
    let release = Arc::new(Notify::new());
    let (gateway, _) = seeded(plan, 1, Script::default().hold("sendMessage", &release)).await;
    let (mut socket, _) = gateway.connect().await;
    send(&mut socket, r#"{"action":"sendMessage"}"#).await;
    gateway.event_of("sendMessage").await;
    send(&mut socket, "second").await;
    flush(&mut socket).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let dispatched = gateway.try_event().is_some();
    release.notify_one();
    if !dispatched {
        assert_eq!(super::body(&gateway.event().await), "second", "it was not invoked afterwards");
    }
    dispatched
}

#[tokio::test]
async fn messages_go_one_at_a_time() {
    assert!(second_is_dispatched("none").await);
    assert!(!second_is_dispatched("one-at-a-time").await);
}
