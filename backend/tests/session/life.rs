//! How sessions end, what is remembered, and who may reach them.

use crate::world::{GRACE, SIZE, World, ack, frame, id, input, speaker};
use backend::session::{Close, Speaker};
use serde_json::json;
use shared_protocol::{EndReason, SessionId};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

#[tokio::test(start_paused = true)]
async fn the_exit_is_told_to_everyone_and_then_they_are_closed() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    world.script.print("bye");
    world.script.exit(3);
    world.settle().await;
    let output = world.fetch(&ada, ticket, Duration::from_secs(5)).await;
    assert_eq!(frame(output.frame)["data"], "bye");
    let exit = world.fetch(&ada, output.next.unwrap(), Duration::from_secs(5)).await;
    let frame = frame(exit.frame);
    assert_eq!((&frame["kind"], &frame["exitCode"], &frame["reason"]), (&json!("exit"), &json!(3), &json!("exited")));
    let repeat = world.fetch(&ada, exit.next.unwrap(), Duration::from_secs(5)).await;
    assert_eq!(crate::world::frame(repeat.frame)["data"], "bye", "nobody is closed before they have heard it");
    world.say(&ada, ack(&attached, 4)).await;
    let last = world.fetch(&ada, repeat.next.unwrap(), Duration::from_secs(5)).await;
    assert_eq!((last.close, last.next), (Some(Close::Connection), None));
    assert_eq!(world.ended().await, EndReason::Exited);
    let again = world.registry.running_or_new(&id(), &ada, SIZE).await;
    assert_eq!(again.unwrap_err().code.status(), 410, "a token from before its end does not bring it back");
}

#[tokio::test(start_paused = true)]
async fn every_end_has_its_reason() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, _) = world.attach(&ada, "page").await;
    world.say(&ada, json!({"type":"close","seq":1,"epoch":attached["epoch"]})).await;
    assert_eq!(world.ended().await, EndReason::Closed);

    let world = World::new().await;
    world.attach(&ada, "page").await;
    let left = Instant::now();
    world.session.disconnect(ada.connection.clone()).await.unwrap();
    assert_eq!(world.ended().await, EndReason::Detached);
    assert!((GRACE..GRACE + Duration::from_secs(15)).contains(&left.elapsed()));

    let world = World::new().await;
    let begun = Instant::now();
    let (attached, _) = world.attach(&ada, "page").await;
    // A page that only pings is there, but neither types nor sees anything.
    for _ in 0..4 {
        sleep_until(Instant::now() + Duration::from_secs(400)).await;
        world.say(&ada, json!({"type":"ping"})).await;
    }
    world.say(&ada, input(&attached, 1, "awake")).await;
    for _ in 0..4 {
        sleep_until(Instant::now() + Duration::from_secs(400)).await;
        world.say(&ada, json!({"type":"ping"})).await;
    }
    assert_eq!(world.ended().await, EndReason::Idle);
    assert!((3400..3430).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_said_goodbye_is_forgotten() {
    let world = World::new().await;
    world.attach(&speaker("ada", "c1"), "page").await;
    let begun = Instant::now();
    assert_eq!(world.ended().await, EndReason::Detached);
    assert!((950..990).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn sessions_are_counted_and_belong_to_their_user() {
    let world = World::new().await;
    let mallory = Speaker { names_session: false, ..speaker("mallory", "m") };
    assert_eq!(world.registry.running(&id(), &mallory).await.unwrap_err().code.status(), 404);
    assert_eq!(world.registry.record(&id(), &mallory).await.unwrap_err().code.status(), 404);
    assert_eq!(world.registry.running_or_new(&id(), &mallory, SIZE).await.unwrap_err().code.status(), 404);
    let nowhere = SessionId::new("nowhere").unwrap();
    assert_eq!(world.registry.running_or_new(&nowhere, &mallory, SIZE).await.unwrap_err().code.status(), 404);
    let second = SessionId::new("second").unwrap();
    world.registry.running_or_new(&second, &speaker("ada", "c"), SIZE).await.unwrap();
    let third = SessionId::new("third").unwrap();
    let refused = world.registry.running_or_new(&third, &speaker("ada", "c"), SIZE).await.unwrap_err();
    assert_eq!(refused.message, "a user may have at most 2 sessions");
    world.registry.running_or_new(&third, &speaker("bob", "c"), SIZE).await.unwrap();
    let fourth = SessionId::new("fourth").unwrap();
    let full = world.registry.running_or_new(&fourth, &speaker("bob", "c"), SIZE).await.unwrap_err();
    assert_eq!(full.code.status(), 429);
    assert!(world.registry.shut_down(Duration::from_secs(20)).await);
    assert_eq!((world.ended().await, world.registry.count()), (EndReason::ServerRestart, 0));
}

#[tokio::test(start_paused = true)]
async fn the_gateways_row_is_kept_alive_while_the_connection_speaks() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    world.attach(&ada, "page").await;
    let mut touched = Vec::new();
    for _ in 0..10 {
        sleep_until(Instant::now() + Duration::from_secs(60)).await;
        touched.push(world.say(&ada, json!({"type":"ping"})).await.touch);
    }
    assert_eq!(touched.iter().filter(|touch| **touch).count(), 2, "at most once in four minutes: {touched:?}");
}
