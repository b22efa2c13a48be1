//! How a client keeps frames coming: it renews, checks that the renewal arrived, and asks again when an invocation failed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use protocol_client::Client;
use serde_json::{Value, json};
use shared_protocol::ClientId;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const FOLLOW_MS: u64 = 20_000;

/// A client that attached at 0.
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

/// The types of what it says at this time.
fn kinds(client: &mut Client, now: Duration) -> Vec<String> {
    let kind = |json: &String| serde_json::from_str::<Value>(json).unwrap()["type"].as_str().unwrap().to_owned();
    client.send(now).iter().map(kind).collect()
}

/// What it says when nothing comes, with the time of each.
fn says(client: &mut Client, until: Duration) -> Vec<(u128, String)> {
    let mut said = Vec::new();
    while let Some(at) = client.deadline().filter(|at| *at <= until) {
        said.extend(kinds(client, at).into_iter().map(|kind| (at.as_millis(), kind)));
    }
    said
}

#[test]
fn it_renews_its_follower_and_verifies_that_it_did() {
    let said = says(&mut attached(), 45 * SECOND);
    let expected = [(20_000, "follow"), (30_000, "ping"), (40_000, "follow")];
    assert_eq!(said, expected.map(|(at, kind)| (at, kind.to_owned())));
}

#[test]
fn it_asks_again_when_an_invocation_failed() {
    let mut client = attached();
    client.receive(r#"{"message":"Internal server error","connectionId":"c=","requestId":"r="}"#, 3 * SECOND);
    assert_eq!(says(&mut client, 10 * SECOND).first().expect("it says something"), &(4000, "follow".to_owned()));
}

/// When it acknowledges output of which a byte comes at each of these times, in ms.
fn acknowledges(bytes_at: impl IntoIterator<Item = u64>) -> Vec<u128> {
    let mut client = attached();
    let mut acks = Vec::new();
    let mut hears = |client: &mut Client, until: Duration| {
        acks.extend(says(client, until).into_iter().filter(|(_, kind)| kind == "ack").map(|(at, _)| at));
    };
    for (pos, at) in bytes_at.into_iter().enumerate() {
        let now = Duration::from_millis(at);
        hears(&mut client, now);
        let output = json!({"type": "output", "epoch": 7, "pos": pos, "len": 1, "data": "x", "head": pos + 1});
        client.receive(&output.to_string(), now);
    }
    hears(&mut client, 10 * SECOND);
    acks
}

#[test]
fn what_comes_is_acknowledged_two_seconds_later() {
    assert_eq!(acknowledges([100, 800, 1800, 4000]), [2100, 6000], "two seconds after the first that is not");
}

#[test]
fn what_never_pauses_is_acknowledged_all_the_same() {
    assert_eq!(acknowledges((0..50).map(|tenth| tenth * 100)), [2000, 4000, 6000]);
}
