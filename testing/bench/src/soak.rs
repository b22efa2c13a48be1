//! Looks for leaks: users come and go against two instances with Redis, and the resources in use after the last one left are
//! compared with those after a warm-up.

mod resource_snapshot;
mod session_cycle;

use crate::report::{Report, Row, Table};
use crate::stats::slope;
use crate::subjects::in_process;
use e2e::{Stack, StackOptions};
use futures_util::future::join_all;
use resource_snapshot::ResourceSnapshot;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Two, so that requests are forwarded between instances.
const INSTANCES: usize = 2;

const CONCURRENT_USERS: usize = 12;

/// Memory is sampled after each of these parts of the time, without sessions.
const PARTS: u32 = 8;

/// A short detach timeout, which a busy machine does not exceed; small sessions, so that memory shows leaks rather than the
/// number of concurrent sessions.
const VARIABLES: &[(&str, &str)] =
    &[("SESSION_DETACH_TIMEOUT_SECONDS", "8"), ("SESSION_SCROLLBACK_LINES", "100"), ("MAX_SESSIONS", "1000")];

/// Longest wait for resources to be released. Idle connections between instances close after 60 s, checked each 60 s.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(130);

const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Tolerated growth of memory over the second half of the time, in MiB of all instances: noise of the allocator.
const MAX_MEMORY_GROWTH: f64 = 8.0;

/// The stack, and the number of sessions so far.
struct Soak {
    stack: Stack,
    sessions: Cell<usize>,
}

/// Runs for this time and the warm-up. Returns a sentence for each leak.
pub(crate) async fn measure(minutes: u16, report: &mut Report) -> Vec<String> {
    let options = StackOptions { instances: INSTANCES, ..in_process(VARIABLES) };
    let mut soak = Soak { stack: Stack::start_with(options).await, sessions: Cell::new(0) };
    let part = Duration::from_secs(60) * u32::from(minutes) / PARTS;
    soak.run_sessions(part).await;
    soak.wait_idle().await;
    sleep(RELEASE_TIMEOUT).await;
    let (warm, warm_sessions) = (soak.snapshot().await, soak.sessions.get());
    // Thousands of sessions since the warm-up, and MiB.
    let mut memory = Vec::new();
    for _ in 0..PARTS {
        soak.run_sessions(part).await;
        let idle = soak.wait_idle().await;
        memory.push(((soak.sessions.get() - warm_sessions) as f64 / 1000.0, idle.value(resource_snapshot::MEMORY)));
    }
    let end = soak.poll(|snapshot| snapshot.leaks_since(&warm).is_empty()).await;
    let half = &memory[memory.len() / 2..];
    let growth = slope(half) * (half[half.len() - 1].0 - half[0].0);
    let mut leaks = end.leaks_since(&warm);
    if growth > MAX_MEMORY_GROWTH {
        leaks.push(format!("resident memory: {growth:.1} MiB more over the second half of the time"));
    }
    report.add(table(&warm, &end, soak.sessions.get() - warm_sessions));
    soak.stack.stop().await;
    leaks
}

impl Soak {
    async fn run_sessions(&self, time: Duration) {
        let deadline = Instant::now() + time;
        let users = (0..CONCURRENT_USERS).map(|_| async {
            while Instant::now() < deadline {
                let number = self.sessions.replace(self.sessions.get() + 1);
                session_cycle::run(&self.stack, number, INSTANCES).await;
            }
        });
        join_all(users).await;
    }

    async fn wait_idle(&mut self) -> ResourceSnapshot {
        self.poll(|snapshot| snapshot.value(resource_snapshot::SESSIONS) == 0.0).await
    }

    async fn poll(&mut self, done: impl Fn(&ResourceSnapshot) -> bool) -> ResourceSnapshot {
        let deadline = Instant::now() + RELEASE_TIMEOUT;
        loop {
            let snapshot = self.snapshot().await;
            if done(&snapshot) || deadline <= Instant::now() {
                return snapshot;
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn snapshot(&mut self) -> ResourceSnapshot {
        let sessions = (0..self.sessions.get()).map(session_cycle::session_id);
        ResourceSnapshot::take(&mut self.stack, INSTANCES, sessions).await
    }
}

fn table(warm: &ResourceSnapshot, end: &ResourceSnapshot, sessions: usize) -> Table {
    let columns = vec!["after warm-up", "at the end"];
    let row = |name: &str| Row::new(name, columns.iter().copied().zip([warm.value(name), end.value(name)]));
    let mut rows: Vec<Row> = end.names().map(row).collect();
    rows.push(Row::new("sessions since the warm-up", [("at the end", sessions as f64)]));
    Table { figure: "resources without sessions", unit: "two instances together", columns, rows }
}
