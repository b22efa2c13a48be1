//! Every limit of the gateway in one place, so that a test can shorten any of them and nothing else hard-codes one.

use shared_protocol::limits;
use std::time::Duration;

/// Limits that API Gateway keeps, with its values as defaults.
/// Source: API Gateway developer guide, "Quotas for configuring and running a WebSocket API".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Largest frame in either direction, in bytes. A larger one from the client closes with 1009.
    pub frame_bytes: usize,
    /// Largest message in either direction, in bytes. A larger one from the client closes with 1009; posted, it gets 413.
    pub message_bytes: usize,
    /// Longest path and query of a handshake, in bytes; more gets 414.
    pub url_bytes: usize,
    /// Largest answer of the authorizer, in bytes of JSON; more counts as a broken authorizer.
    pub authorizer_bytes: usize,
    /// Longest that the client waits for one invocation. The function may run on.
    pub integration_timeout: Duration,
    /// A connection on which no message went either way for this long is closed with 1001.
    pub idle_timeout: Duration,
    /// Every connection is closed with 1001 after this long.
    pub lifetime: Duration,
    /// Invocations of one connection's messages that may run at once. At the bound nothing more is read from the client.
    /// Not API Gateway's number, which is the account's concurrency: a bound so that one page cannot exhaust a laptop.
    pub concurrent_invocations: usize,
    /// How long a post waits for room when the client reads slowly, before it gets 429. API Gateway's is not documented.
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
            post_timeout: Duration::from_secs(1),
        }
    }
}
