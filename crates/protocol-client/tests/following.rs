//! Timing of the client's `follow` (renewal, verification, repeat after a failure) and of its acknowledgements; the stream from
//! frames in any order.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use protocol_client::{Client, ClientEvent, StreamItem};
use serde_json::{Value, json};
use shared_protocol::{ClientId, Pos, StreamEvent};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const FOLLOW_MS: u64 = 20_000;

fn attached() -> Client {
    let mut client = Client::new(ClientId::new("page").unwrap(), 80, 24);
    client.connected(Duration::ZERO);
    assert_eq!(kinds(&mut client, Duration::ZERO), ["attach"]);
    let answer = json!({
        "type": "attached", "sessionId": "s", "client": "page", "epoch": 7, "pos": 0, "inputSeq": 0, "cols": 80, "rows": 24,
        "role": "controller", "tty": {"echo": true, "canonical": true}, "followMs": FOLLOW_MS,
        "limits": {"frameBytes": 32768, "inputWindowBytes": 65536, "ackStepBytes": 65536}, "head": 0, "ackSeq": 0
    });
    client.receive(&answer.to_string(), Duration::ZERO);
    assert!(client.is_attached());
    client
}

/// Types of the messages sent at this time.
fn kinds(client: &mut Client, now: Duration) -> Vec<String> {
    let kind = |json: &String| serde_json::from_str::<Value>(json).unwrap()["type"].as_str().unwrap().to_owned();
    client.send(now).iter().map(kind).collect()
}

/// Types of the messages sent until then if no frame arrives, with the time of each in ms.
fn sent_until(client: &mut Client, until: Duration) -> Vec<(u128, String)> {
    let mut sent = Vec::new();
    while let Some(at) = client.deadline().filter(|at| *at <= until) {
        sent.extend(kinds(client, at).into_iter().map(|kind| (at.as_millis(), kind)));
    }
    sent
}

#[test]
fn renews_the_follower_and_verifies_the_renewal() {
    let sent = sent_until(&mut attached(), 45 * SECOND);
    let expected = [(20_000, "follow"), (30_000, "ping"), (40_000, "follow")];
    assert_eq!(sent, expected.map(|(at, kind)| (at, kind.to_owned())));
}

#[test]
fn replaces_the_follower_after_a_failed_invocation() {
    let mut client = attached();
    client.receive(r#"{"message":"Internal server error","connectionId":"c=","requestId":"r="}"#, 3 * SECOND);
    assert_eq!(sent_until(&mut client, 10 * SECOND).first(), Some(&(4000, "follow".to_owned())));
}

/// Times of the acknowledgements if a byte of output arrives at each of these times, in ms.
fn ack_times(bytes_at: impl IntoIterator<Item = u64>) -> Vec<u128> {
    let mut client = attached();
    let mut acks = Vec::new();
    let mut collect = |client: &mut Client, until: Duration| {
        acks.extend(sent_until(client, until).into_iter().filter(|(_, kind)| kind == "ack").map(|(at, _)| at));
    };
    for (pos, at) in bytes_at.into_iter().enumerate() {
        let now = Duration::from_millis(at);
        collect(&mut client, now);
        let output = json!({"type": "output", "epoch": 7, "pos": pos, "len": 1, "data": "x", "head": pos + 1});
        client.receive(&output.to_string(), now);
    }
    collect(&mut client, 10 * SECOND);
    acks
}

#[test]
fn output_is_acknowledged_after_two_seconds() {
    assert_eq!(ack_times([100, 800, 1800, 4000]), [2100, 6000], "two seconds after the first unacknowledged byte");
}

#[test]
fn output_without_a_pause_is_acknowledged_too() {
    assert_eq!(ack_times((0..50).map(|tenth| tenth * 100)), [2000, 4000, 6000]);
}

#[test]
fn repeats_overlaps_and_any_order_make_one_stream() {
    let mut client = attached();
    let output =
        |pos: u64, text: &str| json!({"type": "output", "epoch": 7, "pos": pos, "len": text.len(), "data": text});
    let title = json!({"type": "event", "epoch": 7, "pos": 3, "kind": "title", "title": "t"});
    let mut old = output(8, "old");
    old["epoch"] = 6.into();
    let frames = [output(4, "def"), title.clone(), output(0, "ab"), output(1, "bc"), title, output(5, "efg"), old];
    for (number, frame) in frames.iter().enumerate() {
        client.receive(&frame.to_string(), SECOND);
        assert_eq!(client.is_complete(), number > 2, "after {frame}");
    }
    let (mut bytes, mut events) = (Vec::new(), Vec::new());
    while let Some(event) = client.next_event() {
        match event {
            ClientEvent::Stream(StreamItem::Bytes(more)) => bytes.extend(more),
            ClientEvent::Stream(StreamItem::Event(event)) => events.push((bytes.len(), event)),
            _ => {}
        }
    }
    assert_eq!(bytes, b"abcdefg");
    assert_eq!(events, [(3, StreamEvent::Title { title: "t".into() })]);
    assert_eq!(client.pos(), Pos(8));
}
