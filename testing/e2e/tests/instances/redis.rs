//! Redis goes away, is slow, or forgets: terminals go on, and nothing is lost that need not be.

use super::{attach_again, epoch, health, owner, until};
use e2e::{PATIENCE, Stack};
use std::time::Duration;

/// How long Redis is away: longer than any hold on a session.
const AWAY: Duration = Duration::from_secs(30);

async fn says(stack: &Stack, instance: usize, word: &str) {
    until(&format!("{word} health"), PATIENCE, async || {
        let (status, body) = health(stack, instance).await;
        assert_eq!(status, 200, "nothing that a platform would replace: {body}");
        body.contains(&format!(r#""status":"{word}""#))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn away_for_half_a_minute() {
    let mut stack = Stack::start_two().await;
    let mut terminal = stack.terminal("ada", "s").await;
    let (before, owner) = (epoch(&terminal), owner(&stack, "s", &[0, 1]));
    stack.backend.redis_proxy().cut().await;
    let away = tokio::time::Instant::now();
    let mut rounds = 0;
    while away.elapsed() < AWAY {
        rounds += 1;
        terminal.type_text(&format!("echo still-{rounds}-$((40+2))\r")).await;
        terminal.expect(&format!("still-{rounds}-42")).await;
        if rounds == 20 {
            says(&stack, 0, "degraded").await;
            says(&stack, 1, "degraded").await;
        }
        tokio::time::timeout(Duration::from_millis(300), std::future::pending::<()>()).await.unwrap_err();
    }
    assert!(rounds > 20, "{rounds}");
    // What the store forgets meanwhile is written again.
    stack.backend.redis().command(&["DEL", "session:s"]).await;
    stack.backend.redis_proxy().restore().await;
    says(&stack, 0, "ok").await;
    says(&stack, 1, "ok").await;
    until("the record to be written again", PATIENCE, async || {
        stack.backend.redis().command(&["EXISTS", "session:s"]).await.contains('1')
    })
    .await;
    let again = attach_again(&stack, "ada", "s", PATIENCE).await;
    assert_eq!(epoch(&again), before);
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
    // At once, before anyone has written anything again: nobody may start a second shell of a session that runs.
    for (session, before) in &terminals {
        let again = attach_again(&stack, "ada", session, PATIENCE).await;
        assert_eq!(epoch(&again), epoch(before), "{session}");
    }
    for (_, terminal) in &mut terminals {
        let (said, _) = terminal.command("echo still here").await;
        assert_eq!(said.trim(), "still here");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_silent() {
    let stack = Stack::start_two().await;
    let mut terminal = stack.terminal("ada", "s").await;
    stack.backend.redis_proxy().delay(Duration::from_millis(300)).await;
    let (said, _) = terminal.command("echo slow").await;
    assert_eq!(said.trim(), "slow");
    let mut other = stack.terminal("ada", "t").await;
    let (said, _) = other.command("echo started").await;
    assert_eq!(said.trim(), "started");
    // It takes requests and answers none: what needs it fails with an error, what does not goes on.
    stack.backend.redis_proxy().stall().await;
    let mut refused = stack.connect("ada", "u").await;
    let refusal = refused.try_attach().await.unwrap_err();
    assert!(refusal.retryable, "{refusal:?}");
    let (said, _) = terminal.command("echo silent").await;
    assert_eq!(said.trim(), "silent");
    stack.backend.redis_proxy().restore().await;
    attach_again(&stack, "ada", "u", PATIENCE).await;
    stack.stop().await;
}
