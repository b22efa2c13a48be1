//! Every instance is replaced by a new one, one after the other, while people type: they move by themselves, and no request
//! fails with a fault of the service.

use e2e::{Stack, Terminal};
use shared_protocol::StreamEvent;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, interval, timeout};

/// People who type meanwhile.
const PEOPLE: usize = 8;

/// Longest that an instance may take to end.
const DEADLINE: Duration = Duration::from_secs(20);

/// Types and reads until told to stop; goes where its session goes. Returns how many shells it has had.
async fn person(
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
        let wanted = format!("line-{line}-42");
        terminal.type_text(&format!("echo line-{line}-$((40+2))\r")).await;
        let answered = terminal
            .wait_until_closed_or(|terminal| {
                let ended = terminal.stream.events.iter().any(|(_, event)| matches!(event, StreamEvent::Exit { .. }));
                let seen = String::from_utf8_lossy(&terminal.stream.bytes).contains(&wanted);
                (ended || seen).then_some(seen)
            })
            .await;
        if answered == Some(true) {
            typed.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        // Its shell is gone: on to the next one, as a page does.
        terminal = move_on(terminal, &url, &token).await;
        shells += 1;
    }
    shells
}

async fn move_on(terminal: Terminal, url: &str, token: &str) -> Terminal {
    let deadline = Instant::now() + DEADLINE;
    let mut terminal = terminal;
    let before = terminal.stream.epoch();
    let mut every = interval(Duration::from_millis(100));
    loop {
        every.tick().await;
        terminal = terminal.open_again(url, token).await;
        if terminal.try_attach().await.is_ok() && terminal.stream.epoch() > before {
            return terminal;
        }
        assert!(Instant::now() < deadline, "no new shell within {DEADLINE:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load() {
    let mut stack = Stack::start_two().await;
    let (stop, typed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let session = format!("s{number}");
        let terminal = stack.terminal("ada", &session).await;
        let (url, token) = (stack.url(), stack.token("ada", &session));
        people.push(tokio::spawn(person(url, token, terminal, Arc::clone(&stop), Arc::clone(&typed))));
    }
    for old in [0, 1] {
        stack.backend.add().await;
        let asked = Instant::now();
        let status = timeout(DEADLINE, stack.backend.replace(old)).await.unwrap();
        assert!(status.success(), "{status} after {:?}", asked.elapsed());
    }
    // Everyone goes on in an instance that was not there when they came.
    let before = typed.load(Ordering::Relaxed);
    super::until("typing after the replacement", DEADLINE, async || {
        typed.load(Ordering::Relaxed) > before + 5 * PEOPLE as u64
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    let mut shells = 0;
    for person in people {
        shells += timeout(DEADLINE, person).await.unwrap().unwrap();
    }
    assert!(shells > PEOPLE as u64, "somebody's shell was in an instance that ended");
    let responses = stack.backend.balancer().responses().await;
    assert_eq!(responses.server_errors, 0, "{responses:?}");
    assert!(responses.total > 100, "{responses:?}");
    stack.stop().await;
}
