//! Calls of the store of recordings. A folder that hangs holds a thread for each, which none can take back, and shells start on
//! threads of the same pool: so a bounded number of calls is in progress.

use super::error::RecordingError;
use std::io;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Calls in progress at most: an eighth of a runtime's blocking threads.
pub(super) const MAX_CALLS: usize = 64;

/// Makes calls of one store.
#[derive(Debug, Clone)]
pub(super) struct Calls(Arc<Semaphore>);

impl Default for Calls {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CALLS)))
    }
}

impl Calls {
    /// Makes a call as soon as there is room for it. It goes on to its end, even if its caller gives up.
    pub(super) async fn make<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, RecordingError>
    where
        T: Send + 'static,
        E: Into<RecordingError> + Send + 'static,
    {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        let made = tokio::spawn(async move {
            let _permit = permit;
            call.await
        });
        match made.await {
            Ok(result) => result.map_err(Into::into),
            Err(error) => Err(RecordingError(error.to_string())),
        }
    }

    /// The same for one that blocks.
    pub(super) async fn block<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, RecordingError> {
        self.make(async move { spawn_blocking(call).await.map_err(io::Error::other).flatten() }).await
    }
}
