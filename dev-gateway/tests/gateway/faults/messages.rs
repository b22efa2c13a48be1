//! What happens to messages on their way, in either direction.

use super::{body, faulty, read, say, seeded};
use crate::support::{Fixture, Script, Socket, text};
use std::time::Duration;
use tokio::time::Instant;

/// Enough messages that a likely fault surely happens.
const MANY: usize = 60;

/// Sends numbered messages, then one without faults; which ones reached the function before it.
async fn arrived(plan: &str, seed: u64) -> Vec<String> {
    let (gateway, faults) = seeded(plan, seed, Script::default()).await;
    let (mut socket, _) = gateway.connect().await;
    for number in 0..MANY {
        say(&mut socket, &number.to_string()).await;
    }
    read(&mut socket).await;
    faults.set("none".parse().unwrap());
    say(&mut socket, r#"{"action":"sendMessage"}"#).await;
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

/// Posts numbered messages; what the client gets, in its order.
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
    (0..MANY).map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn without_faults_everything_arrives_once_and_in_order() {
    let (gateway, faults) = faulty("none").await;
    let (mut socket, id) = gateway.connect().await;
    for number in numbers() {
        say(&mut socket, &number).await;
        assert_eq!(body(&gateway.event_of("$default").await), number);
    }
    assert_eq!(posted(&gateway, &mut socket, &id, MANY).await, numbers());
    assert!(faults.counts().is_empty(), "{:?}", faults.counts());
}

#[tokio::test]
async fn what_is_lost_never_arrives() {
    let (gateway, faults) = faulty("lose=1").await;
    let (mut socket, id) = gateway.connect().await;
    say(&mut socket, "lost").await;
    gateway.clients.post(&id, "lost".into()).await.unwrap();
    crate::support::until(|| faults.counts().get("lose") == Some(&2)).await;
    faults.set("none".parse().unwrap());
    say(&mut socket, "kept").await;
    assert_eq!(body(&gateway.event_of("$default").await), "kept");
    gateway.clients.post(&id, "kept".into()).await.unwrap();
    assert_eq!(text(&mut socket).await, "kept");
}

#[tokio::test]
async fn what_is_repeated_arrives_twice() {
    let (gateway, _) = faulty("repeat=1").await;
    let (mut socket, id) = gateway.connect().await;
    say(&mut socket, "again").await;
    let events = [gateway.event_of("$default").await, gateway.event_of("$default").await];
    assert_eq!(events.each_ref().map(body), ["again", "again"]);
    gateway.clients.post(&id, "again".into()).await.unwrap();
    assert_eq!([text(&mut socket).await, text(&mut socket).await], ["again", "again"]);
}

#[tokio::test]
async fn a_direction_can_be_spared() {
    let (gateway, _) = faulty("in.lose=1,out.repeat=1").await;
    let (mut socket, id) = gateway.connect().await;
    say(&mut socket, "lost").await;
    gateway.clients.post(&id, "twice".into()).await.unwrap();
    assert_eq!([text(&mut socket).await, text(&mut socket).await], ["twice", "twice"]);
    assert_eq!(gateway.rest().await, ["$disconnect"]);
}

#[tokio::test]
async fn posts_overtake_each_other_and_none_is_missing() {
    let (gateway, faults) = faulty("out.reorder=0.3").await;
    let (mut socket, id) = gateway.connect().await;
    let mut got = posted(&gateway, &mut socket, &id, MANY).await;
    assert_ne!(got, numbers());
    got.sort_by_key(|number| number.parse::<usize>().unwrap());
    assert_eq!(got, numbers());
    assert!(faults.counts()["reorder"] > 5);
}

#[tokio::test]
async fn one_that_nothing_overtakes_comes_all_the_same() {
    let (gateway, _) = faulty("reorder=1").await;
    let (mut socket, id) = gateway.connect().await;
    say(&mut socket, "alone").await;
    assert_eq!(body(&gateway.event_of("$default").await), "alone");
    gateway.clients.post(&id, "alone".into()).await.unwrap();
    assert_eq!(text(&mut socket).await, "alone");
}

#[tokio::test]
async fn what_is_delayed_is_late_and_nobody_waits_for_it() {
    let (gateway, _) = faulty("delay=300").await;
    let (mut socket, id) = gateway.connect().await;
    let sent = Instant::now();
    gateway.clients.post(&id, "late".into()).await.unwrap();
    let taken = sent.elapsed();
    say(&mut socket, "late").await;
    text(&mut socket).await;
    gateway.event_of("$default").await;
    assert!(taken < Duration::from_millis(300), "{taken:?}");
    assert!(sent.elapsed() >= Duration::from_millis(300), "{:?}", sent.elapsed());
}

#[tokio::test]
async fn the_same_seed_loses_the_same_messages() {
    let arrive = |seed| arrived("in.lose=0.5", seed);
    let (one, again, other) = tokio::join!(arrive(1), arrive(1), arrive(2));
    assert!(one.len() > 10 && one.len() < MANY - 10, "{one:?}");
    assert_eq!(sorted(one.clone()), sorted(again));
    assert_ne!(sorted(one), sorted(other));
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}
