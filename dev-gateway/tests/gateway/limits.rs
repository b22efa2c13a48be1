//! API Gateway's limits of size and time, with the close code of each.

use crate::support::{Fixture, Script, close_code, next_close_code, within};
use dev_gateway::Quotas;
use futures_util::{Sink, SinkExt, StreamExt};
use serde_json::json;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

const KB: usize = 1024;

/// Sends a message in frames of these sizes.
async fn send_frames(socket: &mut (impl Sink<Message> + Unpin), sizes: &[usize]) {
    for (at, size) in sizes.iter().enumerate() {
        let opcode = if at == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(vec![b'x'; *size], OpCode::Data(opcode), at + 1 == sizes.len());
        // The gateway may close before the client has sent everything.
        if socket.send(Message::Frame(frame)).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_message_within_the_limits_passes() {
    let (gateway, mut socket, _) = Fixture::connected().await;
    for sizes in [&[32 * KB][..], &[32 * KB, 32 * KB, 32 * KB, 32 * KB]] {
        within(send_frames(&mut socket, sizes)).await;
        let event = gateway.event().await;
        assert_eq!(event["body"].as_str().unwrap().len(), sizes.iter().sum::<usize>());
    }
}

#[tokio::test]
async fn a_large_frame_or_message_closes_with_1009() {
    for sizes in [&[32 * KB + 1][..], &[32 * KB, 32 * KB, 32 * KB, 32 * KB, 1], &[1, 32 * KB + 1], &[4 * KB * KB]] {
        let (gateway, socket, _) = Fixture::connected().await;
        let (mut sink, mut stream) = socket.split();
        // A browser reads while it writes: the close frame must reach it while it still sends.
        let sending = send_frames(&mut sink, sizes);
        let ((), code) = within(async { tokio::join!(sending, next_close_code(&mut stream)) }).await;
        assert_eq!(code, 1009, "{sizes:?}");
        let event = gateway.event().await;
        assert_eq!(event["requestContext"]["disconnectStatusCode"], 1009, "no message before: {event}");
    }
}

#[tokio::test]
async fn binary_closes_with_1003() {
    let (gateway, mut socket, _) = Fixture::connected().await;
    within(socket.send(Message::binary("x"))).await.unwrap();
    assert_eq!(close_code(&mut socket).await, 1003);
    assert_eq!(gateway.event().await["requestContext"]["disconnectStatusCode"], 1003);
}

#[tokio::test]
async fn the_close_code_reaches_a_client_that_is_still_sending() {
    let (_gateway, mut socket, _) = Fixture::connected().await;
    // More than the kernel buffers: sending ends only if the gateway reads to the end.
    let frame = Frame::message(vec![b'x'; 32 * KB * KB], OpCode::Data(Data::Text), true);
    within(socket.send(Message::Frame(frame))).await.unwrap();
    assert_eq!(close_code(&mut socket).await, 1009);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_reported() {
    let quotas = Quotas { idle_timeout: Duration::from_millis(200), ..Quotas::default() };
    let gateway = Fixture::with_quotas(quotas, Script::default()).await;
    let (mut socket, _) = gateway.connect().await;
    assert_eq!(close_code(&mut socket).await, 1001);
    let event = gateway.event().await;
    assert_eq!(event["requestContext"]["disconnectStatusCode"], 1001);
    assert_eq!(event["requestContext"]["disconnectReason"], "Going away");
}

#[tokio::test]
async fn a_busy_connection_ends_with_its_lifetime() {
    let quotas = Quotas { lifetime: Duration::from_millis(300), ..Quotas::default() };
    let gateway = Fixture::with_quotas(quotas, Script::default()).await;
    let (mut socket, id) = gateway.connect().await;
    let busy = async {
        while gateway.clients.post(&id, "x".into()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let ((), code) = tokio::join!(within(busy), close_code(&mut socket));
    assert_eq!(code, 1001);
    let event = gateway.event_of("$disconnect").await;
    assert_eq!(event["requestContext"]["disconnectStatusCode"], json!(1001));
}
