//! Strings and numbers on which clients depend. A change here is a change of the protocol.

use shared_protocol::error::ERROR_CODES;
use shared_protocol::{EndReason, ErrorCode, Role, gateway, relay};

/// Code, HTTP status, retryable, as in `docs/protocol.md`.
const CODES: [(&str, u16, bool); 22] = [
    ("BAD_MESSAGE", 400, false),
    ("BAD_FIELD", 400, false),
    ("TOO_LARGE", 413, false),
    ("UNAUTHORIZED", 401, false),
    ("TOKEN_EXPIRED", 401, false),
    ("FORBIDDEN", 403, false),
    ("READ_ONLY", 403, false),
    ("SESSION_NOT_FOUND", 404, false),
    ("SESSION_ENDED", 410, false),
    ("LIMIT_REACHED", 429, false),
    ("NOT_ATTACHED", 400, false),
    ("CONNECTION_GONE", 410, false),
    ("STALE_EPOCH", 409, false),
    ("INPUT_GAP", 409, true),
    ("INPUT_FULL", 429, true),
    ("BUSY", 409, true),
    ("RATE_LIMITED", 429, true),
    ("BACKEND_UNREACHABLE", 502, true),
    ("BACKEND_TIMEOUT", 504, true),
    ("DRAINING", 503, true),
    ("REVOKED", 403, false),
    ("INTERNAL", 500, true),
];

#[test]
fn error_codes_are_complete_and_stable() {
    assert_eq!(ERROR_CODES.len(), CODES.len());
    for (&code, (name, status, retryable)) in ERROR_CODES.iter().zip(CODES) {
        assert_eq!(serde_json::to_value(code).unwrap(), name);
        assert_eq!(serde_json::from_value::<ErrorCode>(name.into()).unwrap(), code);
        assert_eq!((code.status(), code.retryable()), (status, retryable), "{name}");
    }
}

/// Every reason with its name. The match has no wildcard, so the list is complete.
macro_rules! named_reasons {
    ($($reason:ident $name:literal),*) => {{
        let _ = |reason| match reason { $(EndReason::$reason => ()),* };
        [$((EndReason::$reason, $name)),*]
    }};
}

#[test]
fn end_reasons_are_stable() {
    let all = named_reasons!(
        Exited "exited", Closed "closed", Detached "detached", Idle "idle", MaxLife "max_life", TokenExpired "token_expired",
        ServerRestart "server_restart", OwnerLost "owner_lost", StartFailed "start_failed", Revoked "revoked", Limits "limits"
    );
    for (reason, name) in all {
        assert_eq!(serde_json::to_value(reason).unwrap(), name);
        assert_eq!(serde_json::from_value::<EndReason>(name.into()).unwrap(), reason);
    }
}

#[test]
fn roles_are_stable() {
    assert_eq!(serde_json::to_value(Role::Controller).unwrap(), "controller");
    assert_eq!(serde_json::to_value(Role::Viewer).unwrap(), "viewer");
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
    assert_eq!((gateway::CLOSE_CONNECTION, gateway::CLOSE_SESSION), ("connection", "session"));
    assert_eq!((gateway::TOKEN_ISSUER, gateway::TOKEN_AUDIENCE), ("termgate-gateway", "termgate-backend"));
    assert_eq!(gateway::SUBPROTOCOL, "termgate");
}
