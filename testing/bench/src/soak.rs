//! Users come and go for minutes against two instances with Redis; then nobody is there, and what is still held is compared with what
//! was held after a warm-up of the same kind. What must have returned and has not, is a fault.

mod census;
mod visit;

use crate::report::{Report, Row, Table};
use crate::stats::slope;
use crate::subjects::QUIET;
use census::Census;
use e2e::{Function, Setting, Stack};
use futures_util::future::join_all;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Instances of the service: requests are forwarded, too.
const INSTANCES: usize = 2;

/// Users at the same time.
const AT_ONCE: usize = 12;

/// Parts of the time, between which everybody is gone and memory is looked at.
const PARTS: u32 = 8;

/// Who leaves without a word ends soon; what a busy machine delays does not end it. Sessions are small, so that memory says more
/// of what is left than of how many there were at once.
const VARIABLES: &[(&str, &str)] =
    &[("SESSION_DETACH_TIMEOUT_SECONDS", "8"), ("SESSION_SCROLLBACK_LINES", "100"), ("MAX_SESSIONS", "1000")];

/// What is awaited of a session whose user left without a word: its grace, and a little.
const GRACE: Duration = Duration::from_secs(9);

/// Longest until nothing is left of those who are gone: connections to other instances are closed when they rested for 60 s, and
/// that is looked for each 60 s.
const GONE: Duration = Duration::from_secs(130);

/// How often it is looked whether that is so.
const LOOK: Duration = Duration::from_millis(500);

/// What memory may grow by over the second half of the time, in MiB of all instances: less is the allocator's.
const GROWTH: f64 = 8.0;

const MEMORY: &str = "resident memory (MiB)";

/// The stack, and who was there.
struct Soak {
    stack: Stack,
    visits: Cell<usize>,
}

/// Measures for so many minutes. Returns a sentence for each thing that did not return to what it was.
pub(crate) async fn measure(minutes: u16, report: &mut Report) -> Vec<String> {
    let setting =
        Setting { instances: INSTANCES, log: QUIET, variables: VARIABLES, ..Setting::new(Function::InProcess) };
    let mut soak = Soak { stack: Stack::start_with(setting).await, visits: Cell::new(0) };
    let part = Duration::from_secs(60) * u32::from(minutes) / PARTS;
    let start = soak.census().await;
    soak.visits_for(part).await;
    soak.everybody_gone().await;
    sleep(GONE).await;
    let (warm, warm_visits) = (soak.census().await, soak.visits.get());
    let mut memory = Vec::new();
    for _ in 0..PARTS {
        soak.visits_for(part).await;
        let gone = soak.everybody_gone().await;
        memory.push(((soak.visits.get() - warm_visits) as f64 / 1000.0, gone.value(MEMORY)));
    }
    let end = soak.returned_to(&warm).await;
    let visits = (soak.visits.get() - warm_visits) as f64;
    let half = &memory[memory.len() / 2..];
    let growth = slope(half);
    let mut left = end.left_since(&warm);
    let grown = growth * (half[half.len() - 1].0 - half[0].0);
    if grown > GROWTH {
        left.push(format!("resident memory: {grown:.1} MiB more over the second half of the time"));
    }
    report.add(table(&[start, warm, end], visits, growth));
    report.add(memory_table(&memory));
    soak.stack.stop().await;
    left
}

impl Soak {
    /// Users come and go for so long.
    async fn visits_for(&self, time: Duration) {
        let until = Instant::now() + time;
        let visitors = (0..AT_ONCE).map(|_| async {
            while Instant::now() < until {
                let number = self.visits.replace(self.visits.get() + 1);
                visit::visit(&self.stack, number).await;
            }
        });
        join_all(visitors).await;
    }

    async fn census(&mut self) -> Census {
        Census::take(&mut self.stack, INSTANCES, (0..self.visits.get()).map(visit::session)).await
    }

    /// Waits until every session is over.
    async fn everybody_gone(&mut self) -> Census {
        self.once(|census| census.value("sessions, as the service counts") == 0.0).await
    }

    /// Waits until everything that must is as it was, or long enough.
    async fn returned_to(&mut self, before: &Census) -> Census {
        self.once(|census| census.left_since(before).is_empty()).await
    }

    async fn once(&mut self, is_so: impl Fn(&Census) -> bool) -> Census {
        let deadline = Instant::now() + GONE;
        loop {
            let census = self.census().await;
            if is_so(&census) || deadline <= Instant::now() {
                return census;
            }
            sleep(LOOK).await;
        }
    }
}

/// A row for each thing that was counted; `growth` is memory's in MiB per 1,000 sessions, fitted over the second half.
fn table(moments: &[Census; 3], visits: f64, growth: f64) -> Table {
    let [start, warm, end] = moments;
    let rows = end.names().map(|name| {
        let grown = if name == MEMORY { growth } else { (end.value(name) - warm.value(name)) / visits * 1000.0 };
        let values = [
            ("at start", start.value(name)),
            ("after warm-up", warm.value(name)),
            ("at the end", end.value(name)),
            ("per 1,000 sessions", grown),
        ];
        Row { subject: name.to_owned(), values: BTreeMap::from(values) }
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.push(Row { subject: "sessions that were".to_owned(), values: BTreeMap::from([("at the end", visits)]) });
    let columns = vec!["at start", "after warm-up", "at the end", "per 1,000 sessions"];
    Table { figure: "what is left of users who came and went", unit: "two instances together", columns, rows }
}

/// Memory after each part, when nobody was there.
fn memory_table(memory: &[(f64, f64)]) -> Table {
    let rows = memory.iter().map(|(visits, memory)| {
        let values = BTreeMap::from([("MiB", *memory)]);
        Row { subject: format!("after {:.0} sessions", visits * 1000.0), values }
    });
    Table {
        figure: "memory when nobody is there",
        unit: "two instances together",
        columns: vec!["MiB"],
        rows: rows.collect(),
    }
}
