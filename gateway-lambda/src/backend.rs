//! The terminal service as the gateway uses it: forward a message, ask for a relay's frames, report a disconnect.
//!
//! `HttpBackend` is the real one; `ScriptedBackend` (feature `test-support`) returns the replies that a test sets.

mod http;
#[cfg(feature = "test-support")]
mod scripted;

pub use http::HttpBackend;
#[cfg(feature = "test-support")]
pub use scripted::{Call, ScriptedBackend};

use crate::browser::Endpoint;
use crate::identity::Identity;
use async_trait::async_trait;
use bytes::Bytes;
use shared_protocol::relay::{RelayFrame, RelayQuestion};
use shared_protocol::{ApiError, ConnectionId};
use std::time::Duration;

/// Sender of a message, and the id of the request in logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The connection.
    pub connection: ConnectionId,
    /// Address of the API that the connection belongs to.
    pub endpoint: Endpoint,
    /// The connection's user; `None` until the gateway knows it. Every request to the service needs it.
    pub identity: Option<Identity>,
    /// API Gateway's id of the request, which the service logs too.
    pub request_id: String,
    /// Arrival of the message or the handshake at API Gateway, in ms since 1970.
    pub received_at: Option<u64>,
}

/// A reply of the service to a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// Frame to post unchanged.
    pub frame: Option<Bytes>,
    /// Grant of a relay, if this invocation is to carry one.
    pub grant: Option<String>,
    /// True if the life of the connection's row is to be extended.
    pub touch: bool,
    /// True if the connection is to be closed after the frame was posted.
    pub close: bool,
}

/// Time of a relay's next question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At once, beside the posts.
    Now,
    /// After a post has ended: until then no member may get a frame.
    Settled,
}

/// An answer of the service to a relay's question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RelayAnswer {
    /// Frames to post, those of one member in order.
    pub frames: Vec<RelayFrame>,
    /// Time of the next question; `None` ends the relay.
    pub next: Option<Next>,
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

impl BackendError {
    /// Sentence for clients of a service that cannot be reached.
    pub(crate) const UNREACHABLE: &str = "The terminal service cannot be reached at the moment.";
}

/// The terminal service. Every call has a time limit, and fails with [`BackendError::Timeout`] after it.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Forwards a browser's message unchanged.
    async fn message(&self, caller: &Caller, body: Bytes, timeout: Duration) -> Result<Reply, BackendError>;

    /// Asks for frames of the members of a relay, all of them connections of the API at `endpoint`. A repeated question gets
    /// the same answer.
    async fn relay(
        &self,
        endpoint: &Endpoint,
        question: &RelayQuestion,
        timeout: Duration,
    ) -> Result<RelayAnswer, BackendError>;

    /// Reports that the caller's connection is closed.
    async fn disconnect(&self, caller: &Caller, timeout: Duration) -> Result<(), BackendError>;
}
