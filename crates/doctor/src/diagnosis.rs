//! Every problem that the doctor can diagnose, each as a sentence that says how to fix it.

use shared_protocol::ErrorCode;
use shared_protocol::server::ErrorMessage;

/// A problem, with its probable cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Diagnosis {
    /// The address is wrong.
    #[error("The address is wrong: {0}")]
    Address(&'static str),
    /// The token is wrong.
    #[error("The token is wrong: {0}")]
    Token(String),
    /// The host name does not resolve.
    #[error("The host name {host} does not resolve ({cause}). Check the API's id and region.")]
    Dns {
        /// Host name.
        host: String,
        /// The resolver's error.
        cause: String,
    },
    /// The TCP connection failed.
    #[error("{host} does not accept connections ({cause}). Check for a firewall or a proxy on the way.")]
    Tcp {
        /// Host name and port.
        host: String,
        /// The operating system's error.
        cause: String,
    },
    /// The TLS handshake failed.
    #[error(
        "TLS with {host} failed ({cause}). Check for a proxy that intercepts TLS, or a custom domain without its certificate."
    )]
    Tls {
        /// Host name.
        host: String,
        /// The TLS library's error.
        cause: String,
    },
    /// The server answered the WebSocket handshake with an HTTP error.
    #[error("The handshake was rejected with {status}{body}. {}", rejection_hint(*.status))]
    Rejected {
        /// HTTP status.
        status: u16,
        /// Start of the response's body in parentheses, or empty.
        body: String,
    },
    /// The WebSocket handshake failed without an HTTP response.
    #[error("The server does not speak WebSocket: {0}.")]
    Handshake(String),
    /// The answer to a step did not arrive in time.
    #[error("{step}: no answer within {seconds} s. {hint}")]
    Timeout {
        /// The step.
        step: &'static str,
        /// The step's timeout.
        seconds: u64,
        /// Advice.
        hint: &'static str,
    },
    /// The connection closed during a step.
    #[error("{step}: the connection was closed with {code}{reason}.{hint}", hint = close_hint(*.code))]
    Closed {
        /// The step.
        step: &'static str,
        /// WebSocket close code; 1006 if there was no close frame.
        code: u16,
        /// Close reason in parentheses, or empty.
        reason: String,
    },
    /// API Gateway answered instead of the function.
    #[error("{step}: API Gateway answered “{message}”. {}", gateway_hint(.message))]
    Gateway {
        /// The step.
        step: &'static str,
        /// API Gateway's message.
        message: String,
    },
    /// The function or the service answered with an `error` frame.
    #[error("{step}: {} ({:?}).{}", .error.message, .error.code, error_hint(.error.code))]
    Error {
        /// The step.
        step: &'static str,
        /// The frame.
        error: Box<ErrorMessage>,
    },
    /// Messages of one connection are processed one at a time, and the service has not noticed.
    #[error(
        "A message was processed only after the previous one had finished, {seconds} s later, so a keystroke waits for a whole \
         relay. API Gateway hands over a connection's messages one after the other, and the service has not settled that \
         yet: it does while pages are used, and then they do not wait. Run the doctor again in some minutes."
    )]
    SerializedMessages {
        /// Time that the second message waited.
        seconds: u64,
    },
    /// An answer arrived, but not the expected one.
    #[error("{step}: {detail}")]
    Unexpected {
        /// The step.
        step: &'static str,
        /// The difference.
        detail: String,
    },
}

fn rejection_hint(status: u16) -> &'static str {
    match status {
        401 => {
            "The token was not accepted. Check that it is signed with the function's JWT_SECRET (or key), for its JWT_ISSUER \
             and JWT_AUDIENCE. The function's log has the reason, after “Refused”."
        }
        403 => {
            "Check that the address has the stage (…/prod), that the API is deployed, and that the session in the address is \
             the token's. If the function was invoked, its log has the reason, after “Refused”."
        }
        303 | 404 => "Nothing is served at that path.",
        429 => "Too many connections: of this user (MAX_CONNECTIONS_PER_USER), or of the account in this second.",
        400 | 426 => {
            "That is an HTTP service: hosts such as App Runner remove the WebSocket headers. Use the gateway's address."
        }
        500..=599 => {
            "The function failed before it could answer, or API Gateway may not invoke it: the function's log has a line that \
             begins with “cannot start”, or no line at all."
        }
        _ => "Check that it is the address of a WebSocket API's stage.",
    }
}

fn close_hint(code: u16) -> &'static str {
    match code {
        1001 => " API Gateway closes connections after 10 minutes without a message, and after 2 hours.",
        1003 => " The server received a binary frame.",
        1006 => " Something on the way cut the connection: a proxy, or a host that does not support WebSockets.",
        1008 => " The doctor sent too many messages, or none for too long.",
        4000 => " The token does not give access to this session.",
        4001 => " The token was not accepted.",
        4503 => " The service is being replaced; try again.",
        _ => "",
    }
}

fn gateway_hint(message: &str) -> &'static str {
    if message.contains("Too Many") || message.contains("Limit") {
        "The stage's throttling limit or the account's quota is used up."
    } else if message.contains("Forbidden") {
        "The route does not exist, or is not deployed."
    } else {
        "The function failed or took longer than 29 s: its log has the reason. Check that its timeout is 29 s and that its \
         concurrency is not used up."
    }
}

fn error_hint(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unauthorized => {
            " The service does not accept the function's signature: GATEWAY_SECRET (or JWT_SECRET, if it is derived) differs."
        }
        ErrorCode::BackendUnreachable => {
            " Check that APP_RUNNER_URL is the service's address and that its /health answers."
        }
        ErrorCode::BackendTimeout => " The service is slow: check its processor and Redis.",
        ErrorCode::SessionEnded => " An ended session cannot be used again: use a token that names another session.",
        ErrorCode::SessionNotFound => " Use a token that names its session (sid).",
        ErrorCode::Draining => " The service is being replaced; try again in a minute.",
        ErrorCode::Internal => " The service's log has the reason.",
        _ => "",
    }
}
