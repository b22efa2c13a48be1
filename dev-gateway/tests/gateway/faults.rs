//! Faults: each does what it says, the same seed does the same, and without any nothing happens.

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

/// A gateway with this plan and seed.
async fn seeded(plan: &str, seed: u64, script: Script) -> (Fixture, Faults) {
    let faults = Faults::new(plan.parse().unwrap(), seed);
    let options = Options { faults: Some(faults.clone()), ..Options::default() };
    (Fixture::with(options, script).await, faults)
}

async fn faulty(plan: &str) -> (Fixture, Faults) {
    seeded(plan, 1, Script::default()).await
}

async fn say(socket: &mut Socket, text: &str) {
    within(socket.send(Message::text(text.to_owned()))).await.unwrap();
}

/// Waits until everything that was said is read: a pong comes in its turn.
async fn read(socket: &mut Socket) {
    within(socket.send(Message::Ping("?".into()))).await.unwrap();
    assert_eq!(within(socket.next()).await.unwrap().unwrap(), Message::Pong("?".into()));
}

fn body(event: &Value) -> String {
    event["body"].as_str().unwrap().to_owned()
}
