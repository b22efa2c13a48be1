//! Time limits of one invocation: API Gateway's integration timeout (29 s) and Lambda's own deadline, whichever is nearer.

use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// Longest time that an invocation asks the service. Leaves time to post the last frames, and to report them, before API Gateway
/// gives up ([`shared_protocol::limits::INTEGRATION_TIMEOUT`]).
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(25);

/// A relay asks no more this long before Lambda's deadline: time for the last posts, their report, and for closing.
const FOLLOW_MARGIN: Duration = Duration::from_secs(3);

/// Longest time of a whole invocation: the integration timeout, less the time to answer.
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(28);

/// An invocation ends this long before Lambda's deadline.
const INVOCATION_MARGIN: Duration = Duration::from_millis(500);

/// Start and time limits of one invocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    started: Instant,
    /// No request to the service lasts longer than this.
    follow_until: Instant,
    /// Nothing runs after this.
    finish_by: Instant,
}

impl Deadline {
    /// Limits of an invocation that starts now and that Lambda ends at `lambda_deadline`.
    pub(crate) fn new(lambda_deadline: Instant) -> Self {
        let started = Instant::now();
        let before = |margin: Duration| lambda_deadline.checked_sub(margin).unwrap_or(started);
        Self {
            started,
            follow_until: (started + FOLLOW_TIMEOUT).min(before(FOLLOW_MARGIN)),
            finish_by: (started + INVOCATION_TIMEOUT).min(before(INVOCATION_MARGIN)),
        }
    }

    /// Time left for requests to the service.
    pub(crate) fn follow_time_left(&self) -> Duration {
        self.follow_until.saturating_duration_since(Instant::now())
    }

    /// Time left for everything else.
    pub(crate) fn time_left(&self) -> Duration {
        self.finish_by.saturating_duration_since(Instant::now())
    }

    pub(crate) fn elapsed_ms(&self) -> f64 {
        self.started.elapsed().as_micros() as f64 / 1000.0
    }

    /// Output of `work`; `None` if the time runs out first.
    pub(crate) async fn limit<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(self.finish_by, work).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_nearer_of_both_limits_counts() {
        for (lambda_seconds, follow_ms, whole_ms) in [(900, 25_000, 28_000), (10, 7000, 9500), (0, 0, 0)] {
            let deadline = Deadline::new(Instant::now() + Duration::from_secs(lambda_seconds));
            assert_eq!(deadline.follow_time_left(), Duration::from_millis(follow_ms), "{lambda_seconds}");
            assert_eq!(deadline.time_left(), Duration::from_millis(whole_ms), "{lambda_seconds}");
        }
    }
}
