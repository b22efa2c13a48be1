//! The terminal service, as the gateway sees it: takes a message, hands out the next frame, hears that a connection is gone.
//!
//! A role with two players: `HttpBackend` signs and posts, `ScriptedBackend` plays what a test wrote down.

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

/// Who is speaking in a request, and what to call the request in logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The connection.
    pub connection: ConnectionId,
    /// Its user.
    pub identity: Identity,
    /// One id from the browser's message to the PTY.
    pub request_id: String,
    /// When the gateway received the browser's message, in ms since 1970.
    pub received_at: Option<u64>,
}

/// What to close after posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// This connection.
    Connection,
    /// Every connection of the session.
    Session,
}

/// An answer of the service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// A frame to post as it is.
    pub frame: Option<Bytes>,
    /// Ask for output with this: after a message, this invocation is to follow; after output, it is to ask again.
    pub follow: Option<String>,
    /// Extend the life of the connection's row.
    pub touch: bool,
    /// Close, after posting.
    pub close: Option<Close>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The service refused, in its own words.
    #[error("the service refused: {}", .0.error)]
    Refused(ApiError),
    /// The service could not be reached, broke off, or did not answer as the service.
    #[error("the service could not be reached: {0}")]
    Unreachable(String),
    /// The service did not answer in time.
    #[error("the service did not answer in time")]
    Timeout,
}

/// The terminal service. Every call ends within a time of its own.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Forwards a browser's message, unchanged. Answered within `within`, or [`BackendError::Timeout`].
    async fn message(&self, caller: &Caller, body: Bytes, within: Duration) -> Result<Reply, BackendError>;

    /// Asks for the next frame with the value that the last answer named; the service waits up to `wait` for one.
    async fn output(&self, caller: &Caller, follow: &str, wait: Duration) -> Result<Reply, BackendError>;

    /// Says that the caller's connection is gone. Answered within `within`, or [`BackendError::Timeout`].
    async fn disconnect(&self, caller: &Caller, within: Duration) -> Result<(), BackendError>;
}
