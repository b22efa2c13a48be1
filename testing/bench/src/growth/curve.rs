//! The curve of an axis: the cost of a unit of work at each size, compared with the smallest.

use crate::process::processor_time;
use crate::report::{Row, Table};
use e2e::Stack;

/// Column with the ratio to the cost at the smallest size.
const RELATIVE: &str = "× smallest";

/// The cost of a unit of work at one size, and another value of that size.
pub(super) struct Point {
    size: u32,
    cost: f64,
    extra: Option<(&'static str, f64)>,
}

impl Point {
    pub(super) fn new(size: u32, cost: f64) -> Self {
        Self { size, cost, extra: None }
    }

    pub(super) fn with(self, name: &'static str, value: f64) -> Self {
        Self { extra: Some((name, value)), ..self }
    }
}

/// A table of an axis, the smallest size first. `cost` names the unit.
pub(super) fn curve(figure: &'static str, axis: &'static str, cost: &'static str, points: Vec<Point>) -> Table {
    let smallest = points.first().map_or(0.0, |point| point.cost);
    let extra = points.first().and_then(|point| point.extra).map(|(name, _)| name);
    let columns = [cost].into_iter().chain(extra).chain([RELATIVE]).collect();
    let rows = points.into_iter().map(|point| {
        let relative = (smallest > 0.0).then(|| (RELATIVE, point.cost / smallest));
        Row::new(point.size.to_string(), point.extra.into_iter().chain([(cost, point.cost)]).chain(relative))
    });
    Table { figure, unit: axis, rows: rows.collect(), columns }
}

/// Processor time of the service during the work, in µs.
pub(super) async fn cost_of(stack: &Stack, work: impl Future) -> f64 {
    let process = stack.backend.id(0);
    let before = processor_time(process);
    work.await;
    (processor_time(process) - before).as_micros() as f64
}

pub(super) fn mib(bytes: u64) -> f64 {
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
