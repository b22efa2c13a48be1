//! Ends of sessions, their tombstones, and access to them.

use crate::harness::{GRACE, Harness, SIZE, ack, caller, id, input};
use backend::session::Caller;
use serde_json::json;
use shared_protocol::{EndReason, ErrorCode, SessionId};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

#[tokio::test(start_paused = true)]
async fn clients_get_the_exit_and_are_then_closed() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    harness.script.print("bye");
    harness.script.exit(3);
    harness.settle().await;
    assert_eq!(harness.next(&mut token).await["data"], "bye");
    let exit = harness.next(&mut token).await;
    assert_eq!((&exit["kind"], &exit["exitCode"], &exit["reason"]), (&json!("exit"), &json!(3), &json!("exited")));
    let repeat = harness.next(&mut token).await;
    assert_eq!(repeat["data"], "bye", "no client is closed before it has got the exit");
    harness.say(&ada, ack(&attached, 4)).await;
    assert_eq!(harness.next(&mut token).await["kind"], "exit", "on its way already");
    assert!(harness.fetch(token, Duration::from_secs(5)).await.close);
    assert_eq!(harness.ended().await, EndReason::Exited);
    let again = harness.registry.running_or_new(&id(), &ada, SIZE).await;
    assert_eq!(again.unwrap_err().code.status(), 410, "a token from before its end does not bring it back");
}

#[tokio::test(start_paused = true)]
async fn every_end_has_its_reason() {
    let (harness, ada, attached, _) = Harness::attached().await;
    harness.say(&ada, json!({"type":"close","seq":1,"epoch":attached["epoch"]})).await;
    assert_eq!(harness.ended().await, EndReason::Closed);

    let harness = Harness::new().await;
    harness.attach(&ada, "page").await;
    let left = Instant::now();
    harness.session.disconnect(ada.connection.clone()).await.unwrap();
    assert_eq!(harness.ended().await, EndReason::Detached);
    assert!((GRACE..GRACE + Duration::from_secs(15)).contains(&left.elapsed()));

    let harness = Harness::new().await;
    let begun = Instant::now();
    let (attached, _) = harness.attach(&ada, "page").await;
    // A page that only pings is there, but neither types nor sees anything.
    for pings in 1..=8 {
        sleep_until(Instant::now() + Duration::from_secs(400)).await;
        harness.say(&ada, json!({"type":"ping"})).await;
        if pings == 4 {
            harness.say(&ada, input(&attached, 1, "awake")).await;
        }
    }
    assert_eq!(harness.ended().await, EndReason::Idle);
    assert!((3400..3430).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_expires() {
    let harness = Harness::new().await;
    harness.attach(&caller("ada", "c1"), "page").await;
    let begun = Instant::now();
    assert_eq!(harness.ended().await, EndReason::Detached);
    assert!((950..990).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn sessions_are_counted_and_belong_to_their_user() {
    let harness = Harness::new().await;
    let (ada, bob) = (caller("ada", "c"), caller("bob", "c"));
    let mallory = Caller { names_session: false, ..caller("mallory", "m") };
    let start =
        async |id: &str, who| harness.registry.running_or_new(&SessionId::new(id).unwrap(), who, SIZE).await.map(drop);
    assert_eq!(harness.registry.running(&id(), &mallory).await.unwrap_err().code.status(), 404);
    assert_eq!(harness.registry.record(&id(), &mallory).await.unwrap_err().code.status(), 404);
    assert_eq!(start("s", &mallory).await.unwrap_err().code.status(), 404);
    assert_eq!(start("nowhere", &mallory).await.unwrap_err().code.status(), 404);
    start("second", &ada).await.unwrap();
    assert_eq!(start("third", &ada).await.unwrap_err().message, "a user may have at most 2 sessions");
    start("third", &bob).await.unwrap();
    assert_eq!(start("fourth", &bob).await.unwrap_err().code.status(), 429);
    assert!(harness.registry.shut_down(Duration::from_secs(20)).await);
    assert_eq!((harness.ended().await, harness.registry.count()), (EndReason::ServerRestart, 0));
}

#[tokio::test(start_paused = true)]
async fn the_gateways_row_is_refreshed_while_the_connection_is_active() {
    let (harness, ada, ..) = Harness::attached().await;
    let mut touched = Vec::new();
    for _ in 0..10 {
        sleep_until(Instant::now() + Duration::from_secs(60)).await;
        touched.push(harness.say(&ada, json!({"type":"ping"})).await.touch);
    }
    assert_eq!(touched.iter().filter(|touch| **touch).count(), 2, "at most once in four minutes: {touched:?}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_replaced_starts_no_session() {
    let harness = Harness::new().await;
    assert!(harness.registry.shut_down(Duration::from_secs(20)).await);
    let next = SessionId::new("next").unwrap();
    let refused = harness.registry.running_or_new(&next, &caller("ada", "c"), SIZE).await.unwrap_err();
    assert_eq!((refused.code, refused.code.retryable()), (ErrorCode::Draining, true), "{refused}");
}
