//! Polling for a condition that sends no notification, with a deadline.

use std::time::Duration;
use tokio::time::{interval, timeout};

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Polls until `holds`.
///
/// # Panics
/// With `what`, when the time is up.
pub async fn until(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let polling = async {
        let mut polls = interval(POLL_INTERVAL);
        while !holds().await {
            polls.tick().await;
        }
    };
    assert!(timeout(limit, polling).await.is_ok(), "{what} took longer than {limit:?}");
}
