//! The paths of every route. Apart from the router, because logs, checks and diagnostics name them too.

use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH, OUTPUT_PATH};

/// The WebSocket of browsers that reach the service without a gateway.
pub(super) const TERMINAL_PATH: &str = "/terminal";

/// The metrics as OpenMetrics text.
pub(super) const METRICS_PATH: &str = "/metrics";

/// Common prefix of the routes that only the gateway calls.
pub(super) const GATEWAY_PREFIX: &str = "/api/ws/";

/// Every endpoint, as `/health` and `/api/diagnostics/websocket` list them.
pub(super) const ENDPOINTS: [&str; 9] = [
    MESSAGE_PATH,
    OUTPUT_PATH,
    DISCONNECT_PATH,
    "/api/sessions",
    "/api/diagnostics/websocket",
    "/health",
    METRICS_PATH,
    TERMINAL_PATH,
    "/ws-test",
];
