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
    #[error("The handshake was rejected with {status}{body}. {}", rejection_hint(*.status, .token.as_deref()))]
    Rejected {
        /// HTTP status.
        status: u16,
        /// Start of the response's body in parentheses, or empty.
        body: String,
        /// Time of the server, in seconds since 1970, if it names its own.
        server_time: Option<u64>,
        /// The settings that must fit the token, if its times are right.
        token: Option<String>,
    },
    /// Pages of this origin are refused.
    #[error(
        "Pages of {origin} are refused, and only they: the function's ALLOWED_ORIGINS (AllowedOrigins of the template; the \
         service's own at /terminal) does not name that origin. Write it there as browsers send it: no slash at the end, no path."
    )]
    Origin {
        /// The page's origin.
        origin: String,
    },
    /// Only pages of certain origins may connect, and the doctor was given none.
    #[error(
        "Only pages of certain origins may connect (ALLOWED_ORIGINS), and programs like this one, so nothing is known of your \
         page. Run the doctor again with --origin and the page's origin, such as --origin https://labs.example.com."
    )]
    OriginNeeded,
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
    #[error("{step}: API Gateway answered “{message}”. {}", gateway_hint(.step, .message))]
    Gateway {
        /// The step.
        step: &'static str,
        /// API Gateway's message.
        message: String,
    },
    /// The function or the service answered with an `error` frame.
    #[error("{step}: {} ({:?}).{}", .error.message, .error.code, error_hint(.error))]
    Error {
        /// The step.
        step: &'static str,
        /// The frame.
        error: Box<ErrorMessage>,
    },
    /// The function did not wait for the service.
    #[error(
        "{step}: the function gave the service only {seconds} s to answer. Its timeout is too short: set it to 29 s (Lambda's \
         own default is 3 s)."
    )]
    ShortTimeout {
        /// The step.
        step: &'static str,
        /// Time until the function gave up.
        seconds: u64,
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

fn rejection_hint(status: u16, token: Option<&str>) -> String {
    match status {
        401 => format!(
            "The token was not accepted. {} The function's log has the reason, after “Refused”.",
            token.unwrap_or_default()
        ),
        _ => status_hint(status).to_owned(),
    }
}

fn status_hint(status: u16) -> &'static str {
    match status {
        403 => {
            "Check that the address has the API's id and region and its stage (…/prod), that the API is deployed, and that the \
             session in the address is the token's. If the function was invoked, its log has the reason, after “Refused”."
        }
        303 | 404 => "Nothing is served at that path.",
        429 => "Too many connections: of this user (MAX_CONNECTIONS_PER_USER), or of the account in this second.",
        400 | 426 => {
            "That is an HTTP service: hosts such as App Runner remove the WebSocket headers. Use the gateway's address."
        }
        500..=599 => {
            "The function failed. Its log has “cannot start” with a wrong variable; or “Refused” with the table's error: \
             TABLE_NAME, its index userId-index, or the role's right to both; or no line at all: API Gateway may not invoke it, \
             or its reserved concurrency is 0 or used up."
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

fn gateway_hint(step: &str, message: &str) -> &'static str {
    if message.contains("Too Many") || message.contains("Limit") {
        "The stage's throttling limit or the account's quota is used up."
    } else if message.contains("Forbidden") {
        "The message has no route: add $default (and sendMessage, chat_message) with the function as integration, and deploy \
         the API to this stage."
    } else if matches!(step, "echo" | "ping") {
        "The function failed or took longer than 29 s: its log has the reason. Check that its timeout is 29 s, and that API \
         Gateway may invoke it for every route. Without a line in its log, check the function's reserved concurrency and the \
         account's concurrent executions (metric Throttles)."
    } else {
        "The function answered until a terminal was open, which keeps one execution busy. So no second one is allowed: check the \
         function's reserved concurrency and the account's concurrent executions (metric Throttles). Otherwise its log has the \
         reason; its timeout must be 29 s."
    }
}

fn error_hint(error: &ErrorMessage) -> &'static str {
    match error.code {
        // The doctor's own token is valid, or its handshake would have failed. The function's is made for each request.
        ErrorCode::TokenExpired => {
            " The service's clock is ahead of the function's: set the clock of the service's machine (NTP)."
        }
        ErrorCode::Unauthorized if error.message.contains("not valid yet") => {
            " The service's clock is behind the function's: set the clock of the service's machine (NTP)."
        }
        ErrorCode::Unauthorized => {
            " The service does not accept the function's signature: GATEWAY_SECRET (or JWT_SECRET, if it is derived) differs."
        }
        ErrorCode::UnknownPath => {
            " The function asks the service at another path: APP_RUNNER_URL (BackendUrl) is https:// and a host, without a path."
        }
        ErrorCode::BackendUnreachable => {
            " Check that APP_RUNNER_URL (BackendUrl) is the service's own address, with https:// and without a path, and that its \
             /health answers."
        }
        ErrorCode::BackendTimeout => {
            " The service accepted the function's request and never answered, so it is the service that hangs: check its \
             processor and log, and that APP_RUNNER_URL (BackendUrl) is its address."
        }
        ErrorCode::SessionEnded => " An ended session cannot be used again: use a token that names another session.",
        ErrorCode::SessionNotFound => " Use a token that names its session (sid).",
        ErrorCode::LimitReached if error.retryable => {
            " Pages of this user are open elsewhere: close some, or raise MAX_CONNECTIONS_PER_USER (MaxConnectionsPerUser)."
        }
        ErrorCode::LimitReached => " Of the user or of the instance: MAX_SESSIONS_PER_USER, MAX_SESSIONS.",
        ErrorCode::Draining => " The service is being replaced; try again in a minute.",
        ErrorCode::Internal if error.message.contains("store") => {
            " The service works, but its Redis does not: check REDIS_URL (rediss:// for TLS), Redis itself, and the security \
             group between them."
        }
        ErrorCode::Internal => " The service's log has the reason.",
        _ => "",
    }
}
