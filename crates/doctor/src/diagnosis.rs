//! Everything that can be wrong, each as a sentence that says what to do. The one place for them, because a sentence is what the
//! doctor is for.

use shared_protocol::ErrorCode;
use shared_protocol::server::ErrorMessage;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Diagnosis {
    /// The address cannot be right.
    #[error("The address cannot be right: {0}")]
    Address(String),
    /// The token cannot be right.
    #[error("The token cannot be right: {0}")]
    Token(String),
    /// The name is unknown.
    #[error("There is no machine called {host} ({why}). Is the API's id right, and the region?")]
    Dns {
        /// The name.
        host: String,
        /// What the system said.
        why: String,
    },
    /// No TCP connection.
    #[error("{host} does not take connections ({why}). Is there a firewall or a proxy between here and there?")]
    Tcp {
        /// The name and port.
        host: String,
        /// What the system said.
        why: String,
    },
    /// No TLS.
    #[error("{host} cannot be trusted ({why}). Is a proxy in between, or is a custom domain without its certificate?")]
    Tls {
        /// The name.
        host: String,
        /// What TLS said.
        why: String,
    },
    /// The handshake was refused.
    #[error("The handshake was refused with {status}{said}. {}", refusal(*.status))]
    Rejected {
        /// HTTP status.
        status: u16,
        /// The answer's text, in brackets, or nothing.
        said: String,
    },
    /// The handshake failed otherwise.
    #[error("No WebSocket is spoken there: {0}.")]
    Handshake(String),
    /// Nothing came back.
    #[error("{step}: no answer within {seconds} s. {hint}")]
    Timeout {
        /// The step.
        step: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// What to look at.
        hint: &'static str,
    },
    /// The connection ended.
    #[error("{step}: the connection was closed with {code}{reason}.{hint}", hint = closed(*.code))]
    Closed {
        /// The step.
        step: &'static str,
        /// WebSocket's close code; 1006 for none.
        code: u16,
        /// The reason that was given, in brackets, or nothing.
        reason: String,
    },
    /// API Gateway answered in place of the function.
    #[error("{step}: API Gateway says “{said}”. {}", gateway(.said))]
    Gateway {
        /// The step.
        step: &'static str,
        /// Its message.
        said: String,
    },
    /// The function or the service answered with an error.
    #[error("{step}: {} ({:?}).{}", .error.message, .error.code, advice(.error.code))]
    Error {
        /// The step.
        step: &'static str,
        /// What it said.
        error: Box<ErrorMessage>,
    },
    /// Messages wait for each other.
    #[error(
        "A message was only taken up when the one before it was done, {seconds} s later. Keystrokes would wait for whole followers: \
         something between page and function works on one message at a time. Is the function's reserved concurrency 1?"
    )]
    SerializedMessages {
        /// How long it waited.
        seconds: u64,
    },
    /// Something came back that should not.
    #[error("{step}: {detail}")]
    Unexpected {
        /// The step.
        step: &'static str,
        /// What is odd.
        detail: String,
    },
}

fn refusal(status: u16) -> &'static str {
    match status {
        401 => {
            "The token is not accepted: is it signed with the function's JWT_SECRET (or key), for its JWT_ISSUER and JWT_AUDIENCE? The \
             function's log has the reason, after “Refused”."
        }
        403 => {
            "Is the stage in the address (…/prod), and is the API deployed? Or the session of the address is not the token's. The \
             function's log has the reason, after “Refused”, if it was asked at all."
        }
        404 => "There is nothing at that path.",
        429 => "Too many connections: of this user (MAX_CONNECTIONS_PER_USER), or of the account in this second.",
        400 | 426 => {
            "That is an HTTP service: hosts such as App Runner take the WebSocket's headers off. Give the gateway's address."
        }
        500..=599 => {
            "The function failed before it could answer, or API Gateway may not invoke it: its log has a line that begins with “cannot \
             start”, or no line at all."
        }
        _ => "Is it the address of a WebSocket API's stage?",
    }
}

fn closed(code: u16) -> &'static str {
    match code {
        1001 => " API Gateway closes after 10 minutes without a message, and after 2 hours.",
        1003 => " It got a binary frame.",
        1006 => " Something in between cut it: a proxy, or a host that does not keep WebSockets.",
        1008 => " Too many messages, or this end was silent for too long.",
        4000 => " The session is not one that the token reaches.",
        4001 => " The token is not accepted.",
        4503 => " The service is being replaced; try again.",
        _ => "",
    }
}

fn gateway(said: &str) -> &'static str {
    if said.contains("Too Many") || said.contains("Limit") {
        "The stage's throttling or the account's quota is used up."
    } else if said.contains("Forbidden") {
        "The route is not there, or is not deployed."
    } else {
        "The function failed or took longer than 29 s: its log has the reason. Is its timeout 29 s, and its concurrency not used up?"
    }
}

fn advice(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unauthorized => {
            " The service does not accept what the function signs: GATEWAY_SECRET (or JWT_SECRET, where it is derived) differs."
        }
        ErrorCode::BackendUnreachable => " Is APP_RUNNER_URL the service's address, and does its /health answer?",
        ErrorCode::BackendTimeout => " The service is there but slow: has it a processor to itself, and is Redis well?",
        ErrorCode::SessionEnded => " A session ends once: give a token that names another one.",
        ErrorCode::SessionNotFound => " Give a token that names its session (sid).",
        ErrorCode::Draining => " The service is being replaced; try again in a minute.",
        ErrorCode::Internal => " The service's log has the reason.",
        _ => "",
    }
}
