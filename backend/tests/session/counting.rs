//! Metrics of a session: snapshots, delays, and what exists. Those of losses and backpressure stand with these.

use crate::harness::{Harness, ack, caller, id, input};
use backend::metrics::{Phase, SnapshotCause};
use serde_json::json;
use shared_protocol::{EndReason, Role};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

async fn pass(time: Duration) {
    sleep_until(Instant::now() + time).await;
}

#[tokio::test(start_paused = true)]
async fn the_snapshot_of_an_attach_is_counted() {
    let (harness, ada, attached, _) = Harness::attached().await;
    harness.script.print("x".repeat(20_000));
    harness.settle().await;
    harness.say(&ada, ack(&attached, 20_000)).await;
    let (_, mut token) = harness.attach(&caller("ada", "c2"), "second").await;
    assert_eq!(harness.next(&mut token).await["type"], "snapshot");
    assert_eq!(harness.metrics.streams.snapshots.of(SnapshotCause::Attach).get(), 1);
}

#[tokio::test(start_paused = true)]
async fn gauges_count_what_exists() {
    let harness = Harness::new().await;
    let sessions = &harness.metrics.sessions;
    let phases = || [Phase::Starting, Phase::Running, Phase::Ending].map(|phase| sessions.phases.of(phase).get());
    assert_eq!(phases(), [0, 1, 0]);
    let (ada, watcher) = (caller("ada", "c1"), backend::session::Caller { role: Role::Viewer, ..caller("ada", "c2") });
    harness.attach(&ada, "page").await;
    harness.say(&ada, json!({"type":"attach","client":"page","cols":80,"rows":24})).await;
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
    assert_eq!((phases(), clients(), harness.metrics.relays.waiting.get()), ([0; 3], [0; 2], 0));
    assert_eq!(sessions.ended.of(EndReason::Revoked).get(), 1);
    assert_eq!(sessions.takeovers.of(EndReason::OwnerLost).get(), 0);
    assert_eq!(sessions.shell_start.count(), 1);
    assert!(harness.registry.live(&id()).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_echo_is_timed_from_the_key() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    harness.script.print("$ ");
    harness.next(&mut token).await;
    assert_eq!(harness.metrics.streams.echo.count(), 0, "no key was typed");
    harness.say(&ada, input(&attached, 1, "a")).await;
    pass(Duration::from_millis(20)).await;
    harness.script.print("a");
    harness.next(&mut token).await;
    assert_eq!(harness.metrics.streams.echo.count(), 1);
    let sum = harness.metrics.streams.echo.sum();
    assert!((0.02..0.03).contains(&sum), "{sum}");
}
