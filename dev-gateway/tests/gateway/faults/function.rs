//! What happens to the function: killed in mid-flight, cold.

use super::{faulty, say, seeded};
use crate::runtime_api::{frozen, over};
use crate::support::{Script, dial, text, until, within};
use dev_gateway::{DevGateway, Faults, Function, Invoke, Options, OsSystem, RuntimeApi};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// Says when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_killed_invocation_is_over_and_the_client_hears_of_it() {
    let dropped = Arc::new(AtomicBool::new(false));
    let told = dropped.clone();
    let script = Script::default().on("$default", move |_| {
        let guard = Dropped(told.clone());
        async move {
            std::future::pending::<()>().await;
            drop(guard);
            Ok(json!({"statusCode": 200}))
        }
    });
    let (gateway, faults) = seeded("none", 1, script).await;
    let (mut socket, id) = gateway.connect().await;
    faults.set("kill=1,kill-within=50".parse().unwrap());
    say(&mut socket, "x").await;
    let told: Value = serde_json::from_str(&text(&mut socket).await).unwrap();
    assert_eq!((told["message"].as_str(), told["connectionId"].as_str()), (Some("Internal server error"), Some(&*id)));
    assert!(told["requestId"].is_string());
    assert!(dropped.load(Ordering::SeqCst), "its task is gone");
    assert_eq!(faults.counts()["kill"], 1);
}

#[tokio::test]
async fn an_invocation_that_is_over_before_is_not_killed() {
    let (gateway, faults) = faulty("kill=1,kill-within=60000").await;
    let (mut socket, _) = gateway.connect().await;
    say(&mut socket, "x").await;
    gateway.event_of("$default").await;
    assert_eq!(faults.counts().get("kill"), None);
}

#[tokio::test]
async fn a_process_in_mid_flight_is_killed() {
    let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let function = Function::new(env!("CARGO_BIN_EXE_fake-bootstrap"), BTreeMap::new());
    let api = Arc::new(RuntimeApi::new(function, Arc::new(OsSystem)));
    let first = within(api.invoke(json!({}))).await.unwrap();
    let pid = u32::try_from(first["pid"].as_u64().unwrap()).unwrap();
    let faults = Faults::new("none".parse().unwrap(), 1);
    let gateway = DevGateway::new(Options { authorizer: false, faults: Some(faults.clone()), ..Options::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = gateway.start(listener, api.clone()).unwrap();
    frozen(&api, pid).await;
    let (mut socket, _) = dial(format!("ws://{}/prod", running.addr())).await.unwrap();
    frozen(&api, pid).await;
    faults.set("kill=1,kill-within=50".parse().unwrap());
    say(&mut socket, &json!({"do": "wait", "gate": gate.local_addr().unwrap().to_string()}).to_string()).await;
    assert!(text(&mut socket).await.contains("Internal server error"));
    until(|| over(pid)).await;
    within(running.shutdown()).await;
}

#[tokio::test]
async fn a_cold_start_takes_its_time_and_a_warm_one_does_not() {
    let (gateway, faults) = seeded("cold=300", 1, Script::default()).await;
    let began = Instant::now();
    let (mut socket, _) = gateway.connect().await;
    let cold = began.elapsed();
    assert!(cold >= Duration::from_millis(300), "{cold:?}");
    let began = Instant::now();
    say(&mut socket, "x").await;
    gateway.event_of("$default").await;
    assert!(began.elapsed() < Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(faults.counts()["cold"], 1);
}
