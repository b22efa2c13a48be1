//! The second connection of a client, and the kind of dispatch that tells whether one is needed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use protocol_client::{Carrier, CarrierEnd, Client};
use serde_json::{Value, json};
use shared_protocol::{ClientId, Dispatch, Epoch, ErrorCode};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn opened() -> Carrier {
    let mut carrier = Carrier::new(ClientId::new("page").unwrap(), Epoch(7));
    assert_eq!((carrier.send(Duration::ZERO), carrier.deadline()), (None, None));
    carrier.opened(Duration::ZERO);
    carrier
}

/// True if a carry is sent then.
fn carries(carrier: &mut Carrier, now: Duration) -> bool {
    let message = carrier.send(now).map(|text| serde_json::from_str::<Value>(&text).unwrap());
    let sent = message.is_some();
    assert!(message.is_none_or(|message| message == json!({"type": "carry", "client": "page", "epoch": 7})));
    sent
}

fn carried(carrier: &mut Carrier, now: Duration) {
    carrier.receive(r#"{"type":"carried","epoch":7,"carryMs":10000}"#, now);
}

fn refused(carrier: &mut Carrier, code: &str, retryable: bool) {
    let error = json!({"type": "error", "code": code, "message": "no", "retryable": retryable});
    carrier.receive(&error.to_string(), SECOND);
}

#[test]
fn carries_at_once_then_after_each_answer_and_never_twice_at_once() {
    let mut carrier = opened();
    assert!(carries(&mut carrier, Duration::ZERO));
    assert!(!carries(&mut carrier, 39 * SECOND));
    carried(&mut carrier, 39 * SECOND);
    assert_eq!((carrier.deadline(), carrier.answers()), (Some(49 * SECOND), 1));
    assert!(!carries(&mut carrier, 48 * SECOND));
    assert!(carries(&mut carrier, 49 * SECOND));
    assert_eq!(carrier.end(), None);
}

#[test]
fn a_renewal_carries_at_once_unless_a_carry_is_unanswered() {
    let mut carrier = opened();
    assert!(carries(&mut carrier, Duration::ZERO));
    carrier.renew(SECOND);
    assert!(!carries(&mut carrier, SECOND));
    carried(&mut carrier, SECOND);
    carrier.renew(2 * SECOND);
    assert!(carries(&mut carrier, 2 * SECOND));
}

#[test]
fn a_carry_without_an_answer_for_40_s_ends_the_carrier() {
    let mut carrier = opened();
    assert!(carries(&mut carrier, Duration::ZERO));
    assert_eq!(carrier.deadline(), Some(40 * SECOND));
    assert!(!carries(&mut carrier, 40 * SECOND));
    assert_eq!((carrier.end(), carrier.deadline()), (Some(CarrierEnd::Unanswered), None));
}

#[test]
fn a_refusal_for_now_is_repeated_and_any_other_ends_the_carrier() {
    let mut carrier = opened();
    assert!(carries(&mut carrier, Duration::ZERO));
    refused(&mut carrier, "DRAINING", true);
    assert!(!carries(&mut carrier, SECOND));
    assert!(carries(&mut carrier, 2 * SECOND));
    refused(&mut carrier, "REVOKED", false);
    assert_eq!(carrier.end(), Some(CarrierEnd::Refused(ErrorCode::Revoked)));
    assert!(!carries(&mut carrier, 100 * SECOND));

    let mut carrier = opened();
    carrier.receive(r#"{"message":"Internal server error","connectionId":"c","requestId":"r"}"#, SECOND);
    assert_eq!((carrier.end(), carrier.send(SECOND)), (Some(CarrierEnd::Failed), None));
}

#[test]
fn the_client_knows_what_attached_and_pong_say_of_dispatch() {
    let mut client = Client::new(ClientId::new("page").unwrap(), 80, 24);
    client.connected(Duration::ZERO);
    client.send(Duration::ZERO);
    let mut attached = json!({
        "type": "attached", "sessionId": "s", "client": "page", "epoch": 7, "pos": 0, "inputSeq": 0, "cols": 80, "rows": 24,
        "role": "controller", "tty": {"echo": true, "canonical": true}, "followMs": 20_000,
        "limits": {"frameBytes": 32768, "inputWindowBytes": 65536, "ackStepBytes": 65536}, "dispatch": "serial"
    });
    client.receive(&attached.to_string(), SECOND);
    assert_eq!(client.dispatch(), Some(Dispatch::Serial));
    client.receive(r#"{"type":"pong","timestamp":1}"#, SECOND);
    assert_eq!(client.dispatch(), Some(Dispatch::Serial));
    client.receive(r#"{"type":"pong","timestamp":1,"dispatch":"concurrent"}"#, SECOND);
    assert_eq!(client.dispatch(), Some(Dispatch::Concurrent));
    attached.as_object_mut().unwrap().remove("dispatch");
    client.receive(&attached.to_string(), SECOND);
    assert_eq!(client.dispatch(), None);
}
