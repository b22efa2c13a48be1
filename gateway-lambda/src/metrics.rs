//! Metrics of the function, for alarms and the dashboard: `tracing` events of a target of their own, which only [`EmfLayer`]
//! reads. So only the binary on Lambda writes metrics, and no handle is passed around.

mod emf;

pub use emf::EmfLayer;

use crate::backend::BackendError;
use shared_protocol::ErrorCode;

/// Target of the metric events.
pub const TARGET: &str = "termgate_metrics";

/// Name and unit of every metric. Alarms and the dashboard of `template.yaml` use the names.
const METRICS: [(&str, &str); 9] = [
    ("ConnectMilliseconds", "Milliseconds"),
    ("ConnectionsOpened", "Count"),
    ("ConnectionsRefused", "Count"),
    ("Frames", "Count"),
    ("FramesLost", "Count"),
    ("RelayMembers", "Count"),
    ("RelayQuestions", "Count"),
    ("ServiceFailures", "Count"),
    ("ServiceMilliseconds", "Milliseconds"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flush {
    /// With later values; for metrics of each keystroke.
    Batched,
    /// At once, with all batched values.
    Now,
}

fn record(metric: &'static str, value: f64, flush: Flush) {
    tracing::trace!(target: TARGET, metric, value, now = flush == Flush::Now);
}

pub(crate) fn record_connect(opened: bool) {
    record(if opened { "ConnectionsOpened" } else { "ConnectionsRefused" }, 1.0, Flush::Now);
}

/// Records how long an opened connection took, in milliseconds since API Gateway received its request: authorizer, cold start and
/// table included.
pub(crate) fn record_connect_time(milliseconds: u64) {
    record("ConnectMilliseconds", milliseconds as f64, Flush::Now);
}

/// Records the service's response time to a message, in milliseconds.
pub(crate) fn record_service_time(milliseconds: f64) {
    record("ServiceMilliseconds", milliseconds, Flush::Batched);
}

/// Counts the frames that an invocation posted. A long one flushes: there are few.
pub(crate) fn record_frames(count: u32, long: bool) {
    if count > 0 || long {
        record("Frames", f64::from(count), if long { Flush::Now } else { Flush::Batched });
    }
}

/// Counts the members that a relay carried, and its questions.
pub(crate) fn record_relay(members: usize, questions: u64) {
    record("RelayMembers", members as f64, Flush::Batched);
    record("RelayQuestions", questions as f64, Flush::Batched);
}

pub(crate) fn record_lost_frame() {
    record("FramesLost", 1.0, Flush::Now);
}

/// Counts a failure of the service. A refusal for lack of permission is not a failure.
pub(crate) fn record_service_failure(error: &BackendError) {
    let fault = match error {
        BackendError::Refused(refused) => refused.code == ErrorCode::Unauthorized || refused.code.status() >= 500,
        BackendError::Unreachable(_) | BackendError::Timeout => true,
    };
    if fault {
        record("ServiceFailures", 1.0, Flush::Now);
    }
}
