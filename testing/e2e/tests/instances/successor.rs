//! An instance is killed and starts again at its place. Its successor knows at once that it is dead, and takes nothing from one
//! that lives.

use e2e::{Function, Stack, StackOptions, Terminal, matching};
use rustix::process::Signal;
use shared_protocol::{EndReason, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// Less than the time for which the last heartbeat of a dead instance counts: at least 10 s.
const AT_ONCE: Duration = Duration::from_secs(9);

/// An address at which no service listens: all instances claim it.
const ONE_ADDRESS: &[(&str, &str)] = &[("ADVERTISE_URL", "http://127.0.0.1:1")];

/// Close code where the session's instance cannot be reached.
const UNREACHABLE: u16 = 4500;

/// Connects a page of the session to this instance. Fails with the status of a refusal.
async fn page(stack: &Stack, instance: usize) -> Result<Terminal, u16> {
    let (address, token) = (stack.backend.address(instance), stack.token("ada", "s"));
    Terminal::connect(&format!("ws://{address}/terminal?sessionId=s&token={token}"), "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_takes_the_sessions_of_the_dead_at_once_and_none_of_the_living() {
    let options = StackOptions { instances: 2, variables: ONE_ADDRESS, ..StackOptions::new(Function::InProcess) };
    let mut stack = Stack::start_with(options).await;
    let mut first = page(&stack, 0).await.unwrap();
    first.attach().await;
    let before = first.epoch();
    // Even while it is stopped, the first instance lives. The second one finds it in the store, and cannot reach it.
    for signal in [None, Some(Signal::STOP)] {
        signal.into_iter().for_each(|signal| stack.backend.signal(0, signal));
        assert_eq!(page(&stack, 1).await.unwrap().expect_close().await, UNREACHABLE);
    }
    stack.backend.signal(0, Signal::CONT);
    let (kept, _) = first.command("echo still he$((0))re").await;
    assert_eq!(kept.trim(), "still he0re");
    let killed = Instant::now();
    stack.backend.kill(0).await;
    stack.backend.kill(1).await;
    let successor = stack.backend.add().await;
    let mut terminal = page(&stack, successor).await.unwrap();
    terminal.attach().await;
    assert!(killed.elapsed() < AT_ONCE, "{:?}", killed.elapsed());
    assert!(terminal.epoch() > before);
    let reason = terminal.expect_event("the restart", matching!(StreamEvent::Restarted { reason } => *reason)).await;
    assert_eq!(reason, EndReason::OwnerLost);
    stack.stop().await;
}
