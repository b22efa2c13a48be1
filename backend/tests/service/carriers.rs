//! The kinds of connection and the dispatch of an API, through HTTP.

use crate::support::relay::Carrier;
use crate::support::{ATTACH, PING, Service, gateway_claims, read, until, user};
use backend::store::{MemoryStore, Store};
use backend::terminal::scripted::ScriptedSpawner;
use reqwest::Method;
use shared_protocol::gateway::MESSAGE_PATH;
use shared_protocol::{Dispatch, GatewayClaims};
use std::sync::Arc;

const CARRY: &str = r#"{"type":"carry","client":"page","epoch":1}"#;

#[tokio::test]
async fn each_kind_of_connection_has_its_own_messages() {
    let service = Service::scripted().await;
    let send = async |carrier, body: &str| {
        let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), "c=", Some("s"));
        let (status, frame) = read(service.post(&GatewayClaims { carrier, ..claims }, body).await).await;
        assert_eq!(status, 200);
        frame["code"].as_str().unwrap_or(frame["type"].as_str().unwrap()).to_owned()
    };
    assert_eq!(send(true, PING).await, "pong");
    let command = r#"{"type":"command","command":"ls"}"#;
    for body in [ATTACH, r#"{"type":"input","seq":1,"epoch":1,"data":"x"}"#, command, r#"{"type":"odd"}"#] {
        assert_eq!(send(true, body).await, "FORBIDDEN", "{body}");
    }
    assert_eq!(send(false, CARRY).await, "FORBIDDEN");
    let (status, _) = service.api(Method::GET, "/s", &user("ada", None)).await;
    assert_eq!(status, 404, "a carrier starts no session");
    service.stop().await;
}

#[tokio::test]
async fn a_message_beside_its_own_run_settles_the_dispatch_for_all_instances() {
    let store = Arc::new(MemoryStore::shared());
    let start = || {
        Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<MemoryStore>::clone(&store) as Arc<dyn Store>)
    };
    let (here, there) = (start().await, start().await);
    let attached = here.gateway(MESSAGE_PATH, Some("s"), ATTACH).await;
    let mut relay = Carrier::granted(&attached, "c=").unwrap();
    assert_eq!(read(attached).await.1["dispatch"], serde_json::Value::Null);
    relay.frames(&here, 0).await;
    let ping = async || read(here.gateway(MESSAGE_PATH, Some("s"), PING).await).await.1["dispatch"].clone();
    assert_eq!(ping().await, serde_json::Value::Null, "the run may have been killed before the message");
    // Until a message arrives while a question waits, and a question after it that no delay explains.
    until("the proof", async || tokio::join!(relay.frames(&here, 200), ping()).1 == "concurrent").await;
    let known =
        async || store.dispatch("c=").await.unwrap().is_some_and(|known| known.dispatch == Dispatch::Concurrent);
    until("the store's record", known).await;
    let claims = gateway_claims(MESSAGE_PATH, ATTACH.as_bytes(), "d=", Some("another"));
    let (_, attached) = read(there.post(&GatewayClaims { ep: "c=".into(), ..claims }, ATTACH).await).await;
    assert_eq!(attached["dispatch"], "concurrent");
    tokio::join!(here.stop(), there.stop());
}
