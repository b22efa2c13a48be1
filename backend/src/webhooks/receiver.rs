//! The receiver, as the delivery sees it.

use async_trait::async_trait;
use std::time::Duration;

/// Why the receiver has not taken an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// For the log; without the receiver's address, which may hold a secret.
    pub why: String,
    /// Shortest time until the next attempt, as the receiver says.
    pub wait: Option<Duration>,
}

/// Takes events.
#[async_trait]
pub(super) trait Receiver: Send + Sync {
    /// Sends an event once, within a bounded time.
    async fn send(&self, id: &str, body: String) -> Result<(), Refusal>;
}
