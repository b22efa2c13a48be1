//! Growth of cost: processor time of the service per unit of work, at several sizes of each axis. A constant cost means linear
//! growth. Processor time depends little on other programs of the machine.

mod age;
mod output;
mod sessions;

use crate::process::processor_time;
use crate::report::{Report, Row, Table};
use clap::ValueEnum;
use e2e::Stack;
use std::collections::BTreeMap;

/// No budget or limit applies, so that only the work is measured.
const VARIABLES: &[(&str, &str)] = &[
    ("OUTPUT_BYTES_PER_SECOND", "0"),
    ("MAX_SESSIONS_PER_USER", "2000"),
    ("MAX_SESSIONS", "2000"),
    ("MESSAGES_PER_SECOND", "1000000"),
];

/// Column with the ratio to the cost at the smallest size.
const RELATIVE: &str = "× smallest";

/// An axis of growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Axis {
    /// Number of sessions: typing, idle, ending.
    Sessions,
    /// Number of watchers of one session's output.
    Output,
    /// Age of a session, in keys and in output.
    Age,
}

/// Measures these axes, or all if there are none.
pub(crate) async fn measure(axes: &[Axis], report: &mut Report) {
    for axis in if axes.is_empty() { Axis::value_variants() } else { axes } {
        match axis {
            Axis::Sessions => sessions::measure(report).await,
            Axis::Output => output::measure(report).await,
            Axis::Age => age::measure(report).await,
        }
    }
}

/// The cost of a unit of work at one size, and another value of that size.
struct Point {
    size: u32,
    cost: f64,
    extra: Option<(&'static str, f64)>,
}

impl Point {
    fn new(size: u32, cost: f64) -> Self {
        Self { size, cost, extra: None }
    }

    fn with(self, name: &'static str, value: f64) -> Self {
        Self { extra: Some((name, value)), ..self }
    }
}

/// A table of an axis, the smallest size first. `cost` names the unit.
fn curve(figure: &'static str, axis: &'static str, cost: &'static str, points: Vec<Point>) -> Table {
    let smallest = points.first().map_or(0.0, |point| point.cost);
    let extra = points.first().and_then(|point| point.extra).map(|(name, _)| name);
    let columns = [cost].into_iter().chain(extra).chain([RELATIVE]).collect();
    let rows = points.into_iter().map(|point| {
        let mut values: BTreeMap<_, _> = point.extra.into_iter().collect();
        values.insert(cost, point.cost);
        if smallest > 0.0 {
            values.insert(RELATIVE, point.cost / smallest);
        }
        Row { subject: point.size.to_string(), values }
    });
    Table { figure, unit: axis, rows: rows.collect(), columns }
}

/// Processor time of the service during the work, in µs.
async fn cost_of(stack: &Stack, work: impl Future) -> f64 {
    let process = stack.backend.id(0);
    let before = processor_time(process);
    work.await;
    (processor_time(process) - before).as_micros() as f64
}

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
