//! A rolling replacement of all instances while users type: sessions move to new instances, and no request gets a 5xx response.

use e2e::{Stack, Terminal, until};
use shared_protocol::StreamEvent;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, interval, timeout};

/// Concurrent users.
const USERS: usize = 8;

/// Longest time for an instance to stop, and for a session to move.
const MOVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Types and reads until stopped, and follows its session. Returns the number of its shells.
async fn type_until_stopped(
    url: String,
    token: String,
    mut terminal: Terminal,
    stop: Arc<AtomicBool>,
    typed: Arc<AtomicU64>,
) -> u64 {
    let mut shells = 1;
    let mut line = 0;
    while !stop.load(Ordering::Relaxed) {
        line += 1;
        let expected = format!("line-{line}-42");
        terminal.type_text(&format!("echo line-{line}-$((40+2))\r")).await;
        let answered = terminal
            .wait_until_closed_or(|terminal| {
                let ended = terminal.stream.events.iter().any(|(_, event)| matches!(event, StreamEvent::Exit { .. }));
                let seen = String::from_utf8_lossy(&terminal.stream.bytes).contains(&expected);
                (ended || seen).then_some(seen)
            })
            .await;
        if answered == Some(true) {
            typed.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        terminal = attach_to_next_shell(terminal, &url, &token).await;
        shells += 1;
    }
    shells
}

async fn attach_to_next_shell(terminal: Terminal, url: &str, token: &str) -> Terminal {
    let deadline = Instant::now() + MOVE_TIMEOUT;
    let mut terminal = terminal;
    let before = terminal.epoch();
    let mut every = interval(Duration::from_millis(100));
    loop {
        every.tick().await;
        terminal = terminal.open_new_connection(url, token).await;
        if terminal.try_attach().await.is_ok() && terminal.epoch() > before {
            return terminal;
        }
        assert!(Instant::now() < deadline, "no new shell within {MOVE_TIMEOUT:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_replacement_under_load() {
    let mut stack = Stack::start_two().await;
    let (stop, typed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut users = Vec::new();
    for number in 0..USERS {
        let session = format!("s{number}");
        let terminal = stack.terminal("ada", &session).await;
        let (url, token) = (stack.url(), stack.token("ada", &session));
        users.push(tokio::spawn(type_until_stopped(url, token, terminal, Arc::clone(&stop), Arc::clone(&typed))));
    }
    for old in [0, 1] {
        stack.backend.add().await;
        let asked = Instant::now();
        let status = timeout(MOVE_TIMEOUT, stack.backend.replace(old)).await.unwrap();
        assert!(status.success(), "{status} after {:?}", asked.elapsed());
    }
    // All users continue on new instances.
    let before = typed.load(Ordering::Relaxed);
    until("typing after the replacement", MOVE_TIMEOUT, async || {
        typed.load(Ordering::Relaxed) > before + 5 * USERS as u64
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    let mut shells = 0;
    for user in users {
        shells += timeout(MOVE_TIMEOUT, user).await.unwrap().unwrap();
    }
    assert!(shells > USERS as u64, "some shells ran on replaced instances");
    let responses = stack.backend.balancer().responses().await;
    assert_eq!(responses.server_errors, 0, "{responses:?}");
    assert!(responses.total > 100, "{responses:?}");
    stack.stop().await;
}
