//! What can go wrong, as stable strings that clients may switch on, and why a session ended.

use serde::{Deserialize, Serialize};

/// The code of an `error` frame and of an HTTP error body. The strings never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// Not JSON, or not an object with a `type`.
    BadMessage,
    /// A field is missing, of the wrong kind, or out of its bounds.
    BadField,
    /// A frame, body or field is larger than allowed.
    TooLarge,
    /// No token, or none that is valid.
    Unauthorized,
    /// The token is past its expiry.
    TokenExpired,
    /// The token is valid, but not for this.
    Forbidden,
    /// A viewer tried to type, resize or end.
    ReadOnly,
    /// There is no such session.
    SessionNotFound,
    /// The session is over, and this token may not create it again.
    SessionEnded,
    /// The user, the instance or the gateway holds as many sessions or connections as it may.
    LimitReached,
    /// The connection sent a terminal message before it attached.
    NotAttached,
    /// The connection was closed or replaced; attach on a new one.
    ConnectionGone,
    /// The message belongs to an earlier life of the shell and was not applied.
    StaleEpoch,
    /// An input message is missing; send again what follows `have`.
    InputGap,
    /// More input waits than may; send it again later.
    InputFull,
    /// The shell is not at an empty prompt.
    Busy,
    /// Too many messages in a short time.
    RateLimited,
    /// The gateway could not reach the terminal service.
    BackendUnreachable,
    /// The terminal service did not answer in time.
    BackendTimeout,
    /// The service is being replaced; try again.
    Draining,
    /// An operator, or the session's owner, closed this connection for good.
    Revoked,
    /// A fault on our side; it is in the log.
    Internal,
}

/// Every code, in the order of the enum.
pub const ERROR_CODES: [ErrorCode; 22] = [
    ErrorCode::BadMessage,
    ErrorCode::BadField,
    ErrorCode::TooLarge,
    ErrorCode::Unauthorized,
    ErrorCode::TokenExpired,
    ErrorCode::Forbidden,
    ErrorCode::ReadOnly,
    ErrorCode::SessionNotFound,
    ErrorCode::SessionEnded,
    ErrorCode::LimitReached,
    ErrorCode::NotAttached,
    ErrorCode::ConnectionGone,
    ErrorCode::StaleEpoch,
    ErrorCode::InputGap,
    ErrorCode::InputFull,
    ErrorCode::Busy,
    ErrorCode::RateLimited,
    ErrorCode::BackendUnreachable,
    ErrorCode::BackendTimeout,
    ErrorCode::Draining,
    ErrorCode::Revoked,
    ErrorCode::Internal,
];

impl ErrorCode {
    /// The HTTP status that fits.
    pub fn status(self) -> u16 {
        match self {
            Self::BadMessage | Self::BadField | Self::NotAttached => 400,
            Self::Unauthorized | Self::TokenExpired => 401,
            Self::Forbidden | Self::ReadOnly | Self::Revoked => 403,
            Self::SessionNotFound => 404,
            Self::StaleEpoch | Self::InputGap | Self::Busy => 409,
            Self::SessionEnded | Self::ConnectionGone => 410,
            Self::TooLarge => 413,
            Self::LimitReached | Self::RateLimited | Self::InputFull => 429,
            Self::Internal => 500,
            Self::BackendUnreachable => 502,
            Self::Draining => 503,
            Self::BackendTimeout => 504,
        }
    }

    /// Whether the same request may succeed later without anyone changing anything.
    pub fn retryable(self) -> bool {
        matches!(
            self,
            Self::InputGap
                | Self::InputFull
                | Self::Busy
                | Self::RateLimited
                | Self::BackendUnreachable
                | Self::BackendTimeout
                | Self::Draining
                | Self::Internal
        )
    }
}

/// The body of every HTTP error of the backend, and of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// A sentence for a person. Never holds a secret, a token or terminal content.
    pub error: String,
    /// The stable code.
    pub code: ErrorCode,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

impl ApiError {
    /// An error with the code's own `retryable`.
    pub fn new(code: ErrorCode, error: impl Into<String>) -> Self {
        Self { error: error.into(), code, retryable: code.retryable() }
    }
}

/// Why a session ended. Every end has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The shell exited by itself.
    Exited,
    /// A controller closed it, or its owner ended it over HTTP.
    Closed,
    /// Nobody was attached for the grace period.
    Detached,
    /// Neither input nor output for the idle limit.
    Idle,
    /// It reached its longest life.
    MaxLife,
    /// The user's token expired and no fresh one came.
    TokenExpired,
    /// The service is being replaced.
    ServerRestart,
    /// The instance that owned it died.
    OwnerLost,
    /// The shell could not be started.
    StartFailed,
    /// An operator ended it.
    Revoked,
    /// It used more memory, disk or terminals than a session may.
    Limits,
}

impl EndReason {
    /// What a session that is about to end for this reason says to programs.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::TokenExpired => ErrorCode::TokenExpired,
            Self::ServerRestart => ErrorCode::Draining,
            Self::Limits => ErrorCode::LimitReached,
            _ => ErrorCode::SessionEnded,
        }
    }
}
