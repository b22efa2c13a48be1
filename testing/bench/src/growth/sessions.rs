//! Many sessions: what a key costs when they are typed into, what one costs that nobody uses, and what it costs to end them all at
//! once. Through the whole chain.

use super::{Point, VARIABLES, curve, mib, spent};
use crate::echo::{echo_of, key};
use crate::process::{children, resident};
use crate::report::Report;
use crate::subjects::in_process;
use e2e::{Stack, Terminal};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::{Instant, interval, sleep_until};

const SIZES: [u32; 4] = [1, 10, 100, 1000];

/// Nobody types for so long. A page asks for frames anew every 20 s.
const IDLE: Duration = Duration::from_secs(20);

/// Everybody types for so long.
const TYPING: Duration = Duration::from_secs(20);

/// Between two keys of one session, at least: longer than a page waits until it acknowledges, so that each key is acknowledged.
const PACE: Duration = Duration::from_millis(100);

/// Between two keys of all sessions, at least.
const PACE_OF_ALL: Duration = Duration::from_millis(2);

/// Longest until a thousand sessions have ended.
const ENDS: Duration = Duration::from_secs(300);

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
        let rests =
            spent(&stack, join_all(terminals.iter_mut().map(|terminal| terminal.stay(Instant::now() + IDLE)))).await;
        let second = rests / IDLE.as_secs_f64();
        let memory = mib(resident(stack.backend.id(0)));
        idle.push(Point::new(size, second / f64::from(size)).with("memory (MiB)", memory));
        let pace = PACE.max(PACE_OF_ALL * size);
        let keys = (TYPING.as_millis() / pace.as_millis()) as u32;
        let begin = Instant::now();
        let typists = terminals.iter_mut().zip(0..size).map(|(terminal, number)| {
            // Spread evenly, as people are.
            types(terminal, begin + pace * number / size, pace, keys)
        });
        let typed = spent(&stack, join_all(typists)).await - second * begin.elapsed().as_secs_f64();
        typing.push(Point::new(size, typed / f64::from(keys * size)));
        let begin = Instant::now();
        let ended = spent(&stack, end(&stack, terminals)).await;
        ending.push(Point::new(size, ended / f64::from(size)).with("all, s", begin.elapsed().as_secs_f64()));
        stack.stop().await;
    }
    report.add(curve("typing into many sessions", "sessions", "µs a key", typing));
    report.add(curve("sessions that nobody uses", "sessions", "µs a second for each", idle));
    report.add(curve("ending all sessions at once", "sessions", "µs for each", ending));
}

async fn types(terminal: &mut Terminal, begin: Instant, pace: Duration, keys: u32) {
    sleep_until(begin).await;
    for number in 0..keys {
        let key = key(number);
        terminal.type_text(&key).await;
        terminal.expect(echo_of(&key)).await;
        terminal.stay(begin + pace * (number + 1)).await;
    }
}

/// Ends them all, and waits until none of their processes is left.
async fn end(stack: &Stack, terminals: Vec<Terminal>) {
    join_all(terminals.into_iter().map(|mut terminal| async move {
        terminal.close_session().await;
        terminal.expect_end_within(ENDS).await;
    }))
    .await;
    let (deadline, mut looks) = (Instant::now() + ENDS, interval(PACE));
    while children(stack.backend.id(0)) != (0, 0) {
        assert!(Instant::now() < deadline, "processes are left");
        looks.tick().await;
    }
}
