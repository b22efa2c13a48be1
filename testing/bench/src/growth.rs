//! Growth of cost: processor time of the service per unit of work, at several sizes of each axis. A constant cost means linear
//! growth. Processor time depends little on other programs of the machine. The age of a session is no axis: `microbench` bounds
//! what an old log, order and screen cost.

pub(crate) mod sessions;
pub(crate) mod watchers;

use crate::process::processor_time;
use crate::report::{Row, Table};
use e2e::Stack;

/// A table of an axis, the smallest size first, whose cost is the reference. `columns` names the unit of the cost, then others.
fn curve(figure: &'static str, axis: &'static str, columns: Vec<&'static str>, points: Vec<(u32, Vec<f64>)>) -> Table {
    let row = |(size, values): (u32, Vec<f64>)| Row::new(size.to_string(), columns.iter().copied().zip(values));
    let (rows, cost) = (points.into_iter().map(row).collect(), columns[0]);
    Table { figure, unit: axis, columns, rows }.with_ratio("× smallest", cost, |_| 0)
}

/// Processor time of the service during the work, in µs, and the result of the work.
async fn cost_of<T>(stack: &Stack, work: impl Future<Output = T>) -> (f64, T) {
    let process = stack.backend.id(0);
    let before = processor_time(process);
    let result = work.await;
    ((processor_time(process) - before).as_micros() as f64, result)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
