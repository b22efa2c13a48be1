//! The contract between gateway and backend: paths, headers and bodies. The gateway never parses a terminal message; what
//! it must know comes in the response headers named here.

use crate::ids::{ConnectionId, SessionId};
use serde::{Deserialize, Serialize};

/// Takes one browser message; answers one frame, or nothing.
pub const MESSAGE_PATH: &str = "/api/ws/message";
/// Long poll for the next frame of a follower.
pub const OUTPUT_PATH: &str = "/api/ws/output";
/// Says that a connection is gone.
pub const DISCONNECT_PATH: &str = "/api/ws/disconnect";

/// Repeats the token's `cid`, for logs and proxies.
pub const CONNECTION_HEADER: &str = "x-connection-id";
/// One id from the browser's message to the PTY, for logs.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// When the gateway received the browser's message, in ms since 1970: for the latency by hop that `pong` tells.
pub const RECEIVED_HEADER: &str = "x-terminal-received";
/// After `message`: this invocation is to follow, starting with this value.
pub const FOLLOW_HEADER: &str = "x-terminal-follow";
/// After `output`: ask again with this value; absent means stop.
pub const NEXT_HEADER: &str = "x-terminal-next";
/// Refresh the connection row's time to live.
pub const TOUCH_HEADER: &str = "x-terminal-touch";
/// After posting, close: [`CLOSE_CONNECTION`] or [`CLOSE_SESSION`].
pub const CLOSE_HEADER: &str = "x-terminal-close";
/// Value of [`CLOSE_HEADER`]: this connection.
pub const CLOSE_CONNECTION: &str = "connection";
/// Value of [`CLOSE_HEADER`]: every connection of the session.
pub const CLOSE_SESSION: &str = "session";

/// `iss` of a gateway token.
pub const TOKEN_ISSUER: &str = "termgate-gateway";
/// `aud` of a gateway token.
pub const TOKEN_AUDIENCE: &str = "termgate-backend";
/// Life of a gateway token, in seconds: longer than any request, short enough to be worthless when found in a log.
pub const TOKEN_SECONDS: u64 = 60;

/// Longest that the backend holds an output request open, in milliseconds.
pub const MAX_WAIT_MS: u64 = 25_000;

/// The WebSocket subprotocol that the gateway speaks; a token may be offered beside it and is never echoed.
pub const SUBPROTOCOL: &str = "termgate";

/// Body of `POST /api/ws/output`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputRequest {
    /// What the last answer named; opaque to the gateway.
    pub follow: String,
    /// How long to wait for a frame, in milliseconds; at most [`MAX_WAIT_MS`].
    pub wait_ms: u64,
}

/// Body of `POST /api/ws/disconnect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisconnectRequest {
    /// The connection that is gone.
    pub connection_id: ConnectionId,
    /// Its session, when it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
}

/// Answer of `POST /api/ws/disconnect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisconnectResponse {
    /// Always true; an error has another body.
    pub success: bool,
}
