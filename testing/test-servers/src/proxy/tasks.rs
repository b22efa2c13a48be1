//! The tasks of one proxy, cancelled together.

use std::future::Future;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A group of tasks. Clones share the group.
#[derive(Clone, Debug, Default)]
pub(super) struct Tasks {
    token: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// Spawns a task of the group.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let token = self.token.clone();
        self.tracker.spawn(async move {
            token.run_until_cancelled(task).await;
        });
    }

    /// Cancels the group without waiting.
    pub(super) fn cancel(&self) {
        self.token.cancel();
    }

    /// Cancels the group, and returns when everything that its tasks own is dropped.
    pub(super) async fn shut_down(self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
