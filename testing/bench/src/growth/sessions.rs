//! Number of sessions: cost of a key, of an idle session, and of ending all sessions at once; and keystroke latency with sessions
//! that are typed into at a human pace. Through the whole chain.

use super::{cost_of, curve, mib};
use crate::echo::{echo_of, key};
use crate::process::{children, resident};
use crate::report::{Report, Table};
use crate::stats::ms;
use crate::subjects::{VARIABLES, in_process};
use e2e::{Stack, Terminal, until};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

const SIZES: [u32; 4] = [1, 10, 100, 1000];

const CONCURRENT: [u32; 3] = [1, 100, 1000];

/// Keys per session at a human pace.
const KEYS: u32 = 20;

const KEY_INTERVAL: Duration = Duration::from_millis(500);

/// Idle period. A page sends `follow` every 20 s.
const IDLE: Duration = Duration::from_secs(20);

const TYPING: Duration = Duration::from_secs(20);

/// Least time between two keys of one session: longer than the delay of acknowledgements, so that each key is acknowledged.
const MIN_KEY_INTERVAL: Duration = Duration::from_millis(100);

/// Least time between two keys of all sessions.
const MIN_TOTAL_INTERVAL: Duration = Duration::from_millis(2);

/// Longest wait for a thousand sessions to end.
const END_TIMEOUT: Duration = Duration::from_secs(300);

/// Measures keystroke latency.
pub(crate) async fn latency(report: &mut Report) {
    let mut measured = Vec::new();
    for count in CONCURRENT {
        let stack = Stack::start_with(in_process(VARIABLES)).await;
        let (_, times) = type_keys(typed_into(&stack, count).await, KEY_INTERVAL, KEYS).await;
        measured.push((format!("Termgate, function in process, {count} sessions"), times));
        stack.stop().await;
    }
    let figure = ("keystroke to echo, two keys a second in each session", "ms");
    report.add(Table::of_percentiles(figure, &[("p50", 0.5), ("p99", 0.99), ("max", 1.0)], measured));
}

/// Measures cost.
pub(crate) async fn measure(report: &mut Report) {
    let (mut idle, mut typing, mut ending) = (Vec::new(), Vec::new(), Vec::new());
    for size in SIZES {
        let stack = Stack::start_with(in_process(VARIABLES)).await;
        let mut terminals = typed_into(&stack, size).await;
        let until = Instant::now() + IDLE;
        let reading = terminals.iter_mut().map(|terminal| terminal.read_until(until));
        let idle_second = cost_of(&stack, join_all(reading)).await.0 / IDLE.as_secs_f64();
        let memory = mib(resident(stack.backend.id(0)));
        idle.push((size, vec![idle_second / f64::from(size), memory]));
        let interval = MIN_KEY_INTERVAL.max(MIN_TOTAL_INTERVAL * size);
        let keys = (TYPING.as_millis() / interval.as_millis()) as u32;
        let begin = Instant::now();
        let (cost, (terminals, _)) = cost_of(&stack, type_keys(terminals, interval, keys)).await;
        let typed = cost - idle_second * begin.elapsed().as_secs_f64();
        typing.push((size, vec![typed / f64::from(keys * size)]));
        let begin = Instant::now();
        let (ended, ()) = cost_of(&stack, end(&stack, terminals)).await;
        ending.push((size, vec![ended / f64::from(size), begin.elapsed().as_secs_f64()]));
        stack.stop().await;
    }
    report.add(curve("typing into many sessions", "sessions", vec!["µs a key"], typing));
    report.add(curve("idle sessions", "sessions", vec!["µs a second for each", "memory (MiB)"], idle));
    report.add(curve("ending all sessions at once", "sessions", vec!["µs for each", "all, s"], ending));
}

/// Terminals of as many sessions, each with a program that reads keys and prints nothing.
async fn typed_into(stack: &Stack, count: u32) -> Vec<Terminal> {
    let mut terminals = Vec::new();
    for number in 0..count {
        let mut terminal = stack.terminal(&format!("user-{number}"), &format!("s{number}")).await;
        terminal.run("cat >/dev/null").await;
        terminals.push(terminal);
    }
    terminals
}

/// Types into all terminals at once, in tasks of their own. Returns them, and the latency of each key in ms.
async fn type_keys(terminals: Vec<Terminal>, interval: Duration, keys: u32) -> (Vec<Terminal>, Vec<f64>) {
    let (begin, count) = (Instant::now(), terminals.len() as u32);
    let typists = terminals.into_iter().zip(0..).map(|(mut terminal, number)| {
        // Spread evenly over the interval.
        let begin = begin + interval * number / count;
        tokio::spawn(async move {
            sleep_until(begin).await;
            let mut times = Vec::with_capacity(keys as usize);
            for number in 0..keys {
                let key = key(number);
                let started = Instant::now();
                terminal.type_text(&key).await;
                terminal.expect(echo_of(&key)).await;
                times.push(ms(started.elapsed()));
                terminal.read_until(begin + interval * (number + 1)).await;
            }
            (terminal, times)
        })
    });
    let typed = join_all(typists).await.into_iter().map(|task| task.expect("the task completes"));
    let (terminals, times): (_, Vec<_>) = typed.unzip();
    (terminals, times.concat())
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
