//! Several instances of the service that share a Redis: killed, stopped, disconnected from Redis, and replaced under load.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod death;
mod events;
mod redis;
mod replacement;
mod successor;
mod wall;

use e2e::{Stack, TEST_TIMEOUT, Terminal};
use shared_protocol::ServerMessage;
use shared_protocol::server::ErrorMessage;
use std::time::Duration;
use tokio::time::{Instant, interval, timeout};

/// The instance that started the latest shell of a session.
fn owner(stack: &Stack, session: &str, instances: &[usize]) -> usize {
    let started = |log: &str| {
        log.lines()
            .any(|line| line.contains("starting a shell") && line.contains(&format!("\"session\":\"{session}\"")))
    };
    let owners: Vec<usize> =
        instances.iter().copied().filter(|instance| started(&stack.backend.log(*instance))).collect();
    assert_eq!(owners.len(), 1, "one instance has started {session}");
    owners[0]
}

/// Retries to attach, as a page does whose session's instance may be gone.
async fn attach_again(stack: &Stack, user: &str, session: &str, limit: Duration) -> Terminal {
    let deadline = Instant::now() + limit;
    let mut every = interval(Duration::from_millis(250));
    loop {
        every.tick().await;
        let mut terminal = stack.connect(user, session).await;
        match terminal.try_attach().await {
            Ok(()) => return terminal,
            Err(refusal) => assert!(refusal.retryable, "{refusal:?}"),
        }
        assert!(Instant::now() < deadline, "not attached within {limit:?}");
    }
}

/// Status and body of an instance's `/health`.
async fn health(stack: &Stack, instance: usize) -> (u16, String) {
    let url = format!("http://{}/health", stack.backend.address(instance));
    let answer = timeout(TEST_TIMEOUT, e2e::http().get(url).send()).await.unwrap().unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn refusal(reply: &ServerMessage) -> Option<ErrorMessage> {
    e2e::matching!(ServerMessage::Error(error) => error.clone())(reply)
}
