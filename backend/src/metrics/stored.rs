//! Calls of the store: how long they take, and how many fail.

use super::families::{Each, Families};
use super::labels::Operation;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use std::time::Duration;

/// Seconds: a store in this process takes microseconds, one in the next rack a millisecond; nobody waits for longer than five.
const CALL: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

fn calls() -> Histogram {
    Histogram::new(CALL)
}

/// The store.
#[derive(Debug)]
pub struct Stored {
    durations: Each<Operation, Histogram>,
    errors: Each<Operation, Counter>,
}

impl Stored {
    pub(super) fn new(families: &mut Families) -> Self {
        Self {
            durations: families.each_of(
                "store_call_duration",
                "operation",
                Some(Unit::Seconds),
                "Time that a call of the store took in seconds, by operation; failed ones too",
                calls,
            ),
            errors: families.each(
                "store_errors",
                "operation",
                None,
                "Calls of the store that failed or were given up, by operation",
            ),
        }
    }

    /// A call was answered, or not.
    pub fn called(&self, operation: Operation, took: Duration, succeeded: bool) {
        self.durations.of(operation).observe(took.as_secs_f64());
        if !succeeded {
            self.errors.of(operation).inc();
        }
    }
}
