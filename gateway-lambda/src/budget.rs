//! How long one invocation may take, and for what. Two limits meet: API Gateway gives up on an integration after 29 s, and
//! Lambda ends the function at its own deadline.

use std::time::Duration;
use tokio::time::Instant;

/// An invocation follows for at most this long after it began, so that its last frame is posted well before API Gateway
/// gives up ([`shared_protocol::limits::INTEGRATION_TIMEOUT`]).
const FOLLOW: Duration = Duration::from_secs(25);

/// Following ends this long before the function's deadline: time for the last post and for closing.
const FOLLOW_MARGIN: Duration = Duration::from_secs(3);

/// Whatever still runs is given up after this long; [`shared_protocol::limits::INTEGRATION_TIMEOUT`] with room to answer.
const WHOLE: Duration = Duration::from_secs(28);

/// Whatever still runs is given up this long before the function's deadline.
const WHOLE_MARGIN: Duration = Duration::from_millis(500);

/// The times of one invocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// When it began.
    began: Instant,
    /// The service is asked for nothing after this.
    pub(crate) ask_until: Instant,
    /// Nothing runs after this.
    pub(crate) finish_by: Instant,
}

impl Budget {
    /// For an invocation that begins now and is ended by Lambda at `deadline`.
    pub(crate) fn until(deadline: Instant) -> Self {
        let began = Instant::now();
        let before = |margin: Duration| deadline.checked_sub(margin).unwrap_or(began);
        Self {
            began,
            ask_until: (began + FOLLOW).min(before(FOLLOW_MARGIN)),
            finish_by: (began + WHOLE).min(before(WHOLE_MARGIN)),
        }
    }

    /// Time left to ask the service.
    pub(crate) fn left_to_ask(&self) -> Duration {
        self.ask_until.saturating_duration_since(Instant::now())
    }

    /// Milliseconds since it began, for the log.
    pub(crate) fn elapsed_ms(&self) -> f64 {
        self.began.elapsed().as_micros() as f64 / 1000.0
    }

    /// Time left for anything.
    pub(crate) fn left_to_finish(&self) -> Duration {
        self.finish_by.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_nearer_of_both_limits_counts() {
        let began = Instant::now();
        let long = Budget::until(began + Duration::from_secs(900));
        assert_eq!((long.left_to_ask(), long.left_to_finish()), (Duration::from_secs(25), Duration::from_secs(28)));
        let short = Budget::until(began + Duration::from_secs(10));
        assert_eq!(
            (short.left_to_ask(), short.left_to_finish()),
            (Duration::from_secs(7), Duration::from_millis(9500))
        );
        let over = Budget::until(began);
        assert_eq!((over.left_to_ask(), over.left_to_finish()), (Duration::ZERO, Duration::ZERO));
    }
}
