//! A request of the gateway with its signed token, recorded and presented again while the token holds.

use crate::support::{Service, gateway_claims, read, within};
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

/// The request with the command, once the shell has had a prompt for it, and the answer. A busy machine starts a shell in
/// seconds; a command that is refused meanwhile has not run.
async fn counted(service: &Service, connection: &str) -> (GatewayClaims, Value) {
    within("a prompt", async {
        loop {
            let request = message(COUNT, connection);
            let answer = present(service, &request, COUNT).await;
            if answer["code"] != "BUSY" {
                return (request, answer);
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_recorded_command_does_not_run_again() {
    let service = Service::start().await;
    let (recorded, first) = counted(&service, "c=").await;
    assert_eq!(first["result"], "1\n");
    let replayed = present(&service, &recorded, COUNT).await;
    assert_eq!((&replayed["type"], &replayed["code"]), (&"error".into(), &"FORBIDDEN".into()), "{replayed}");
    assert_eq!(counted(&service, "c=").await.1["result"], "2\n", "another request");
}

#[tokio::test]
async fn a_recorded_command_does_not_run_after_its_connection_has_closed() {
    let service = Service::start().await;
    let (recorded, _) = counted(&service, "c=").await;
    let gone = r#"{"connectionId":"c=","sessionId":"s"}"#;
    let disconnect = gateway_claims(DISCONNECT_PATH, gone.as_bytes(), "c=", Some("s"));
    for _ in 0..2 {
        assert_eq!(present(&service, &disconnect, gone).await["success"], true, "a repeat is harmless");
    }
    assert_eq!(present(&service, &recorded, COUNT).await["code"], "CONNECTION_GONE");
    assert_eq!(counted(&service, "d=").await.1["result"], "2\n");
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
    let (_, after) = counted(&service, "c=").await;
    assert_eq!(after["result"], "2\n", "{after}");
}
