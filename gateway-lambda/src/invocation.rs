//! One invocation of the function: its caller, and the operations on connections and rows that its deadline allows.

use crate::backend::Caller;
use crate::browser::PostError;
use crate::connections::ConnectionsError;
use crate::deadline::Deadline;
use crate::deps::Deps;
use bytes::Bytes;
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ConnectionId, ServerFrame, ServerMessage};
use std::future::Future;
use std::time::Duration;

/// Delay before the first retry of a post; doubles up to [`MAX_RETRY_DELAY`].
const MIN_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Longest delay between two attempts of a post.
const MAX_RETRY_DELAY: Duration = Duration::from_millis(800);
/// Retries of a throttled post. Their delays add up to 2.35 s.
const MAX_THROTTLED_RETRIES: u32 = 6;
/// Retries of a post for which there was no connection.
const MAX_UNSENT_RETRIES: u32 = 2;
/// Longest time that the service may take to acknowledge a disconnect. Nothing depends on the acknowledgement.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Invocation<'a> {
    pub(crate) deps: &'a Deps,
    /// Sender of the event. Its identity is set before any request to the service.
    pub(crate) caller: Caller,
    /// Time limits of everything below.
    pub(crate) deadline: Deadline,
}

impl Invocation<'_> {
    /// Posts a frame to the caller, and again if it certainly did not arrive. A frame that may have arrived is not repeated: a
    /// plain client would take it for a second one. [`PostError::Gone`] is certain here: a 410 alone proves nothing, because API
    /// Gateway also answers it for frames that arrived and for connections that stay open.
    pub(crate) async fn post(&self, frame: Bytes) -> Result<(), PostError> {
        let connection = &self.caller.connection;
        let (mut throttled, mut unsent) = (0, 0);
        loop {
            let post = self.deps.browser.post(&self.caller.endpoint, connection, frame.clone());
            let Err(error) = self.limit_post(post).await? else { return Ok(()) };
            let (retries, max) = match error {
                PostError::Throttled => (&mut throttled, MAX_THROTTLED_RETRIES),
                PostError::Unsent(_) => (&mut unsent, MAX_UNSENT_RETRIES),
                PostError::Gone if self.exists(connection).await != Some(false) => {
                    return Err(PostError::Failed("410 for a connection that may exist".to_owned()));
                }
                PostError::Failed(_) | PostError::Gone | PostError::TooLarge | PostError::Forbidden(_) => {
                    return Err(error);
                }
            };
            let delay = (MIN_RETRY_DELAY * 2_u32.pow(*retries)).min(MAX_RETRY_DELAY);
            *retries += 1;
            if *retries > max || delay >= self.deadline.time_left() {
                return Err(error);
            }
            tokio::time::sleep(delay).await;
        }
    }

    pub(crate) async fn post_error(&self, error: ErrorMessage) -> Result<(), PostError> {
        self.post(ServerFrame::from(ServerMessage::Error(error)).to_json().into()).await
    }

    /// True if API Gateway knows the connection; `None` if it does not say.
    pub(crate) async fn exists(&self, connection: &ConnectionId) -> Option<bool> {
        self.deadline.limit(self.deps.browser.exists(&self.caller.endpoint, connection)).await?.ok()
    }

    /// Closes a connection and removes its row.
    pub(crate) async fn close(&self, connection: &ConnectionId) {
        if self.close_connection(connection).await {
            self.remove_row(connection).await;
        }
    }

    /// Closes one connection of the API; false, and a line in the log, if that failed.
    pub(crate) async fn close_connection(&self, connection: &ConnectionId) -> bool {
        let closed = self.limit_post(self.deps.browser.close(&self.caller.endpoint, connection)).await.flatten();
        if let Err(error) = &closed {
            tracing::warn!(%connection, %error, "[WebSocket] Connection not closed");
        }
        closed.is_ok()
    }

    /// Removes the row of the caller's closed connection and notifies the service.
    pub(crate) async fn connection_gone(&self) {
        let connection = &self.caller.connection;
        let notify = async {
            // The service never heard of a caller without an identity.
            if self.caller.identity.is_none() {
                return;
            }
            let timeout = DISCONNECT_TIMEOUT.min(self.deadline.time_left());
            if let Err(error) = self.deps.backend.disconnect(&self.caller, timeout).await {
                tracing::warn!(%connection, %error, "[WebSocket] Service not told of a disconnect");
            }
        };
        tokio::join!(self.remove_row(connection), notify);
    }

    /// Extends the life of the caller's row.
    pub(crate) async fn touch(&self) {
        let connection = &self.caller.connection;
        let expires_at = self.deps.clock.now_seconds() + self.deps.config.connection_ttl.as_secs();
        if let Err(error) = self.limit_table(self.deps.connections.touch(connection, expires_at)).await {
            tracing::warn!(%connection, %error, "[WebSocket] Row not extended");
        }
    }

    pub(crate) async fn remove_row(&self, connection: &ConnectionId) {
        if let Err(error) = self.limit_table(self.deps.connections.remove(connection)).await {
            tracing::warn!(%connection, %error, "[WebSocket] Row not removed; it expires by itself");
        }
    }

    /// Runs a call to the table of connections within the deadline.
    pub(crate) async fn limit_table<T>(
        &self,
        call: impl Future<Output = Result<T, ConnectionsError>>,
    ) -> Result<T, ConnectionsError> {
        let timeout = || Err(ConnectionsError { action: "answer", reason: "no time was left".to_owned() });
        self.deadline.limit(call).await.unwrap_or_else(timeout)
    }

    /// Runs a call to @connections within the deadline.
    async fn limit_post<T>(&self, call: impl Future<Output = T>) -> Result<T, PostError> {
        self.deadline.limit(call).await.ok_or_else(|| PostError::Failed("no time was left".to_owned()))
    }
}
