//! The terminal service as the gateway uses it: forward a message, poll for the next frame, report a disconnect.
//!
//! `HttpBackend` is the real one; `ScriptedBackend` (feature `test-support`) returns the replies that a test sets.

mod http;
#[cfg(feature = "test-support")]
mod scripted;

pub use http::HttpBackend;
#[cfg(feature = "test-support")]
pub use scripted::{Call, ScriptedBackend};

use crate::identity::Identity;
use async_trait::async_trait;
use bytes::Bytes;
use shared_protocol::{ApiError, ConnectionId};
use std::time::Duration;

/// Sender of a message, and the id of the request in logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The connection.
    pub connection: ConnectionId,
    /// The connection's user; `None` until the gateway knows it. Every request to the service needs it.
    pub identity: Option<Identity>,
    /// API Gateway's id of the request, which the service logs too.
    pub request_id: String,
    /// Arrival of the browser's message at API Gateway, in ms since 1970; only of messages.
    pub received_at: Option<u64>,
}

/// Connections to close after the frame was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// This connection.
    Connection,
    /// Every connection of the session.
    Session,
}

/// A reply of the service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// Frame to post unchanged.
    pub frame: Option<Bytes>,
    /// Token of the next poll, if this invocation is to follow.
    pub follow: Option<String>,
    /// True if the life of the connection's row is to be extended.
    pub touch: bool,
    /// Connections to close after the frame was posted.
    pub close: Option<Close>,
}

/// Why a request to the service failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The service refused, with its own error.
    #[error("the service refused: {}", .0.error)]
    Refused(ApiError),
    /// No connection, a broken connection, or a response that the service did not make.
    #[error("the service could not be reached: {0}")]
    Unreachable(String),
    /// No response in time.
    #[error("the service did not answer in time")]
    Timeout,
}

/// The terminal service. Every call has a time limit, and fails with [`BackendError::Timeout`] after it.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Forwards a browser's message unchanged.
    async fn message(&self, caller: &Caller, body: Bytes, timeout: Duration) -> Result<Reply, BackendError>;

    /// Polls for the next frame with the token of the last reply; the service waits up to `wait` for one.
    async fn output(&self, caller: &Caller, token: &str, wait: Duration) -> Result<Reply, BackendError>;

    /// Reports that the caller's connection is closed.
    async fn disconnect(&self, caller: &Caller, timeout: Duration) -> Result<(), BackendError>;
}
