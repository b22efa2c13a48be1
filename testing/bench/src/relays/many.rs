//! A thousand sessions at once, of which some are typed into and all are looked at, while pages leave and come: executions of the
//! function, requests open in one instance, and keystroke latency, on one instance and on four.

use super::pages::{self, KEY_INTERVAL, open_all, read_past, read_until};
use super::visible::OWN_REQUEST;
use crate::latency::slow_posts;
use crate::metrics::Metrics;
use crate::report::{Row, Table};
use crate::stats::{ms, percentile};
use crate::subjects::{VARIABLES, in_process};
use e2e::{Page, Stack, StackOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

const INSTANCES: [usize; 2] = [1, 4];

/// One session of this many is typed into.
const TYPIST_EACH: u32 = 5;

/// Pages that open at once.
const OPENING: usize = 16;

/// Time after the last page has opened, until the load is steady.
const SETTLE_TIME: Duration = Duration::from_secs(30);

const TIME: Duration = Duration::from_secs(120);

/// Time in which every page leaves once and comes again: 10 % in a minute.
const TURNOVER: Duration = Duration::from_secs(600);

/// A prime number, to spread those that leave over the sessions.
const STRIDE: u32 = 7919;

/// Longest time between two looks at the beginning.
const STEP: Duration = Duration::from_millis(200);

const SAMPLE_INTERVAL: Duration = Duration::from_millis(50);

/// Samples of executions for each of the metrics.
const SAMPLES_EACH: usize = 10;

const COLUMNS: [&str; 9] = [
    "executions, p50",
    "executions, p95",
    "executions, p99",
    "executions, most",
    "open requests of an instance, p95",
    "open requests of an instance, most",
    "echo p50, ms",
    "echo p99, ms",
    "lost echoes",
];

/// Beginning and end of the measurement; `None` while pages open.
type Times = Option<(Instant, Instant)>;

pub(super) async fn table(sessions: u32) -> Table {
    let mut rows = Vec::new();
    for instances in INSTANCES {
        rows.push(crowd(sessions, instances).await);
    }
    let figure = "sessions that are looked at, one in five typing, 10 % leaving each minute";
    Table { figure, unit: "at once", columns: COLUMNS.to_vec(), rows }
}

async fn crowd(sessions: u32, instances: usize) -> Row {
    let options = StackOptions { instances, gateway: slow_posts(), ..in_process(VARIABLES) };
    let stack = Arc::new(Stack::start_with(options).await);
    let (times, begun) = watch::channel(None);
    let mut users = JoinSet::new();
    open_all(&stack, sessions, OPENING, |number, page| {
        let leaves = TURNOVER * (number * STRIDE % sessions) / sessions;
        users.spawn(user(Arc::clone(&stack), number, page, leaves, begun.clone()));
    })
    .await;
    let begin = Instant::now() + SETTLE_TIME;
    times.send_replace(Some((begin, begin + TIME)));
    tokio::time::sleep_until(begin).await;
    let (running, open) = sample(&stack, instances, begin + TIME).await;
    let echoes: Vec<Option<f64>> = users.join_all().await.concat();
    let found: Vec<f64> = echoes.iter().flatten().copied().collect();
    if let Some(stack) = Arc::into_inner(stack) {
        stack.stop().await;
    }
    let of = |samples: &[f64], share| percentile(samples, share).unwrap_or_default();
    let values = [
        of(&running, 0.5),
        of(&running, 0.95),
        of(&running, 0.99),
        of(&running, 1.0),
        of(&open, 0.95),
        of(&open, 1.0),
        of(&found, 0.5),
        of(&found, 0.99),
        (echoes.len() - found.len()) as f64,
    ];
    let instances = if instances == 1 { "one instance".to_owned() } else { format!("{instances} instances") };
    Row::new(format!("{sessions} sessions, {instances}"), COLUMNS.into_iter().zip(values))
}

/// Executions at once, and open requests of each instance.
async fn sample(stack: &Stack, instances: usize, end: Instant) -> (Vec<f64>, Vec<f64>) {
    let (mut running, mut open, mut ticks) = (Vec::new(), Vec::new(), interval(SAMPLE_INTERVAL));
    while Instant::now() < end {
        ticks.tick().await;
        running.push(stack.usage().running as f64);
        if running.len().is_multiple_of(SAMPLES_EACH) {
            for instance in 0..instances {
                open.push(Metrics::of(stack, instance).await.sum("termgate_http_requests_open") - OWN_REQUEST);
            }
        }
    }
    (running, open)
}

/// A user, who looks at the session and may type, leaves once, and comes again. Returns the latency of each key in ms.
async fn user(
    stack: Arc<Stack>,
    number: u32,
    mut page: Page,
    leaves: Duration,
    mut begun: watch::Receiver<Times>,
) -> Vec<Option<f64>> {
    let is_typist = number.is_multiple_of(TYPIST_EACH);
    if is_typist {
        page.client.keys("cat >/dev/null\r");
        read_past(&mut page, "/dev/null\r\n").await;
    }
    let (begin, end) = loop {
        if let Some(times) = *begun.borrow_and_update() {
            break times;
        }
        read_until(&mut page, Instant::now() + STEP).await;
    };
    let (mut times, mut leaves_at) = (Vec::new(), Some(begin + leaves));
    // The users do not type in step.
    let first = begin + KEY_INTERVAL * (number % 100) / 100;
    for count in 0.. {
        let next = if is_typist { first + KEY_INTERVAL * count } else { leaves_at.unwrap_or(end).max(begin) };
        read_until(&mut page, next.min(end)).await;
        if Instant::now() >= end {
            break;
        }
        if leaves_at.is_some_and(|at| at <= Instant::now()) {
            leaves_at = None;
            page.leave().await;
            page = pages::unopened(&stack, number);
            // It sees the screen as it was.
            while page.stats.frames == 0 {
                page.step(end).await;
            }
        } else if is_typist {
            times.push(pages::echo(&mut page, count).await.map(ms));
        }
    }
    drop(stack);
    page.leave().await;
    times
}

#[cfg(test)]
mod tests {
    use super::STRIDE;
    use std::collections::BTreeSet;

    #[test]
    fn each_leaves_at_another_time() {
        let places: BTreeSet<u32> = (0..1000).map(|number| number * STRIDE % 1000).collect();
        assert_eq!(places.len(), 1000);
    }
}
