//! Strings and numbers on which clients depend. A change here is a change of the protocol.

use shared_protocol::{EndReason, ErrorCode, Role, gateway, relay};
use strum::VariantArray;

/// Code, HTTP status, retryable, as in `docs/protocol.md`.
const CODES: [(&str, u16, bool); 27] = [
    ("BAD_MESSAGE", 400, false),
    ("BAD_FIELD", 400, false),
    ("TOO_LARGE", 413, false),
    ("UNAUTHORIZED", 401, false),
    ("TOKEN_EXPIRED", 401, false),
    ("FORBIDDEN", 403, false),
    ("READ_ONLY", 403, false),
    ("UNKNOWN_PATH", 404, false),
    ("SESSION_NOT_FOUND", 404, false),
    ("SESSION_ENDED", 410, false),
    ("LIMIT_REACHED", 429, false),
    ("NOT_ATTACHED", 400, false),
    ("CONNECTION_GONE", 410, false),
    ("STALE_EPOCH", 409, false),
    ("INPUT_GAP", 409, true),
    ("INPUT_FULL", 429, true),
    ("BUSY", 409, true),
    ("NO_PROMPT_MARKS", 409, false),
    ("RATE_LIMITED", 429, true),
    ("BACKEND_UNREACHABLE", 502, true),
    ("BACKEND_TIMEOUT", 504, true),
    ("DRAINING", 503, true),
    ("NOT_STORED", 503, true),
    ("REVOKED", 403, false),
    ("FILE_NOT_FOUND", 404, false),
    ("FILE_REFUSED", 403, false),
    ("INTERNAL", 500, true),
];

#[test]
fn error_codes_are_complete_and_stable() {
    assert_eq!(ErrorCode::VARIANTS.len(), CODES.len());
    for (&code, (name, status, retryable)) in ErrorCode::VARIANTS.iter().zip(CODES) {
        assert_eq!(serde_json::to_value(code).unwrap(), name);
        assert_eq!(serde_json::from_value::<ErrorCode>(name.into()).unwrap(), code);
        assert_eq!((code.status(), code.retryable()), (status, retryable), "{name}");
    }
}

#[test]
fn end_reasons_are_stable() {
    let names = [
        "exited",
        "closed",
        "detached",
        "idle",
        "max_life",
        "token_expired",
        "server_restart",
        "owner_lost",
        "start_failed",
        "revoked",
        "limits",
    ];
    assert_eq!(EndReason::VARIANTS.len(), names.len());
    for (&reason, name) in EndReason::VARIANTS.iter().zip(names) {
        assert_eq!(serde_json::to_value(reason).unwrap(), name);
        assert_eq!(serde_json::from_value::<EndReason>(name.into()).unwrap(), reason);
    }
}

#[test]
fn roles_are_stable() {
    for (role, name) in [(Role::Controller, "controller"), (Role::Viewer, "viewer")] {
        assert_eq!(serde_json::to_value(role).unwrap(), name);
        assert_eq!((role.to_string().as_str(), name.parse()), (name, Ok(role)));
    }
}

#[test]
fn paths_and_headers_are_stable() {
    assert_eq!(gateway::MESSAGE_PATH, "/api/ws/message");
    assert_eq!(relay::RELAY_PATH, "/api/ws/relay");
    assert_eq!(gateway::DISCONNECT_PATH, "/api/ws/disconnect");
    assert_eq!(gateway::CONNECTION_HEADER, "x-connection-id");
    assert_eq!(gateway::REQUEST_ID_HEADER, "x-request-id");
    assert_eq!(gateway::RECEIVED_HEADER, "x-terminal-received");
    assert_eq!((relay::RELAYS_HEADER, relay::RELAY_VERSION), ("x-terminal-relays", "1"));
    assert_eq!(relay::GRANT_HEADER, "x-terminal-relay");
    assert_eq!(relay::NEXT_HEADER, "x-terminal-next");
    assert_eq!((relay::NEXT_NOW, relay::NEXT_SETTLED), ("now", "settled"));
    assert_eq!(relay::RELAY_AUDIENCE, "termgate-relay");
    assert_eq!(gateway::TOUCH_HEADER, "x-terminal-touch");
    assert_eq!(gateway::CLOSE_HEADER, "x-terminal-close");
    assert_eq!(gateway::CLOSE_CONNECTION, "connection");
    assert_eq!((gateway::TOKEN_ISSUER, gateway::TOKEN_AUDIENCE), ("termgate-gateway", "termgate-backend"));
    assert_eq!(gateway::SUBPROTOCOL, "termgate");
}
