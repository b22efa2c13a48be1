//! Metrics of a session: losses, delays, backpressure, and what exists.

use crate::harness::{Harness, ack, caller, id, input};
use backend::metrics::{Phase, RetransmissionCause, SnapshotCause};
use serde_json::json;
use shared_protocol::{EndReason, Role};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

async fn pass(time: Duration) {
    sleep_until(Instant::now() + time).await;
}

#[tokio::test(start_paused = true)]
async fn retransmissions_are_counted_by_cause() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    let causes = [RetransmissionCause::Asked, RetransmissionCause::Overdue];
    let repairs = || causes.map(|cause| harness.metrics.streams.retransmissions.of(cause).get());
    harness.script.print("lost on the way");
    harness.next(&ada, &mut token).await;
    assert_eq!(repairs(), [0, 0]);
    harness.next(&ada, &mut token).await;
    assert_eq!(repairs(), [0, 1]);
    harness.say(&ada, json!({"type":"follow","epoch":attached["epoch"],"pos":4,"repair":true})).await;
    assert_eq!(repairs(), [1, 1]);
    assert_eq!(harness.metrics.streams.output.get(), 15, "what is sent twice was printed once");
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_counted_when_the_client_is_told() {
    let (harness, ada, attached, _) = Harness::attached().await;
    harness.say(&ada, input(&attached, 2, "b")).await;
    assert_eq!(harness.metrics.streams.input_gaps.get(), 0, "it may still come");
    pass(Duration::from_secs(3)).await;
    harness.settle().await;
    assert_eq!(harness.metrics.streams.input_gaps.get(), 1);
    assert_eq!(harness.metrics.streams.input.get(), 0);
    harness.say(&ada, input(&attached, 1, "a")).await;
    assert_eq!(harness.metrics.streams.input.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_backpressure_pause_is_counted_once() {
    let (harness, ada, attached, token) = Harness::attached().await;
    harness.script.print(vec![b'x'; 1_300_000]);
    let (_, next) = harness.fetch_all(&ada, token).await;
    harness.settle().await;
    assert_eq!(harness.metrics.streams.backpressure_pauses.get(), 1);
    harness.say(&ada, ack(&attached, harness.script.taken() as u64)).await;
    harness.fetch_all(&ada, next.unwrap()).await;
    assert_eq!(harness.metrics.streams.backpressure_pauses.get(), 2, "and again");
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_counted_by_cause() {
    let (harness, ada, attached, token) = Harness::attached().await;
    let skips = |cause| harness.metrics.streams.snapshots.of(cause).get();
    harness.script.set_signals(true);
    harness.script.print("x".repeat(20_000));
    harness.settle().await;
    let interrupt = json!({"type":"interrupt","seq":1,"afterSeq":0,"epoch":attached["epoch"]});
    harness.say(&ada, interrupt).await;
    harness.fetch(&ada, token, Duration::from_millis(1)).await;
    assert_eq!(skips(SnapshotCause::Interrupt), 1);
    harness.say(&ada, ack(&attached, 20_000)).await;
    let (_, mut token) = harness.attach(&caller("ada", "c2"), "second").await;
    let first = harness.next(&caller("ada", "c2"), &mut token).await;
    assert_eq!((&first["type"], skips(SnapshotCause::Attach)), (&json!("snapshot"), 1));
    // Without a follower for a while the ring drops output.
    pass(Duration::from_secs(4)).await;
    harness.script.print("y".repeat(3_000_000));
    while harness.script.taken() < 3_020_000 {
        harness.settle().await;
    }
    let follow = json!({"type":"follow","epoch":attached["epoch"],"pos":20_000});
    let token = harness.say(&ada, follow).await.follow.unwrap();
    harness.fetch(&ada, token, Duration::from_millis(1)).await;
    assert_eq!(skips(SnapshotCause::Lost), 1);
}

#[tokio::test(start_paused = true)]
async fn gauges_count_what_exists() {
    let harness = Harness::new().await;
    let sessions = &harness.metrics.sessions;
    let phases = || [Phase::Starting, Phase::Running, Phase::Ending].map(|phase| sessions.phases.of(phase).get());
    assert_eq!(phases(), [0, 1, 0]);
    let (ada, watcher) = (caller("ada", "c1"), backend::session::Caller { role: Role::Viewer, ..caller("ada", "c2") });
    harness.attach(&ada, "page").await;
    harness.attach(&ada, "page").await;
    harness.attach(&watcher, "watching").await;
    let clients = || [Role::Controller, Role::Viewer].map(|role| sessions.clients.of(role).get());
    assert_eq!(clients(), [1, 1], "a page that attaches again is the same page");
    harness.session.disconnect(watcher.connection.clone()).await.unwrap();
    harness.settle().await;
    assert_eq!(clients(), [1, 0]);
    harness.session.end(EndReason::Revoked).await.unwrap();
    harness.settle().await;
    assert_eq!(phases(), [0, 0, 1]);
    assert_eq!(harness.ended().await, EndReason::Revoked);
    assert_eq!((phases(), clients(), harness.metrics.streams.followers.get()), ([0; 3], [0; 2], 0));
    assert_eq!(sessions.ended.of(EndReason::Revoked).get(), 1);
    assert_eq!(sessions.takeovers.of(EndReason::OwnerLost).get(), 0);
    assert_eq!(sessions.shell_start.count(), 1);
    assert!(harness.registry.live(&id()).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_echo_is_timed_from_the_key() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    harness.script.print("$ ");
    harness.next(&ada, &mut token).await;
    assert_eq!(harness.metrics.streams.echo.count(), 0, "no key was typed");
    harness.say(&ada, input(&attached, 1, "a")).await;
    pass(Duration::from_millis(20)).await;
    harness.script.print("a");
    harness.next(&ada, &mut token).await;
    assert_eq!(harness.metrics.streams.echo.count(), 1);
    let sum = harness.metrics.streams.echo.sum();
    assert!((0.02..0.03).contains(&sum), "{sum}");
}
