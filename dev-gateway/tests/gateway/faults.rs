//! Fault injection: the effect of each fault, and the same faults for the same seed.

mod admin_api;
mod connections;
mod function;
mod messages;
mod posts;

use crate::support::{Fixture, Script, Socket, within};
use dev_gateway::{Faults, Options};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

async fn seeded(plan: &str, seed: u64, script: Script) -> (Fixture, Faults) {
    let faults = Faults::new(plan.parse().unwrap(), seed);
    let options = Options { faults: Some(faults.clone()), ..Options::default() };
    (Fixture::with_options(options, script).await, faults)
}

async fn faulty(plan: &str) -> (Fixture, Faults) {
    seeded(plan, 1, Script::default()).await
}

async fn connected(plan: &str) -> (Fixture, Faults, Socket, String) {
    let (gateway, faults) = faulty(plan).await;
    let (socket, id) = gateway.connect().await;
    (gateway, faults, socket, id)
}

/// Waits until the gateway has read everything sent before: a pong comes in order.
async fn flush(socket: &mut Socket) {
    within(socket.send(Message::Ping("?".into()))).await.unwrap();
    assert_eq!(within(socket.next()).await.unwrap().unwrap(), Message::Pong("?".into()));
}

fn body(event: &Value) -> String {
    event["body"].as_str().unwrap().to_owned()
}
