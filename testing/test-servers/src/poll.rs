//! Waiting for what announces itself to nobody: asked again and again, with a deadline.

use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(2);

/// Asks until there is an answer.
///
/// # Panics
/// With `what`, when there is none in time.
pub(crate) async fn until<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    let answered = timeout_at(deadline, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            sleep(PAUSE).await;
        }
    });
    answered.await.unwrap_or_else(|_| panic!("{what}: not within {within:?}"))
}
