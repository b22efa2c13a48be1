//! One connection within one invocation: what may be done to the browser and to the row, each within the invocation's time.

use crate::browser::{Endpoint, PostError};
use crate::budget::Budget;
use crate::connections::ConnectionsError;
use crate::route::Deps;
use bytes::Bytes;
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ConnectionId, ServerFrame, ServerMessage};
use std::future::Future;
use std::time::Duration;

/// First pause before the same bytes are posted again; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);
/// Tries after the first while API Gateway takes no more. Their pauses add up to 2.35 s: less than the 3 s after which the
/// service takes a follower that is silent for dead.
const THROTTLED_TRIES: u32 = 6;
/// Tries after the first while something else is wrong.
const FAILED_TRIES: u32 = 2;

/// One connection within one invocation.
pub(crate) struct Line<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) connection: ConnectionId,
    pub(crate) endpoint: Endpoint,
    pub(crate) budget: Budget,
}

impl Line<'_> {
    /// Posts a frame, the same bytes again where that may help. [`PostError::Gone`] means that the connection really is: a 410 alone
    /// proves nothing, since API Gateway answers it for frames that arrived, and for connections that stay.
    pub(crate) async fn post(&self, frame: Bytes) -> Result<(), PostError> {
        let (mut throttled, mut failed) = (0, 0);
        loop {
            let post = self.deps.browser.post(&self.endpoint, &self.connection, frame.clone());
            let error = match tokio::time::timeout_at(self.budget.finish_by, post).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => return Err(PostError::Failed("no time was left".to_owned())),
            };
            let (tries, most, error) = match error {
                PostError::Throttled => (&mut throttled, THROTTLED_TRIES, error),
                PostError::Failed(_) => (&mut failed, FAILED_TRIES, error),
                PostError::Gone if self.exists().await != Some(false) => {
                    (&mut failed, FAILED_TRIES, PostError::Failed("410 for a connection that is there".to_owned()))
                }
                PostError::Gone | PostError::TooLarge | PostError::Forbidden(_) => return Err(error),
            };
            let pause = (FIRST_PAUSE * 2_u32.pow(*tries)).min(LONGEST_PAUSE);
            *tries += 1;
            if *tries > most || pause >= self.budget.left_to_finish() {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Tells the browser what went wrong.
    pub(crate) async fn post_error(&self, error: ErrorMessage) -> Result<(), PostError> {
        self.post(ServerFrame::from(ServerMessage::Error(error)).to_json().into()).await
    }

    /// Whether API Gateway still knows the connection; `None` when it cannot be found out.
    async fn exists(&self) -> Option<bool> {
        self.knows(&self.connection).await
    }

    /// The same of any connection of this API.
    pub(crate) async fn knows(&self, connection: &ConnectionId) -> Option<bool> {
        let exists = self.deps.browser.exists(&self.endpoint, connection);
        tokio::time::timeout_at(self.budget.finish_by, exists).await.ok()?.ok()
    }

    /// Closes a connection of this API.
    pub(crate) async fn close(&self, connection: &ConnectionId) -> Result<(), PostError> {
        let close = self.deps.browser.close(&self.endpoint, connection);
        let out_of_time = |_| Err(PostError::Failed("no time was left".to_owned()));
        tokio::time::timeout_at(self.budget.finish_by, close).await.unwrap_or_else(out_of_time)
    }

    /// Extends the life of the connection's row.
    pub(crate) async fn touch(&self) {
        let expires_at = self.deps.clock.unix_seconds() + self.deps.config.connection_ttl.as_secs();
        if let Err(error) = self.row(self.deps.connections.touch(&self.connection, expires_at)).await {
            tracing::warn!(connection = %self.connection, %error, "[WebSocket] A row was not extended");
        }
    }

    /// Removes a connection's row.
    pub(crate) async fn remove_row(&self, connection: &ConnectionId) {
        if let Err(error) = self.row(self.deps.connections.remove(connection)).await {
            tracing::warn!(%connection, %error, "[WebSocket] A row stays until it expires");
        }
    }

    /// Gives a call to the table of connections no more time than there is.
    pub(crate) async fn row<T>(
        &self,
        call: impl Future<Output = Result<T, ConnectionsError>>,
    ) -> Result<T, ConnectionsError> {
        let out_of_time = |_| Err(ConnectionsError { action: "answer", reason: "no time was left".to_owned() });
        tokio::time::timeout_at(self.budget.finish_by, call).await.unwrap_or_else(out_of_time)
    }
}
