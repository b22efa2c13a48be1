//! Faults of messages in both directions.

use super::{body, connected, flush, seeded};
use crate::support::{Fixture, Script, Socket, send, text};
use std::time::Duration;
use tokio::time::Instant;

/// Messages sent; enough for each fault to happen.
const MESSAGES: usize = 60;

/// Sends numbered messages, then one without faults. Returns those that arrived before it.
async fn arrived(plan: &str, seed: u64) -> Vec<String> {
    let (gateway, faults) = seeded(plan, seed, Script::default()).await;
    let (mut socket, _) = gateway.connect().await;
    for number in 0..MESSAGES {
        send(&mut socket, &number.to_string()).await;
    }
    flush(&mut socket).await;
    faults.set("none".parse().unwrap());
    send(&mut socket, r#"{"action":"sendMessage"}"#).await;
    let mut arrived = Vec::new();
    loop {
        let event = gateway.event().await;
        match event["requestContext"]["routeKey"].as_str() {
            Some("$default") => arrived.push(body(&event)),
            Some("sendMessage") => return arrived,
            _ => {}
        }
    }
}

/// Posts numbered messages. Returns what the client receives, in its order.
async fn posted(gateway: &Fixture, socket: &mut Socket, id: &str, count: usize) -> Vec<String> {
    for number in 0..count {
        gateway.clients.post(id, number.to_string().into()).await.unwrap();
    }
    let mut got = Vec::new();
    while got.len() < count {
        got.push(text(socket).await);
    }
    got
}

fn numbers() -> Vec<String> {
    (0..MESSAGES).map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn without_faults_everything_arrives_once_and_in_order() {
    let (gateway, faults, mut socket, id) = connected("none").await;
    for number in numbers() {
        send(&mut socket, &number).await;
        assert_eq!(body(&gateway.event_of("$default").await), number);
    }
    assert_eq!(posted(&gateway, &mut socket, &id, MESSAGES).await, numbers());
    assert!(faults.counts().is_empty(), "{:?}", faults.counts());
}

#[tokio::test]
async fn a_lost_message_never_arrives() {
    let (gateway, faults, mut socket, id) = connected("lose=1").await;
    send(&mut socket, "lost").await;
    gateway.clients.post(&id, "lost".into()).await.unwrap();
    crate::support::until(|| faults.counts().get("lose") == Some(&2)).await;
    faults.set("none".parse().unwrap());
    send(&mut socket, "kept").await;
    assert_eq!(body(&gateway.event_of("$default").await), "kept");
    gateway.clients.post(&id, "kept".into()).await.unwrap();
    assert_eq!(text(&mut socket).await, "kept");
}

#[tokio::test]
async fn a_repeated_message_arrives_twice() {
    let (gateway, _, mut socket, id) = connected("repeat=1").await;
    send(&mut socket, "again").await;
    let events = [gateway.event_of("$default").await, gateway.event_of("$default").await];
    assert_eq!(events.each_ref().map(body), ["again", "again"]);
    gateway.clients.post(&id, "again".into()).await.unwrap();
    assert_eq!([text(&mut socket).await, text(&mut socket).await], ["again", "again"]);
}

#[tokio::test]
async fn a_prefix_selects_one_direction() {
    let (gateway, _, mut socket, id) = connected("in.lose=1,out.repeat=1").await;
    send(&mut socket, "lost").await;
    gateway.clients.post(&id, "twice".into()).await.unwrap();
    assert_eq!([text(&mut socket).await, text(&mut socket).await], ["twice", "twice"]);
    assert_eq!(gateway.remaining_events().await, ["$disconnect"]);
}

#[tokio::test]
async fn reordered_posts_all_arrive() {
    let (gateway, faults, mut socket, id) = connected("out.reorder=0.3").await;
    let mut got = posted(&gateway, &mut socket, &id, MESSAGES).await;
    assert_ne!(got, numbers());
    got.sort_by_key(|number| number.parse::<usize>().unwrap());
    assert_eq!(got, numbers());
    assert!(faults.counts()["reorder"] > 5);
}

#[tokio::test]
async fn a_held_message_without_successors_arrives() {
    let (gateway, _, mut socket, id) = connected("reorder=1").await;
    send(&mut socket, "alone").await;
    assert_eq!(body(&gateway.event_of("$default").await), "alone");
    gateway.clients.post(&id, "alone".into()).await.unwrap();
    assert_eq!(text(&mut socket).await, "alone");
}

#[tokio::test]
async fn a_delayed_post_is_late_but_answered_at_once() {
    let (gateway, _, mut socket, id) = connected("delay=2000").await;
    let sent = Instant::now();
    gateway.clients.post(&id, "late".into()).await.unwrap();
    let taken = sent.elapsed();
    send(&mut socket, "late").await;
    text(&mut socket).await;
    gateway.event_of("$default").await;
    assert!(taken < Duration::from_secs(2), "{taken:?}");
    assert!(sent.elapsed() >= Duration::from_secs(2), "{:?}", sent.elapsed());
}

#[tokio::test]
async fn the_same_seed_loses_the_same_messages() {
    let arrive = |seed| arrived("in.lose=0.5", seed);
    let (one, again, other) = tokio::join!(arrive(1), arrive(1), arrive(2));
    assert!(one.len() > 10 && one.len() < MESSAGES - 10, "{one:?}");
    assert_eq!(sorted(one.clone()), sorted(again));
    assert_ne!(sorted(one), sorted(other));
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}
