//! How cost grows with work: along each axis several sizes, and at each what a unit of work costs the service, in time on the
//! processors, which other programs on the machine change little. A cost that stays means that the whole is linear.

mod age;
mod output;
mod scrollback;
mod sessions;

use crate::process::processor_time;
use crate::report::{Report, Row, Table};
use clap::ValueEnum;
use e2e::Stack;
use std::collections::BTreeMap;

/// Nothing is held back: what is measured is the work.
const VARIABLES: &[(&str, &str)] = &[
    ("OUTPUT_BYTES_PER_SECOND", "0"),
    ("MAX_SESSIONS_PER_USER", "2000"),
    ("MAX_SESSIONS", "2000"),
    ("MESSAGES_PER_SECOND", "1000000"),
];

/// Compares a size's cost to that of the smallest.
const RELATIVE: &str = "× smallest";

/// What grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Axis {
    /// How many sessions there are.
    Sessions,
    /// How much is printed, and how many watch.
    Output,
    /// How old a session is.
    Age,
    /// How much of what was printed is kept.
    Scrollback,
}

/// These axes one after the other, or all.
pub(crate) async fn measure(axes: &[Axis], report: &mut Report) {
    for axis in if axes.is_empty() { Axis::value_variants() } else { axes } {
        match axis {
            Axis::Sessions => sessions::measure(report).await,
            Axis::Output => output::measure(report).await,
            Axis::Age => age::measure(report).await,
            Axis::Scrollback => scrollback::measure(report).await,
        }
    }
}

/// One size of an axis.
struct Point {
    size: String,
    /// Of a unit of work.
    cost: f64,
    /// What else was seen.
    more: Vec<(&'static str, f64)>,
}

impl Point {
    fn new(size: u32, cost: f64) -> Self {
        Self { size: size.to_string(), cost, more: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: f64) -> Self {
        self.more.push((name, value));
        self
    }
}

/// A table of an axis, the smallest size first. `cost` says what of what.
fn curve(figure: &'static str, axis: &'static str, cost: &'static str, points: Vec<Point>) -> Table {
    let smallest = points.first().map_or(0.0, |point| point.cost);
    let more: Vec<&'static str> =
        points.first().into_iter().flat_map(|point| &point.more).map(|(name, _)| *name).collect();
    let columns = [cost].into_iter().chain(more).chain([RELATIVE]).collect();
    let rows = points.into_iter().map(|Point { size, cost: found, more }| {
        let mut values: BTreeMap<_, _> = more.into_iter().collect();
        values.insert(cost, found);
        // Of nothing there is no multiple.
        if smallest > 0.0 {
            values.insert(RELATIVE, found / smallest);
        }
        Row { subject: size, values }
    });
    Table { figure, unit: axis, rows: rows.collect(), columns }
}

/// What the service spends on the processors meanwhile, in µs.
async fn spent(stack: &Stack, work: impl Future) -> f64 {
    let process = stack.backend.id(0);
    let before = processor_time(process);
    work.await;
    (processor_time(process) - before).as_micros() as f64
}

/// In MiB.
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_is_compared_with_the_smallest() {
        let points = vec![Point::new(1, 2.0).with("memory", 7.0), Point::new(10, 3.0).with("memory", 8.0)];
        let table = curve("keys", "sessions", "µs", points);
        assert_eq!(table.columns, ["µs", "memory", RELATIVE]);
        let relative: Vec<_> = table.rows.iter().map(|row| row.values[RELATIVE]).collect();
        assert_eq!(relative, [1.0, 1.5]);
    }
}
