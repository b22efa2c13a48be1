//! HTTP interface between a page and the service, for networks that block WebSockets. Its headers are
//! [`CONNECTION_HEADER`](crate::gateway::CONNECTION_HEADER), absent in the request that opens a connection, and
//! [`CLOSE_HEADER`](crate::gateway::CLOSE_HEADER), with the close code.

/// Brings messages, one a line; without a connection, opens one.
pub const MESSAGES_PATH: &str = "/terminal/messages";
/// Asks for frames.
pub const FRAMES_PATH: &str = "/terminal/frames";
/// Closes a connection.
pub const CLOSE_PATH: &str = "/terminal/close";

/// Longest time that a request for frames is held, in ms: shorter than the 30 s after which some proxies give up.
pub const MAX_POLL_MS: u64 = 20_000;

/// Most messages of one request.
pub const MAX_MESSAGES: usize = 64;
