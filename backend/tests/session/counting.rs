//! What is counted of a session when something is lost, late or too much.

use crate::world::{World, ack, frame, id, input, speaker};
use backend::metrics::{Phase, Repair, Skip};
use serde_json::json;
use shared_protocol::{EndReason, Role};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

async fn pass(time: Duration) {
    sleep_until(Instant::now() + time).await;
}

#[tokio::test(start_paused = true)]
async fn repairs_are_counted_by_who_noticed() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    let repairs = |cause| world.metrics.streams.repairs.of(cause).get();
    world.script.print("lost on the way");
    let first = world.fetch(&ada, ticket, Duration::from_secs(1)).await;
    assert_eq!((repairs(Repair::Asked), repairs(Repair::Overdue)), (0, 0));
    world.fetch(&ada, first.next.unwrap(), Duration::from_secs(5)).await;
    assert_eq!((repairs(Repair::Asked), repairs(Repair::Overdue)), (0, 1));
    world.say(&ada, json!({"type":"follow","epoch":attached["epoch"],"pos":4,"repair":true})).await;
    assert_eq!((repairs(Repair::Asked), repairs(Repair::Overdue)), (1, 1));
    assert_eq!(world.metrics.streams.output.get(), 15, "what is sent twice was printed once");
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_counted_when_the_client_is_told() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, _) = world.attach(&ada, "page").await;
    world.say(&ada, input(&attached, 2, "b")).await;
    assert_eq!(world.metrics.streams.input_gaps.get(), 0, "it may still come");
    pass(Duration::from_secs(3)).await;
    world.settle().await;
    assert_eq!(world.metrics.streams.input_gaps.get(), 1);
    assert_eq!(world.metrics.streams.input.get(), 0);
    world.say(&ada, input(&attached, 1, "a")).await;
    assert_eq!(world.metrics.streams.input.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_program_that_is_held_back_is_counted_once() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    world.script.print(vec![b'x'; 1_300_000]);
    let (_, next) = world.fetch_all(&ada, ticket).await;
    world.settle().await;
    assert_eq!(world.metrics.streams.hold_backs.get(), 1);
    world.say(&ada, ack(&attached, world.script.taken() as u64)).await;
    world.fetch_all(&ada, next.unwrap()).await;
    assert_eq!(world.metrics.streams.hold_backs.get(), 2, "and again");
}

#[tokio::test(start_paused = true)]
async fn skips_are_counted_by_cause() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let skips = |cause| world.metrics.streams.skips.of(cause).get();
    let (attached, ticket) = world.attach(&ada, "page").await;
    world.script.set_signals(true);
    world.script.print("x".repeat(20_000));
    world.settle().await;
    let interrupt = json!({"type":"interrupt","seq":1,"afterSeq":0,"epoch":attached["epoch"]});
    world.say(&ada, interrupt).await;
    world.fetch(&ada, ticket, Duration::from_millis(1)).await;
    assert_eq!(skips(Skip::Interrupt), 1);
    world.say(&ada, ack(&attached, 20_000)).await;
    let (_, ticket) = world.attach(&speaker("ada", "c2"), "second").await;
    let first = world.fetch(&speaker("ada", "c2"), ticket, Duration::from_millis(1)).await;
    assert_eq!((&frame(first.frame)["type"], skips(Skip::Attach)), (&json!("snapshot"), 1));
    // Nobody follows for a while, and the ring forgets.
    pass(Duration::from_secs(4)).await;
    world.script.print("y".repeat(3_000_000));
    while world.script.taken() < 3_020_000 {
        world.settle().await;
    }
    let follow = json!({"type":"follow","epoch":attached["epoch"],"pos":20_000});
    let ticket = world.say(&ada, follow).await.follow.unwrap();
    world.fetch(&ada, ticket, Duration::from_millis(1)).await;
    assert_eq!(skips(Skip::Lost), 1);
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_there_is_counted_until_it_is_gone() {
    let world = World::new().await;
    let sessions = &world.metrics.sessions;
    let phases = || [Phase::Starting, Phase::Running, Phase::Ending].map(|phase| sessions.phases.of(phase).get());
    assert_eq!(phases(), [0, 1, 0]);
    let (ada, watcher) =
        (speaker("ada", "c1"), backend::session::Speaker { role: Role::Viewer, ..speaker("ada", "c2") });
    world.attach(&ada, "page").await;
    world.attach(&ada, "page").await;
    world.attach(&watcher, "watching").await;
    let clients = || [Role::Controller, Role::Viewer].map(|role| sessions.clients.of(role).get());
    assert_eq!(clients(), [1, 1], "a page that attaches again is the same page");
    world.session.disconnect(watcher.connection.clone()).await.unwrap();
    world.settle().await;
    assert_eq!(clients(), [1, 0]);
    world.session.end(EndReason::Revoked).await.unwrap();
    world.settle().await;
    assert_eq!(phases(), [0, 0, 1]);
    assert_eq!(world.ended().await, EndReason::Revoked);
    assert_eq!((phases(), clients(), world.metrics.streams.followers.get()), ([0; 3], [0; 2], 0));
    assert_eq!(
        (sessions.ended.of(EndReason::Revoked).get(), sessions.takeovers.of(EndReason::OwnerLost).get()),
        (1, 0)
    );
    assert_eq!(sessions.shell_start.count(), 1);
    assert!(world.registry.live(&id()).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_echo_is_timed_from_the_key() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    world.script.print("$ ");
    let prompt = world.fetch(&ada, ticket, Duration::from_secs(1)).await;
    assert_eq!(world.metrics.streams.echo.count(), 0, "nobody typed");
    world.say(&ada, input(&attached, 1, "a")).await;
    pass(Duration::from_millis(20)).await;
    world.script.print("a");
    world.fetch(&ada, prompt.next.unwrap(), Duration::from_secs(1)).await;
    assert_eq!(world.metrics.streams.echo.count(), 1);
    let sum = world.metrics.streams.echo.sum();
    assert!((0.02..0.03).contains(&sum), "{sum}");
}
