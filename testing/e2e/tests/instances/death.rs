//! An instance is killed, or stopped for so long that it counts as dead.

use super::{attach_again, owner, refusal};
use e2e::{Stack, TEST_TIMEOUT, alive, matching, until};
use rustix::process::Signal;
use shared_protocol::client::{Input, Keys};
use shared_protocol::{ClientMessage, EndReason, ErrorCode, Seq, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// Longest time until another instance takes a session over.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_instances_session_restarts_on_another() {
    let mut stack = Stack::start_two().await;
    let mut terminal = stack.terminal("ada", "s").await;
    terminal.run("printf '\\033[32mlast%s\\033[0m\\n' words").await;
    terminal.expect("lastwords").await;
    let (before, owner) = (terminal.epoch(), owner(&stack, "s", &[0, 1]));
    // Screens are saved once a second.
    let key = "session:s:screen";
    until("the screen to be saved", TEST_TIMEOUT, async || {
        stack.backend.redis().command(&["HGET", key, "data"]).await.contains("lastwords")
    })
    .await;
    stack.backend.kill(owner).await;
    let killed = Instant::now();
    let mut terminal = attach_again(&stack, "ada", "s", TAKEOVER_TIMEOUT).await;
    assert!(killed.elapsed() < TAKEOVER_TIMEOUT, "{:?}", killed.elapsed());
    assert!(terminal.epoch() > before);
    terminal.expect("lastwords").await;
    terminal.expect("the machine that ran this shell was lost").await;
    let reason = terminal.expect_event("the restart", matching!(StreamEvent::Restarted { reason } => *reason)).await;
    assert_eq!(reason, EndReason::OwnerLost);
    // Input for the previous shell is not typed into the new one.
    let keys = Keys::Data("touch typed-for-the-old-shell\r".into());
    let late = Input { seq: Seq(1), epoch: before, keys, ack: None, loan: None, predicted: false };
    terminal.send_text(serde_json::to_string(&ClientMessage::Input(late)).unwrap()).await;
    terminal.expect_error(ErrorCode::StaleEpoch).await;
    let (listed, _) = terminal.command("ls").await;
    assert!(!listed.contains("typed-for"), "{listed}");
    stack.stop().await;
}

/// Stops an instance until it counts as dead.
async fn stop_for_long(stack: &mut Stack, instance: usize) {
    assert_eq!(heartbeats(stack).await, 2);
    stack.backend.signal(instance, Signal::STOP);
    until("the heartbeat to be lost", TAKEOVER_TIMEOUT, async || heartbeats(stack).await == 1).await;
}

/// Number of live instances.
async fn heartbeats(stack: &mut Stack) -> usize {
    stack.backend.redis().command(&["KEYS", "instance:*"]).await.lines().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_instance_that_lost_its_session_ends_it() {
    let mut stack = Stack::start_two().await;
    let mut terminal = stack.terminal("ada", "s").await;
    let (shell, _) = terminal.command("echo $$").await;
    let shell: u32 = shell.trim().parse().unwrap();
    let owner = owner(&stack, "s", &[0, 1]);
    // A directly connected browser types while the instance is stopped.
    let direct =
        format!("ws://{}/terminal?sessionId=s&token={}", stack.backend.address(owner), stack.token("ada", "s"));
    let mut second = stack.direct(&direct).await;
    second.attach().await;
    stop_for_long(&mut stack, owner).await;
    second.type_text("touch typed-while-stopped\r").await;
    let before = terminal.epoch();
    let mut taken = attach_again(&stack, "ada", "s", TAKEOVER_TIMEOUT).await;
    assert!(taken.epoch() > before);
    assert!(alive(shell), "the stopped instance cannot end its shell");
    stack.backend.signal(owner, Signal::CONT);
    until("the instance to notice", TEST_TIMEOUT, async || {
        stack.backend.log(owner).contains("another instance has taken the session over")
    })
    .await;
    until("the old shell to end", TEST_TIMEOUT, async || !alive(shell)).await;
    let (listed, _) = taken.command("ls").await;
    assert!(!listed.contains("typed-while-stopped"), "{listed}");
    second.expect_reply("an error, upon which a page attaches again", refusal).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_instance_that_kept_its_session_continues() {
    let mut stack = Stack::start_two().await;
    let mut terminal = stack.terminal("ada", "s").await;
    terminal.run("kept=ye$((0))s").await;
    let (before, owner) = (terminal.epoch(), owner(&stack, "s", &[0, 1]));
    stop_for_long(&mut stack, owner).await;
    stack.backend.signal(owner, Signal::CONT);
    // Before that the instance counts as dead, and the other one would take the session over.
    until("the heartbeat to be back", TEST_TIMEOUT, async || heartbeats(&mut stack).await == 2).await;
    let mut terminal = attach_again(&stack, "ada", "s", TAKEOVER_TIMEOUT).await;
    assert_eq!(terminal.epoch(), before, "the same shell");
    let (kept, _) = terminal.command("echo $kept").await;
    assert_eq!(kept.trim(), "ye0s");
    stack.stop().await;
}
