//! Faults of the function: killed invocations and cold starts.

use super::{connected, seeded};
use crate::runtime_api::{Gate, frozen, function, idle_process, start};
use crate::support::{Script, dial, send, text, until, within};
use dev_gateway::{DevGateway, Faults, Options};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::Instant;

#[tokio::test]
async fn a_killed_invocation_is_dropped_and_reported_to_the_client() {
    let alive = Arc::new(Notify::new());
    let script = Script::default().hold("$default", &alive);
    let (gateway, faults) = seeded("none", 1, script).await;
    let (mut socket, id) = gateway.connect().await;
    faults.set("kill=1,kill-within=50".parse().unwrap());
    send(&mut socket, "x").await;
    let frame: Value = serde_json::from_str(&text(&mut socket).await).unwrap();
    assert_eq!((&frame["message"], &frame["connectionId"]), (&json!("Internal server error"), &json!(id)));
    assert!(frame["requestId"].is_string());
    assert_eq!(Arc::strong_count(&alive), 2, "only the script has it: the task was dropped");
    assert_eq!(faults.counts()["kill"], 1);
}

#[tokio::test]
async fn a_short_invocation_ends_before_its_kill() {
    let (gateway, faults, mut socket, _) = connected("kill=1,kill-within=60000").await;
    send(&mut socket, "x").await;
    gateway.event_of("$default").await;
    assert_eq!(faults.counts().get("kill"), None);
}

#[tokio::test]
async fn a_busy_process_is_killed() {
    let (gate, api) = (Gate::new().await, start(function(&[])));
    let pid = idle_process(&api).await;
    let faults = Faults::new("none".parse().unwrap(), 1);
    let gateway = DevGateway::new(Options { authorizer: false, faults: Some(faults.clone()), ..Options::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = gateway.start(listener, api.clone()).unwrap();
    let (mut socket, _) = dial(format!("ws://{}/prod", running.addr())).await.unwrap();
    frozen(&api, pid).await;
    faults.set("kill=1,kill-within=50".parse().unwrap());
    send(&mut socket, gate.event().to_string()).await;
    assert!(text(&mut socket).await.contains("Internal server error"));
    until(|| !test_servers::alive(pid)).await;
    within(running.shutdown()).await;
}

#[tokio::test]
async fn only_a_cold_start_is_delayed() {
    let (gateway, faults) = seeded("cold=2000", 1, Script::default()).await;
    let began = Instant::now();
    let (mut socket, _) = gateway.connect().await;
    let cold = began.elapsed();
    assert!(cold >= Duration::from_secs(2), "{cold:?}");
    let began = Instant::now();
    send(&mut socket, "x").await;
    gateway.event_of("$default").await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(faults.counts()["cold"], 1);
}
