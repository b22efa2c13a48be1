//! What an operator watches as numbers: what is counted, and where it goes.
//!
//! Whoever counts emits an event of `tracing` at a target of its own, which nothing shows but [`EmfLayer`]: so only the
//! binary on Lambda writes metrics, and counting needs nothing passed around.

mod embedded;

pub use embedded::EmfLayer;

use crate::backend::BackendError;
use shared_protocol::ErrorCode;

/// Target of the events; only [`EmfLayer`] listens to it.
pub const TARGET: &str = "termgate_metrics";

/// Every metric with its unit. Alarms and the dashboard of `template.yaml` name them.
const METRICS: [(&str, &str); 6] = [
    ("ConnectionsOpened", "Count"),
    ("ConnectionsRefused", "Count"),
    ("Frames", "Count"),
    ("FramesLost", "Count"),
    ("ServiceFailures", "Count"),
    ("ServiceMilliseconds", "Milliseconds"),
];

/// When a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Together with later ones: there is one for each keystroke.
    Later,
    /// Now, with everything that waits.
    Now,
}

fn record(metric: &'static str, value: f64, when: When) {
    tracing::trace!(target: TARGET, metric, value, now = when == When::Now);
}

/// A connection was opened, or refused.
pub(crate) fn connection(opened: bool) {
    record(if opened { "ConnectionsOpened" } else { "ConnectionsRefused" }, 1.0, When::Now);
}

/// The service answered a message after this many milliseconds.
pub(crate) fn answered(milliseconds: f64) {
    record("ServiceMilliseconds", milliseconds, When::Later);
}

/// So many frames were posted in an invocation. One that followed writes what waits: it is seldom, and so costs nothing.
pub(crate) fn frames(count: u32, followed: bool) {
    if count > 0 || followed {
        record("Frames", f64::from(count), if followed { When::Now } else { When::Later });
    }
}

/// A frame could not be delivered.
pub(crate) fn frame_lost() {
    record("FramesLost", 1.0, When::Now);
}

/// The service did not answer as it should. What a user may not do is none of it.
pub(crate) fn failed(error: &BackendError) {
    let fault = match error {
        BackendError::Refused(refused) => refused.code == ErrorCode::Unauthorized || refused.code.status() >= 500,
        BackendError::Unreachable(_) | BackendError::Timeout => true,
    };
    if fault {
        record("ServiceFailures", 1.0, When::Now);
    }
}
