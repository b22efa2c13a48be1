//! One invocation on behalf of someone known: what takes the service, or the whole session, beside the connection itself.

use crate::backend::{Caller, Close};
use crate::line::Line;
use futures_util::StreamExt;
use shared_protocol::ConnectionId;
use std::time::Duration;

/// Connections of a session that are closed at the same time.
const CLOSED_AT_ONCE: usize = 8;
/// Longest that the service may take to hear that a connection is gone: nobody waits for it but Lambda's bill.
const DISCONNECT_TIME: Duration = Duration::from_secs(2);

/// One invocation on behalf of someone known.
pub(crate) struct Turn<'a> {
    pub(crate) line: Line<'a>,
    pub(crate) caller: Caller,
}

impl Turn<'_> {
    /// Closes this connection, or every one of its session, and removes the rows.
    pub(crate) async fn close(&self, what: Close) {
        let own = &self.caller.connection;
        let mut connections = vec![own.clone()];
        if let (Close::Session, Some(sid)) = (what, &self.caller.identity.sid) {
            let now = self.line.deps.clock.unix_seconds();
            match self.line.row(self.line.deps.connections.list_by_session(sid, now)).await {
                Ok(others) => connections.extend(others.into_iter().filter(|other| other != own)),
                Err(error) => tracing::error!(session = %sid, %error, "[WebSocket] The session's others stay open"),
            }
        }
        let closing = connections.iter().map(|connection| self.close_one(connection));
        futures_util::stream::iter(closing).for_each_concurrent(CLOSED_AT_ONCE, |closing| closing).await;
    }

    async fn close_one(&self, connection: &ConnectionId) {
        match self.line.close(connection).await {
            Ok(()) => self.line.remove_row(connection).await,
            Err(error) => tracing::warn!(%connection, %error, "[WebSocket] A connection was not closed"),
        }
    }

    /// The connection is gone: removes that row and no other, and tells the service.
    pub(crate) async fn gone(&self) {
        tokio::join!(self.line.remove_row(&self.caller.connection), self.tell_disconnect());
    }

    /// Tells the service that the connection is gone.
    pub(crate) async fn tell_disconnect(&self) {
        let within = DISCONNECT_TIME.min(self.line.budget.left_to_finish());
        if let Err(error) = self.line.deps.backend.disconnect(&self.caller, within).await {
            let connection = &self.caller.connection;
            tracing::warn!(%connection, %error, "[WebSocket] The service was not told of a disconnect");
        }
    }
}
