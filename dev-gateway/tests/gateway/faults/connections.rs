//! What happens to connections: cut, refused, ended without a word, one message at a time.

use super::{faulty, read, say, seeded};
use crate::support::{Script, Socket, close_code, text, within};
use futures_util::StreamExt;
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

/// Reads to the end of the transport, which must come without a close frame.
async fn aborted(socket: &mut Socket) {
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
    let (gateway, _) = faulty("cut-every=3,cut-with=close").await;
    let (mut socket, id) = gateway.connect().await;
    say(&mut socket, "one").await;
    gateway.event_of("$default").await;
    gateway.clients.post(&id, "two".into()).await.unwrap();
    assert_eq!(text(&mut socket).await, "two");
    say(&mut socket, "three").await;
    assert_eq!(close_code(&mut socket).await, 1001);
    // It is cut after the message, not before; the function hears of both side by side.
    let events = [gateway.event().await, gateway.event().await];
    assert!(events.iter().any(|event| event["body"] == "three"));
    assert!(events.iter().any(|event| event["requestContext"]["disconnectStatusCode"] == 1001));
    // The next connection counts anew.
    let (mut socket, _) = gateway.connect().await;
    say(&mut socket, "one").await;
    gateway.event_of("$default").await;
}

#[tokio::test]
async fn an_aborted_connection_gets_no_close_frame() {
    let (gateway, faults) = faulty("cut=1,cut-with=abort").await;
    let (mut socket, _) = gateway.connect().await;
    say(&mut socket, "last words").await;
    aborted(&mut socket).await;
    assert_eq!(gateway.event_of("$disconnect").await["requestContext"]["disconnectStatusCode"], 1006);
    assert_eq!(faults.counts()["cut"], 1);
}

#[tokio::test]
async fn a_test_cuts_one_connection_or_all() {
    use dev_gateway::Cut;
    let (gateway, faults) = faulty("none").await;
    let (mut one, id) = gateway.connect().await;
    let (mut two, _) = gateway.connect().await;
    let (mut three, _) = gateway.connect().await;
    assert_eq!(faults.cut(Some("nobody"), None), 0);
    assert_eq!(faults.cut(Some(&id), Some(Cut::Close)), 1);
    assert_eq!(close_code(&mut one).await, 1001);
    gateway.event_of("$disconnect").await;
    assert_eq!(faults.cut(None, Some(Cut::Abort)), 2);
    aborted(&mut two).await;
    aborted(&mut three).await;
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
async fn nobody_is_told_of_a_silent_end() {
    let (gateway, faults) = faulty("silent=1").await;
    let (mut socket, _) = gateway.connect().await;
    within(socket.close(None)).await.unwrap();
    crate::support::until(|| faults.counts().contains_key("silent")).await;
    faults.set("none".parse().unwrap());
    let (mut socket, id) = gateway.connect().await;
    within(socket.close(None)).await.unwrap();
    let event = gateway.event_of("$disconnect").await;
    assert_eq!(event["requestContext"]["connectionId"], json!(id), "only the second's");
}

/// Whether a connection's second message gets to the function while the first is worked on.
async fn second_is_dispatched(plan: &str) -> bool {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let script = Script::default().on("sendMessage", move |_| {
        let go = held.clone();
        async move {
            go.notified().await;
            Ok(json!({"statusCode": 200}))
        }
    });
    let (gateway, _) = seeded(plan, 1, script).await;
    let (mut socket, _) = gateway.connect().await;
    say(&mut socket, r#"{"action":"sendMessage"}"#).await;
    gateway.event_of("sendMessage").await;
    say(&mut socket, "second").await;
    read(&mut socket).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let dispatched = gateway.try_event().is_some();
    go.notify_one();
    if !dispatched {
        assert_eq!(super::body(&gateway.event().await), "second", "its turn comes");
    }
    dispatched
}

#[tokio::test]
async fn messages_go_one_at_a_time() {
    assert!(second_is_dispatched("none").await);
    assert!(!second_is_dispatched("one-at-a-time").await);
}
