//! CloudWatch's embedded metric format: numbers as a line of the log, so that writing them takes no request and no permission.
//! Source: CloudWatch user guide, "Specification: Embedded metric format".
//!
//! A line costs as much as any other of the log, and there is an invocation for each keystroke. So numbers wait for each other, for
//! a minute at most while messages come; failures do not wait. What waits in a process that Lambda ends is lost.

use super::METRICS;
use crate::clock::Clock;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Namespace in CloudWatch.
const NAMESPACE: &str = "Termgate";
/// The one dimension: more of them would cost more.
const DIMENSION: &str = "FunctionName";
/// Longest that a number waits for another, in milliseconds.
const LONGEST_WAIT: u64 = 60_000;
/// Most values of one metric in a line, by the specification.
const MOST_VALUES: usize = 100;

/// Writes what is counted.
pub struct EmfLayer<W> {
    function: String,
    clock: Arc<dyn Clock>,
    waiting: Mutex<Waiting<W>>,
}

struct Waiting<W> {
    to: W,
    values: BTreeMap<&'static str, Vec<f64>>,
    /// When the first of them came, in milliseconds since 1970.
    since: u64,
}

impl<W: Write> EmfLayer<W> {
    /// For the function of this name, to this log.
    pub fn new(function: String, clock: Arc<dyn Clock>, to: W) -> Self {
        Self { function, clock, waiting: Mutex::new(Waiting { to, values: BTreeMap::new(), since: 0 }) }
    }

    fn take(&self, name: &'static str, value: f64, now: bool) {
        let at = self.clock.unix_millis();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.values.is_empty() {
            waiting.since = at;
        }
        let values = waiting.values.entry(name).or_default();
        values.push(value);
        let full = values.len() >= MOST_VALUES;
        if now || full || at.saturating_sub(waiting.since) >= LONGEST_WAIT {
            let line = line(&self.function, at, std::mem::take(&mut waiting.values));
            // A log that cannot be written to is nothing that could be logged.
            drop(writeln!(waiting.to, "{line}"));
        }
    }
}

/// The document that CloudWatch reads.
fn line(function: &str, at: u64, values: BTreeMap<&'static str, Vec<f64>>) -> Value {
    let units: BTreeMap<_, _> = METRICS.into_iter().collect();
    let metrics: Vec<_> = values.keys().map(|name| json!({"Name": name, "Unit": units.get(name)})).collect();
    let about = json!({"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics});
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
        let mut number = Number::default();
        event.record(&mut number);
        if let (Some(name), Some(value)) = (number.metric, number.value) {
            self.take(name, value, number.now);
        }
    }
}

/// The fields of an event.
#[derive(Default)]
struct Number {
    metric: Option<&'static str>,
    value: Option<f64>,
    now: bool,
}

impl Visit for Number {
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
    use super::super::{TARGET, answered, connection, failed, frame_lost, frames};
    use super::*;
    use crate::backend::BackendError;
    use shared_protocol::{ApiError, ErrorCode};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;
    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A clock that a test sets, in milliseconds.
    #[derive(Default)]
    struct Watch(AtomicU64);

    impl Clock for Watch {
        fn since_epoch(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    /// The lines that are written while something is counted.
    fn written(count: impl FnOnce(&Watch)) -> Vec<Value> {
        let (log, watch) = (Log::default(), Arc::new(Watch::default()));
        let metrics = EmfLayer::new("websocket-handler".to_owned(), watch.clone(), log.clone());
        let only = Targets::new().with_target(TARGET, LevelFilter::TRACE);
        let subscriber = tracing_subscriber::registry().with(metrics.with_filter(only));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("a line of the log is no number");
            count(&watch);
        });
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let lines = written(|watch| {
            watch.0.store(1_700_000_000_000, Ordering::Relaxed);
            connection(true);
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
    fn keystrokes_wait_for_each_other_and_failures_for_nobody() {
        let lines = written(|watch| {
            answered(3.5);
            frames(1, false);
            frames(0, false);
            watch.0.store(59_999, Ordering::Relaxed);
            answered(4.5);
            frame_lost();
            answered(5.5);
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["ServiceMilliseconds"], json!([3.5, 4.5]));
        assert_eq!((&lines[0]["Frames"], &lines[0]["FramesLost"]), (&json!([1.0]), &json!([1.0])));
        assert_eq!(lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"][2]["Unit"], "Milliseconds");
    }

    #[test]
    fn nothing_waits_for_more_than_a_minute_or_a_hundred_others() {
        let later = written(|watch| {
            answered(1.0);
            watch.0.store(60_000, Ordering::Relaxed);
            answered(2.0);
            answered(3.0);
        });
        assert_eq!(later.len(), 1);
        assert_eq!(later[0]["ServiceMilliseconds"], json!([1.0, 2.0]));
        let many = written(|_| (0..250).for_each(|_| answered(1.0)));
        let lengths: Vec<_> = many.iter().map(|line| line["ServiceMilliseconds"].as_array().unwrap().len()).collect();
        assert_eq!(lengths, [100, 100]);
    }

    #[test]
    fn who_followed_writes_what_waits() {
        let lines = written(|_| {
            answered(1.0);
            frames(0, true);
        });
        assert_eq!((&lines[0]["Frames"], &lines[0]["ServiceMilliseconds"]), (&json!([0.0]), &json!([1.0])));
    }

    #[test]
    fn a_refusal_counts_when_the_service_or_the_secret_is_at_fault() {
        let refused = |code| BackendError::Refused(ApiError::new(code, "no"));
        let faults = [
            BackendError::Timeout,
            BackendError::Unreachable("away".to_owned()),
            refused(ErrorCode::Unauthorized),
            refused(ErrorCode::Internal),
        ];
        assert_eq!(written(|_| faults.iter().for_each(failed)).len(), faults.len());
        let rights =
            [refused(ErrorCode::SessionEnded), refused(ErrorCode::Forbidden), refused(ErrorCode::LimitReached)];
        assert!(written(|_| rights.iter().for_each(failed)).is_empty());
    }
}
