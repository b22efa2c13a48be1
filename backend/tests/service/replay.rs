//! A request of the gateway with its signed token, recorded and presented again while the token holds.

use crate::support::{Service, gateway_claims, read};
use serde_json::Value;
use shared_protocol::GatewayClaims;
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH};

const COUNT: &str = r#"{"type":"command","command":"echo ran >> log; wc -l < log"}"#;

async fn present(service: &Service, claims: &GatewayClaims, body: &str) -> Value {
    let (status, frame) = read(service.post(claims, body).await).await;
    assert!(status == 200 || status == 204, "{status} {frame}");
    frame
}

fn message(body: &str, connection: &str) -> GatewayClaims {
    gateway_claims(MESSAGE_PATH, body.as_bytes(), connection, Some("s"))
}

#[tokio::test]
async fn a_recorded_command_does_not_run_again() {
    let service = Service::start().await;
    let recorded = message(COUNT, "c=");
    assert_eq!(present(&service, &recorded, COUNT).await["result"], "1\n");
    let replayed = present(&service, &recorded, COUNT).await;
    assert_eq!((&replayed["type"], &replayed["code"]), (&"error".into(), &"FORBIDDEN".into()), "{replayed}");
    assert_eq!(present(&service, &message(COUNT, "c="), COUNT).await["result"], "2\n", "another request");
}

#[tokio::test]
async fn a_recorded_command_does_not_run_after_its_connection_has_closed() {
    let service = Service::start().await;
    let recorded = message(COUNT, "c=");
    present(&service, &recorded, COUNT).await;
    let gone = r#"{"connectionId":"c=","sessionId":"s"}"#;
    let disconnect = gateway_claims(DISCONNECT_PATH, gone.as_bytes(), "c=", Some("s"));
    for _ in 0..2 {
        assert_eq!(present(&service, &disconnect, gone).await["success"], true, "a repeat is harmless");
    }
    assert_eq!(present(&service, &recorded, COUNT).await["code"], "CONNECTION_GONE");
    assert_eq!(present(&service, &message(COUNT, "d="), COUNT).await["result"], "2\n");
}

#[tokio::test]
async fn recorded_keys_of_a_page_are_not_typed_again() {
    let service = Service::start().await;
    let attach = r#"{"type":"attach","client":"page","cols":80,"rows":24}"#;
    let attached = present(&service, &message(attach, "p="), attach).await;
    let keys = format!(r#"{{"type":"input","seq":1,"epoch":{},"data":"echo typed >> log\r"}}"#, attached["epoch"]);
    let recorded = message(&keys, "p=");
    for _ in 0..3 {
        present(&service, &recorded, &keys).await;
    }
    // A command waits for the prompt after them.
    assert_eq!(present(&service, &message(COUNT, "c="), COUNT).await["result"], "2\n");
}
