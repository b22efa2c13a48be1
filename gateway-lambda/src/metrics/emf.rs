//! CloudWatch's embedded metric format (EMF): metrics as lines of the log, which takes no request and no permission.
//! Source: CloudWatch user guide, "Specification: Embedded metric format".
//!
//! Log lines cost money, and each keystroke is an invocation. So values are batched for up to a minute while messages arrive;
//! failures are written at once. Values batched in a process that Lambda ends are lost.

use super::METRICS;
use crate::clock::Clock;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// The only dimension: each further one costs more.
const DIMENSION: &str = "FunctionName";
/// Longest time that a value is batched, in milliseconds.
const MAX_BATCH_MS: u64 = 60_000;
/// Most values of one metric in a line, by the specification.
const MAX_VALUES: usize = 100;

/// Writes metric events as lines of EMF.
pub struct EmfLayer<W> {
    /// Value of the dimension.
    function: String,
    clock: Arc<dyn Clock>,
    batch: Mutex<Batch<W>>,
}

struct Batch<W> {
    log: W,
    /// Values by metric, not written yet.
    values: BTreeMap<&'static str, Vec<f64>>,
    /// Time of the first value, in milliseconds since 1970.
    since: u64,
}

impl<W: Write> EmfLayer<W> {
    /// A layer that writes the metrics of the named function to `log`.
    pub fn new(function: String, clock: Arc<dyn Clock>, log: W) -> Self {
        Self { function, clock, batch: Mutex::new(Batch { log, values: BTreeMap::new(), since: 0 }) }
    }

    fn record(&self, name: &'static str, value: f64, now: bool) {
        let at = self.clock.now_ms();
        let mut batch = self.batch.lock();
        if batch.values.is_empty() {
            batch.since = at;
        }
        let values = batch.values.entry(name).or_default();
        values.push(value);
        let full = values.len() >= MAX_VALUES;
        if now || full || at.saturating_sub(batch.since) >= MAX_BATCH_MS {
            let line = line(&self.function, at, std::mem::take(&mut batch.values));
            // A failed write to the log cannot be logged.
            drop(writeln!(batch.log, "{line}"));
        }
    }
}

/// One line of EMF.
fn line(function: &str, at: u64, values: BTreeMap<&'static str, Vec<f64>>) -> Value {
    let units: BTreeMap<_, _> = METRICS.into_iter().collect();
    let metrics: Vec<_> = values.keys().map(|name| json!({"Name": name, "Unit": units.get(name)})).collect();
    let about = json!({"Namespace": "Termgate", "Dimensions": [[DIMENSION]], "Metrics": metrics});
    let mut line = Map::new();
    line.insert("_aws".to_owned(), json!({"Timestamp": at, "CloudWatchMetrics": [about]}));
    line.insert(DIMENSION.to_owned(), function.into());
    for (name, values) in values {
        line.insert(name.to_owned(), json!(values));
    }
    Value::Object(line)
}

impl<S: Subscriber, W: Write + 'static> Layer<S> for EmfLayer<W>
where
    Self: Send + Sync,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let (Some(name), Some(value)) = (fields.metric, fields.value) {
            self.record(name, value, fields.now);
        }
    }
}

/// Fields of a metric event.
#[derive(Default)]
struct Fields {
    metric: Option<&'static str>,
    value: Option<f64>,
    now: bool,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "metric" {
            self.metric = METRICS.iter().map(|(name, _)| *name).find(|name| *name == value);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "value" {
            self.value = Some(value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "now" {
            self.now = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use super::super::{
        TARGET, record_connect, record_frames, record_lost_frame, record_service_failure, record_service_time,
    };
    use super::*;
    use crate::backend::BackendError;
    use crate::clock::ManualClock;
    use shared_protocol::{ApiError, ErrorCode};
    use std::io::{BufRead, BufReader};
    use std::time::Duration;
    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::layer::SubscriberExt;

    /// The lines that `record` writes.
    fn written(record: impl FnOnce(&ManualClock)) -> Vec<Value> {
        let (log, writer) = std::io::pipe().unwrap();
        let clock = Arc::new(ManualClock::default());
        let metrics = EmfLayer::new("websocket-handler".to_owned(), clock.clone(), writer);
        let only = Targets::new().with_target(TARGET, LevelFilter::TRACE);
        let subscriber = tracing_subscriber::registry().with(metrics.with_filter(only));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("not a metric");
            record(&clock);
        });
        BufReader::new(log).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
    }

    #[test]
    fn a_line_is_valid_emf() {
        let lines = written(|clock| {
            clock.advance(Duration::from_millis(1_700_000_000_000));
            record_connect(true);
        });
        let metrics = json!([{"Name": "ConnectionsOpened", "Unit": "Count"}]);
        let about = json!([{"Namespace": "Termgate", "Dimensions": [["FunctionName"]], "Metrics": metrics}]);
        let expected = json!({
            "_aws": {"Timestamp": 1_700_000_000_000_u64, "CloudWatchMetrics": about},
            "FunctionName": "websocket-handler",
            "ConnectionsOpened": [1.0],
        });
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn keystrokes_are_batched_and_failures_are_not() {
        let lines = written(|clock| {
            record_service_time(3.5);
            record_frames(1, false);
            record_frames(0, false);
            clock.advance(Duration::from_millis(59_999));
            record_service_time(4.5);
            record_lost_frame();
            record_service_time(5.5);
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["ServiceMilliseconds"], json!([3.5, 4.5]));
        assert_eq!((&lines[0]["Frames"], &lines[0]["FramesLost"]), (&json!([1.0]), &json!([1.0])));
        assert_eq!(lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"][2]["Unit"], "Milliseconds");
    }

    #[test]
    fn a_batch_ends_after_a_minute_or_a_hundred_values() {
        let later = written(|clock| {
            record_service_time(1.0);
            clock.advance(Duration::from_millis(60_000));
            record_service_time(2.0);
            record_service_time(3.0);
        });
        assert_eq!(later.len(), 1);
        assert_eq!(later[0]["ServiceMilliseconds"], json!([1.0, 2.0]));
        let many = written(|_| (0..250).for_each(|_| record_service_time(1.0)));
        let lengths: Vec<_> = many.iter().map(|line| line["ServiceMilliseconds"].as_array().unwrap().len()).collect();
        assert_eq!(lengths, [100, 100]);
    }

    #[test]
    fn a_long_invocation_flushes_the_batch() {
        let lines = written(|_| {
            record_service_time(1.0);
            record_frames(0, true);
        });
        assert_eq!((&lines[0]["Frames"], &lines[0]["ServiceMilliseconds"]), (&json!([0.0]), &json!([1.0])));
    }

    #[test]
    fn refusals_count_only_for_faults_of_the_service_or_the_secret() {
        let refused = |code| BackendError::Refused(ApiError::new(code, "no"));
        let faults = [
            BackendError::Timeout,
            BackendError::Unreachable("away".to_owned()),
            refused(ErrorCode::Unauthorized),
            refused(ErrorCode::Internal),
        ];
        assert_eq!(written(|_| faults.iter().for_each(record_service_failure)).len(), faults.len());
        let rights =
            [refused(ErrorCode::SessionEnded), refused(ErrorCode::Forbidden), refused(ErrorCode::LimitReached)];
        assert!(written(|_| rights.iter().for_each(record_service_failure)).is_empty());
    }
}
