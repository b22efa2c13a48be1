//! Polling for a condition that sends no notification, with a deadline.

use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Polls until `check` returns a value.
///
/// # Panics
/// With `what`, when the time is up.
pub(crate) async fn until<T>(what: &str, within: Duration, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    let polled = timeout_at(deadline, async {
        loop {
            if let Some(value) = check().await {
                return value;
            }
            sleep(POLL_INTERVAL).await;
        }
    });
    polled.await.unwrap_or_else(|_| panic!("{what}: not within {within:?}"))
}
