//! An instance dies, or is stopped for so long that it counts as dead.

use super::{attach_again, epoch, owner, refusal, until};
use e2e::{PATIENCE, Stack, alive};
use rustix::process::Signal;
use shared_protocol::client::{Input, Keys};
use shared_protocol::{ClientMessage, EndReason, ErrorCode, Seq, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// Longest until the next request gets a new shell.
const TAKEN_OVER: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shell_starts_anew_elsewhere() {
    let mut stack = Stack::start_two().await;
    let mut terminal = stack.terminal("ada", "s").await;
    terminal.run("printf '\\033[32mlast%s\\033[0m\\n' words").await;
    terminal.expect("lastwords").await;
    let (before, owner) = (epoch(&terminal), owner(&stack, "s", &[0, 1]));
    // What is shown is kept once a second; this is longer ago than the last words.
    let key = "session:s:screen";
    until("the screen to be kept", PATIENCE, async || {
        stack.backend.redis().command(&["HGET", key, "data"]).await.contains("lastwords")
    })
    .await;
    stack.backend.kill(owner).await;
    let killed = Instant::now();
    let mut terminal = attach_again(&stack, "ada", "s", TAKEN_OVER).await;
    assert!(killed.elapsed() < TAKEN_OVER, "{:?}", killed.elapsed());
    assert!(epoch(&terminal) > before);
    terminal.expect("lastwords").await;
    terminal.expect("the machine that ran this shell was lost").await;
    let reason = terminal
        .expect_event("the restart", |event| match event {
            StreamEvent::Restarted { reason } => Some(*reason),
            _ => None,
        })
        .await;
    assert_eq!(reason, EndReason::OwnerLost);
    // What was typed for the shell before is not typed into this one.
    let keys = Keys::Data("touch typed-for-the-old-shell\r".into());
    let late = Input { seq: Seq(1), epoch: before, keys, ack: None };
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
    until("the heartbeat to be lost", TAKEN_OVER, async || heartbeats(stack).await == 1).await;
}

/// Instances that count as alive.
async fn heartbeats(stack: &mut Stack) -> usize {
    stack.backend.redis().command(&["KEYS", "instance:*"]).await.lines().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_stopped_and_replaced_does_nothing_more() {
    let mut stack = Stack::start_two().await;
    let mut terminal = stack.terminal("ada", "s").await;
    let (shell, _) = terminal.command("echo $$").await;
    let shell: u32 = shell.trim().parse().unwrap();
    let owner = owner(&stack, "s", &[0, 1]);
    // A browser that speaks to the instance directly types while it is stopped.
    let direct =
        format!("ws://{}/terminal?sessionId=s&token={}", stack.backend.address(owner), stack.token("ada", "s"));
    let mut second = stack.direct(&direct).await;
    second.attach().await;
    stop_for_long(&mut stack, owner).await;
    second.type_text("touch typed-while-stopped\r").await;
    let before = epoch(&terminal);
    let mut taken = attach_again(&stack, "ada", "s", TAKEN_OVER).await;
    assert!(epoch(&taken) > before);
    assert!(alive(shell), "the old shell is stopped with nobody to tell it");
    stack.backend.signal(owner, Signal::CONT);
    until("the instance to notice", PATIENCE, async || {
        stack.backend.log(owner).contains("another instance has taken the session over")
    })
    .await;
    until("the old shell to end", PATIENCE, async || !alive(shell)).await;
    let (listed, _) = taken.command("ls").await;
    assert!(!listed.contains("typed-while-stopped"), "{listed}");
    assert!(refusal(&second.next_reply().await).is_some(), "it is told to attach again");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_stopped_and_not_replaced_goes_on() {
    let mut stack = Stack::start_two().await;
    let mut terminal = stack.terminal("ada", "s").await;
    terminal.run("kept=ye$((0))s").await;
    let (before, owner) = (epoch(&terminal), owner(&stack, "s", &[0, 1]));
    stop_for_long(&mut stack, owner).await;
    stack.backend.signal(owner, Signal::CONT);
    // Until then it counts as dead, and whoever is asked takes the session over.
    until("the heartbeat to be back", PATIENCE, async || heartbeats(&mut stack).await == 2).await;
    let mut terminal = attach_again(&stack, "ada", "s", TAKEN_OVER).await;
    assert_eq!(epoch(&terminal), before, "the same shell");
    let (kept, _) = terminal.command("echo $kept").await;
    assert_eq!(kept.trim(), "ye0s");
    stack.stop().await;
}
