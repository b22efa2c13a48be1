//! Error codes and end reasons: stable strings on which clients may depend.

use serde::{Deserialize, Serialize};

/// Code of an `error` frame or of an HTTP error body. The meaning of a string never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// Not a JSON object with a `type`.
    BadMessage,
    /// A field is missing, of the wrong type, or out of bounds.
    BadField,
    /// A frame, body or field is larger than allowed.
    TooLarge,
    /// The token is missing or invalid.
    Unauthorized,
    /// The token has expired.
    TokenExpired,
    /// The token does not allow the request.
    Forbidden,
    /// A viewer tried to type, resize or end the session.
    ReadOnly,
    /// The session does not exist.
    SessionNotFound,
    /// The session has ended, and the token may not create it again.
    SessionEnded,
    /// The user, the instance or the gateway has reached its limit of sessions or connections.
    LimitReached,
    /// A terminal message arrived before `attach`.
    NotAttached,
    /// The connection was closed or replaced; attach on a new one.
    ConnectionGone,
    /// The message is for an earlier epoch of the shell and was not applied.
    StaleEpoch,
    /// An input message is missing; send everything after `have` again.
    InputGap,
    /// Too much input is queued; send it again later.
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
    /// An operator or the session's owner revoked the connection.
    Revoked,
    /// An internal fault; details are in the log.
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
    /// HTTP status of the error.
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

    /// True if the same request may succeed later without a change.
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

/// Body of every HTTP error of backend and gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// A sentence for a person. Never holds a secret, a token or terminal content.
    pub error: String,
    /// The stable code.
    pub code: ErrorCode,
    /// True if the same request may succeed later.
    pub retryable: bool,
}

impl ApiError {
    /// An error with the code's own `retryable`.
    pub fn new(code: ErrorCode, error: impl Into<String>) -> Self {
        Self { error: error.into(), code, retryable: code.retryable() }
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The shell exited by itself.
    Exited,
    /// A controller closed it, or its owner ended it over HTTP.
    Closed,
    /// No client was attached for the detach timeout.
    Detached,
    /// No input and no output for the idle timeout.
    Idle,
    /// The session reached its maximum lifetime.
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
    /// The session exceeded its quota of memory, disk or terminals.
    Limits,
}

impl EndReason {
    /// Code in the warning before an end of this reason.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::TokenExpired => ErrorCode::TokenExpired,
            Self::ServerRestart => ErrorCode::Draining,
            Self::Limits => ErrorCode::LimitReached,
            _ => ErrorCode::SessionEnded,
        }
    }
}
