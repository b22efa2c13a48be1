//! All limits of the gateway, so that a test can shorten any of them.

use shared_protocol::limits;
use std::time::Duration;

/// API Gateway's limits, with its values as defaults.
/// Source: API Gateway developer guide, "Quotas for configuring and running a WebSocket API".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Largest frame in either direction. A larger one from the client closes with 1009.
    pub frame_bytes: usize,
    /// Largest message in either direction. A larger one from the client closes with 1009; posted, it gets 413.
    pub message_bytes: usize,
    /// Longest path and query of a handshake; a longer one gets 414.
    pub url_bytes: usize,
    /// Largest answer of the authorizer as JSON; a larger one gets 500.
    pub authorizer_bytes: usize,
    /// Longest wait for an invocation. The function may run on.
    pub integration_timeout: Duration,
    /// Time without a message in either direction after which a connection is closed with 1001.
    pub idle_timeout: Duration,
    /// Age at which a connection is closed with 1001.
    pub lifetime: Duration,
    /// Concurrent invocations of one connection's messages. At the limit the gateway stops reading from the client. API
    /// Gateway's limit is the account's concurrency; this one keeps a page from exhausting a laptop.
    pub concurrent_invocations: usize,
    /// Executions of the function at once; a further one fails.
    /// Source: Lambda developer guide, "Lambda quotas". New accounts may have 10.
    pub concurrent_executions: usize,
    /// Longest wait of a post for a slow client, before it gets 429. API Gateway's is not documented.
    pub post_timeout: Duration,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            frame_bytes: limits::FRAME_BYTES,
            message_bytes: limits::MESSAGE_BYTES,
            url_bytes: 4096,
            authorizer_bytes: 8 * 1024,
            integration_timeout: limits::INTEGRATION_TIMEOUT,
            idle_timeout: limits::IDLE_TIMEOUT,
            lifetime: limits::CONNECTION_LIFETIME,
            concurrent_invocations: 100,
            concurrent_executions: 1000,
            post_timeout: Duration::from_secs(1),
        }
    }
}
