//! Keystroke latency with many concurrent sessions, each typed into at a human pace through the whole chain.

use crate::echo::{echo_of, key};
use crate::report::{Report, Table};
use crate::stats::ms;
use crate::subjects::{VARIABLES, in_process};
use e2e::Terminal;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

const SESSION_COUNTS: [usize; 3] = [1, 100, 1000];

/// Keys per session.
const KEYS: u32 = 20;

const KEY_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) async fn measure(report: &mut Report) {
    let mut measured = Vec::new();
    for count in SESSION_COUNTS {
        let stack = in_process(VARIABLES).await;
        let mut terminals = Vec::with_capacity(count);
        for number in 0..count {
            let mut terminal = stack.terminal(&format!("user-{number}"), &format!("s{number}")).await;
            terminal.run("cat >/dev/null").await;
            terminals.push(terminal);
        }
        let begin = Instant::now() + Duration::from_secs(1);
        let mut typists = JoinSet::new();
        for (number, terminal) in terminals.into_iter().enumerate() {
            // Spread evenly over the interval.
            typists.spawn(type_keys(terminal, begin + KEY_INTERVAL * number as u32 / count as u32));
        }
        let mut times = Vec::new();
        while let Some(found) = typists.join_next().await {
            times.extend(found.expect("the task completes"));
        }
        measured.push((format!("Termgate, function in process, {count} sessions"), times));
        stack.stop().await;
    }
    let figure = ("keystroke to echo, two keys a second in each session", "ms");
    report.add(Table::of_percentiles(figure, &[("p50", 0.5), ("p99", 0.99), ("max", 1.0)], measured));
}

/// Latencies of one session's keys, in ms.
async fn type_keys(mut terminal: Terminal, begin: Instant) -> Vec<f64> {
    let mut beats = interval_at(begin, KEY_INTERVAL);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut times = Vec::with_capacity(KEYS as usize);
    for number in 0..KEYS {
        beats.tick().await;
        let key = key(number);
        let started = Instant::now();
        terminal.type_text(&key).await;
        terminal.expect(echo_of(&key)).await;
        times.push(ms(started.elapsed()));
    }
    times
}
