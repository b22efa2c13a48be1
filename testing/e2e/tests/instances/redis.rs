//! Redis is unreachable, slow, stalled or empty: terminals continue, and no session is lost.

use super::{attach_again, health, owner};
use e2e::{Stack, TEST_TIMEOUT, until};
use std::time::Duration;

/// Length of the outage: longer than a session's lease.
const OUTAGE: Duration = Duration::from_secs(30);

async fn expect_health(stack: &Stack, instance: usize, word: &str) {
    until(&format!("{word} health"), TEST_TIMEOUT, async || {
        let (status, body) = health(stack, instance).await;
        assert_eq!(status, 200, "a platform must not replace the instance: {body}");
        body.contains(&format!(r#""status":"{word}""#))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreachable_for_half_a_minute() {
    let mut stack = Stack::start_two().await;
    let mut terminal = stack.terminal("ada", "s").await;
    let (before, owner) = (terminal.epoch(), owner(&stack, "s", &[0, 1]));
    stack.backend.redis_proxy().cut().await;
    let outage = tokio::time::Instant::now();
    let mut rounds = 0;
    // Takes more than 30 s on a slow machine.
    while outage.elapsed() < OUTAGE || rounds <= 20 {
        rounds += 1;
        terminal.type_text(&format!("echo still-{rounds}-$((40+2))\r")).await;
        terminal.expect(&format!("still-{rounds}-42")).await;
        if rounds == 20 {
            expect_health(&stack, 0, "degraded").await;
            expect_health(&stack, 1, "degraded").await;
        }
        tokio::time::timeout(Duration::from_millis(300), std::future::pending::<()>()).await.unwrap_err();
    }
    // A record lost during the outage is written again.
    stack.backend.redis().command(&["DEL", "session:s"]).await;
    stack.backend.redis_proxy().restore().await;
    expect_health(&stack, 0, "ok").await;
    expect_health(&stack, 1, "ok").await;
    until("the record to be written again", TEST_TIMEOUT, async || {
        stack.backend.redis().command(&["EXISTS", "session:s"]).await.contains('1')
    })
    .await;
    let again = attach_again(&stack, "ada", "s", TEST_TIMEOUT).await;
    assert_eq!(again.epoch(), before);
    assert!(!stack.backend.log(owner).contains("has taken the session over"));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_empty() {
    let mut stack = Stack::start_two().await;
    let mut terminals = Vec::new();
    for session in ["a", "b", "c", "d"] {
        terminals.push((session, stack.terminal("ada", session).await));
    }
    stack.backend.redis().restart().await;
    // Immediately, before any heartbeat: no instance may start a second shell of a running session.
    for (session, before) in &terminals {
        let again = attach_again(&stack, "ada", session, TEST_TIMEOUT).await;
        assert_eq!(again.epoch(), before.epoch(), "{session}");
    }
    for (_, terminal) in &mut terminals {
        assert_eq!(terminal.command("echo still here").await.0, "still here\n");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_stalled() {
    let stack = Stack::start_two().await;
    let mut terminal = stack.terminal("ada", "s").await;
    // 300 ms for a round trip: three in a row end within the deadline of a call.
    stack.backend.redis_proxy().delay(Duration::from_millis(150)).await;
    assert_eq!(terminal.command("echo slow").await.0, "slow\n");
    let mut other = stack.terminal("ada", "t").await;
    assert_eq!(other.command("echo started").await.0, "started\n");
    // Redis accepts requests and answers none: new sessions fail with an error, running ones continue.
    stack.backend.redis_proxy().stall().await;
    let mut refused = stack.connect("ada", "u").await;
    let refusal = refused.try_attach().await.unwrap_err();
    assert!(refusal.retryable, "{refusal:?}");
    assert_eq!(terminal.command("echo silent").await.0, "silent\n");
    stack.backend.redis_proxy().restore().await;
    attach_again(&stack, "ada", "u", TEST_TIMEOUT).await;
    stack.stop().await;
}
