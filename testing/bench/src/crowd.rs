//! Many sessions at once, each typed into at a human pace through the whole chain: what everyone feels when everyone is there.

use crate::echo::{echo_of, key};
use crate::report::{Report, Table};
use crate::stats::ms;
use crate::subjects::{VARIABLES, in_process};
use e2e::Terminal;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Sessions at once.
const CROWDS: [usize; 3] = [1, 100, 1000];

/// Keys of each.
const KEYS: u32 = 20;

/// Between two keys of one session.
const PACE: Duration = Duration::from_millis(500);

/// Measures one crowd after the other, each with a service of its own.
pub(crate) async fn measure(report: &mut Report) {
    let mut measured = Vec::new();
    for size in CROWDS {
        let stack = in_process(VARIABLES).await;
        let mut crowd = Vec::with_capacity(size);
        for number in 0..size {
            let mut terminal = stack.terminal(&format!("user-{number}"), &format!("s{number}")).await;
            terminal.run("cat >/dev/null").await;
            crowd.push(terminal);
        }
        let begin = Instant::now() + Duration::from_secs(1);
        let mut typists = JoinSet::new();
        for (number, terminal) in crowd.into_iter().enumerate() {
            // Spread evenly, as people are.
            typists.spawn(types(terminal, begin + PACE * number as u32 / size as u32));
        }
        let mut times = Vec::new();
        while let Some(found) = typists.join_next().await {
            times.extend(found.expect("a typist comes to an end"));
        }
        measured.push((format!("Termgate, function in process, {size} sessions"), times));
        stack.stop().await;
    }
    let figure = ("keystroke to echo, two keys a second in each session", "ms");
    report.add(Table::of_percentiles(figure, &[("p50", 0.5), ("p99", 0.99), ("max", 1.0)], measured));
}

/// Times of one session's keys, in ms.
async fn types(mut terminal: Terminal, begin: Instant) -> Vec<f64> {
    let mut beats = interval_at(begin, PACE);
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
