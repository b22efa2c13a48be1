//! The tasks of one server: ended together, by whoever owns the server.

use std::future::Future;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks. A clone is the same tasks, for one that starts others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    token: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// Runs one. What it owns is dropped when the tasks are ended.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let token = self.token.clone();
        self.tracker.spawn(async move {
            token.run_until_cancelled(task).await;
        });
    }

    /// Ends them all, soon.
    pub(crate) fn cancel(&self) {
        self.token.cancel();
    }

    /// Ends them all, and returns when everything that they owned is dropped.
    pub(crate) async fn end(self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
