//! HTTP interface between gateway and backend: paths, headers and bodies. The gateway parses no terminal message; response
//! headers tell it what to do.

use crate::ids::{ConnectionId, SessionId};
use serde::{Deserialize, Serialize};

/// Forwards one browser message; the response is a frame or empty.
pub const MESSAGE_PATH: &str = "/api/ws/message";
/// Reports that a connection is closed.
pub const DISCONNECT_PATH: &str = "/api/ws/disconnect";

/// Repeats the token's `cid` for logs and proxies.
pub const CONNECTION_HEADER: &str = "x-connection-id";
/// Id of the browser's message, for the logs of gateway and backend.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// Time of the gateway's receipt of the browser's message, in ms since 1970: `pong` reports the latency of each hop.
pub const RECEIVED_HEADER: &str = "x-terminal-received";
/// Extend the life of the connection's row.
pub const TOUCH_HEADER: &str = "x-terminal-touch";
/// Close the connection after the frame is posted: [`CLOSE_CONNECTION`].
pub const CLOSE_HEADER: &str = "x-terminal-close";
/// Value of [`CLOSE_HEADER`].
pub const CLOSE_CONNECTION: &str = "connection";

/// `iss` of a gateway token.
pub const TOKEN_ISSUER: &str = "termgate-gateway";
/// `aud` of a gateway token.
pub const TOKEN_AUDIENCE: &str = "termgate-backend";
/// Life of a gateway token, in seconds: longer than any request, and short in case a token leaks.
pub const TOKEN_SECONDS: u64 = 60;

/// Asks another instance of the service for its sessions of a group.
pub const GROUP_PATH: &str = "/api/internal/group";
/// Has another instance of the service say a message to its sessions of a group.
pub const ANNOUNCE_PATH: &str = "/api/internal/announce";
/// Has another instance of the service hand a file to its sessions of a group.
pub const HAND_OUT_PATH: &str = "/api/internal/hand-out";
/// `aud` of the token of an instance of the service.
pub const INSTANCE_AUDIENCE: &str = "termgate-instance";
/// Life of a token of an instance of the service, in seconds.
pub const INSTANCE_TOKEN_SECONDS: u64 = 10;

/// Longest time that the backend holds a relay's question open, in milliseconds.
pub const MAX_WAIT_MS: u64 = 25_000;

/// WebSocket subprotocol of the gateway. A token may be offered beside it and is never echoed.
pub const SUBPROTOCOL: &str = "termgate";

/// The subprotocols that a handshake offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferedProtocols<'a> {
    /// True if [`SUBPROTOCOL`] is offered, and so must be chosen.
    pub termgate: bool,
    /// The token that is offered beside it.
    pub token: Option<&'a str>,
}

impl<'a> OfferedProtocols<'a> {
    /// From the values of `Sec-WebSocket-Protocol`, each a list with commas.
    pub fn of(values: impl IntoIterator<Item = &'a str>) -> Self {
        let names = values.into_iter().flat_map(|value| value.split(',')).map(str::trim);
        let offered: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        let termgate = offered.contains(&SUBPROTOCOL);
        // Without it, the protocols are not ours, and none of them is a token.
        let token = offered.into_iter().find(|name| termgate && *name != SUBPROTOCOL);
        Self { termgate, token }
    }
}

/// Body of `POST /api/ws/disconnect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisconnectRequest {
    /// The closed connection.
    pub connection_id: ConnectionId,
    /// Session of the connection, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
}

/// Response of `POST /api/ws/disconnect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisconnectResponse {
    /// Always true; an error is an [`ApiError`](crate::ApiError).
    pub success: bool,
}
