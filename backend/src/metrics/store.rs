//! Metrics of store calls: how long they take, and how many fail.

use super::families::{EnumFamily, Families};
use super::labels::Operation;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use std::time::Duration;

/// Seconds: a store in memory takes microseconds, Redis in the same region 1 ms; no caller waits for longer than 5 s.
const CALL_BUCKETS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// The store.
#[derive(Debug)]
pub struct StoreMetrics {
    durations: EnumFamily<Operation, Histogram>,
    errors: EnumFamily<Operation, Counter>,
}

impl StoreMetrics {
    pub(super) fn new(families: &mut Families) -> Self {
        Self {
            durations: families.enumerate_with(
                "store_call_duration",
                "operation",
                Some(Unit::Seconds),
                "Duration of store calls in seconds, failed ones included, by operation",
                || Histogram::new(CALL_BUCKETS),
            ),
            errors: families.enumerate(
                "store_errors",
                "operation",
                None,
                "Store calls that failed, timed out or were abandoned, by operation",
            ),
        }
    }

    /// Records one call.
    pub fn record_call(&self, operation: Operation, took: Duration, succeeded: bool) {
        self.durations.of(operation).observe(took.as_secs_f64());
        if !succeeded {
            self.errors.of(operation).inc();
        }
    }
}
