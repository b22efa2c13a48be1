//! Number of sessions: cost of a key, of an idle session, and of ending all sessions at once. Through the whole chain.

use super::curve::{Point, cost_of, curve, mib};
use crate::echo::{echo_of, key};
use crate::process::{children, resident};
use crate::report::Report;
use crate::subjects::{VARIABLES, in_process};
use e2e::{Stack, Terminal, until};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

const SIZES: [u32; 4] = [1, 10, 100, 1000];

/// Idle period. A page renews its follower every 20 s.
const IDLE: Duration = Duration::from_secs(20);

const TYPING: Duration = Duration::from_secs(20);

/// Least time between two keys of one session: longer than the delay of acknowledgements, so that each key is acknowledged.
const MIN_KEY_INTERVAL: Duration = Duration::from_millis(100);

/// Least time between two keys of all sessions.
const MIN_TOTAL_INTERVAL: Duration = Duration::from_millis(2);

/// Longest wait for a thousand sessions to end.
const END_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) async fn measure(report: &mut Report) {
    let (mut idle, mut typing, mut ending) = (Vec::new(), Vec::new(), Vec::new());
    for size in SIZES {
        let stack = in_process(VARIABLES).await;
        let mut terminals = Vec::new();
        for number in 0..size {
            let mut terminal = stack.terminal(&format!("user-{number}"), &format!("s{number}")).await;
            terminal.run("cat >/dev/null").await;
            terminals.push(terminal);
        }
        let until = Instant::now() + IDLE;
        let reading = terminals.iter_mut().map(|terminal| terminal.read_until(until));
        let idle_second = cost_of(&stack, join_all(reading)).await / IDLE.as_secs_f64();
        let memory = mib(resident(stack.backend.id(0)));
        idle.push(Point::new(size, idle_second / f64::from(size)).with("memory (MiB)", memory));
        let interval = MIN_KEY_INTERVAL.max(MIN_TOTAL_INTERVAL * size);
        let keys = (TYPING.as_millis() / interval.as_millis()) as u32;
        let begin = Instant::now();
        let typists = terminals.iter_mut().zip(0..size).map(|(terminal, number)| {
            // Spread evenly over the interval.
            type_keys(terminal, begin + interval * number / size, interval, keys)
        });
        let typed = cost_of(&stack, join_all(typists)).await - idle_second * begin.elapsed().as_secs_f64();
        typing.push(Point::new(size, typed / f64::from(keys * size)));
        let begin = Instant::now();
        let ended = cost_of(&stack, end(&stack, terminals)).await;
        ending.push(Point::new(size, ended / f64::from(size)).with("all, s", begin.elapsed().as_secs_f64()));
        stack.stop().await;
    }
    report.add(curve("typing into many sessions", "sessions", "µs a key", typing));
    report.add(curve("idle sessions", "sessions", "µs a second for each", idle));
    report.add(curve("ending all sessions at once", "sessions", "µs for each", ending));
}

async fn type_keys(terminal: &mut Terminal, begin: Instant, interval: Duration, keys: u32) {
    sleep_until(begin).await;
    for number in 0..keys {
        let key = key(number);
        terminal.type_text(&key).await;
        terminal.expect(echo_of(&key)).await;
        terminal.read_until(begin + interval * (number + 1)).await;
    }
}

/// Ends all sessions, and waits until no process is left.
async fn end(stack: &Stack, terminals: Vec<Terminal>) {
    join_all(terminals.into_iter().map(|mut terminal| async move {
        terminal.close_session().await;
        terminal.expect_end_within(END_TIMEOUT).await;
    }))
    .await;
    until("the end of all processes", END_TIMEOUT, async || children(stack.backend.id(0)) == (0, 0)).await;
}
