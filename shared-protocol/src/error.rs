//! Error codes and end reasons: stable strings on which clients may depend.

use serde::{Deserialize, Serialize};

/// Declares [`ErrorCode`] with the HTTP status of each code, and whether the same request may succeed later.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $code:ident = $status:literal, retryable: $retryable:literal;)+) => {
        /// Code of an `error` frame or of an HTTP error body. The meaning of a string never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::VariantArray)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum ErrorCode {
            $($(#[$doc])* $code,)+
        }

        impl ErrorCode {
            /// HTTP status of the error.
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$code => $status,)+
                }
            }

            /// True if the same request may succeed later without a change.
            pub fn retryable(self) -> bool {
                match self {
                    $(Self::$code => $retryable,)+
                }
            }
        }
    };
}

error_codes! {
    /// Not a JSON object with a `type`.
    BadMessage = 400, retryable: false;
    /// A field is missing, of the wrong type, or out of bounds.
    BadField = 400, retryable: false;
    /// A frame, body or field is larger than allowed.
    TooLarge = 413, retryable: false;
    /// The token is missing or invalid.
    Unauthorized = 401, retryable: false;
    /// The token has expired.
    TokenExpired = 401, retryable: false;
    /// The token does not allow the request.
    Forbidden = 403, retryable: false;
    /// A viewer tried to type, resize or end the session.
    ReadOnly = 403, retryable: false;
    /// There is nothing at this path.
    UnknownPath = 404, retryable: false;
    /// The session does not exist.
    SessionNotFound = 404, retryable: false;
    /// The session has ended, and the token may not create it again.
    SessionEnded = 410, retryable: false;
    /// The user, the instance or the gateway has reached its limit of sessions or connections.
    LimitReached = 429, retryable: false;
    /// A terminal message arrived before `attach`.
    NotAttached = 400, retryable: false;
    /// The connection was closed or replaced; attach on a new one.
    ConnectionGone = 410, retryable: false;
    /// The message is for an earlier epoch of the shell and was not applied.
    StaleEpoch = 409, retryable: false;
    /// An input message is missing; send everything after `have` again.
    InputGap = 409, retryable: true;
    /// Too much input is queued; send it again later.
    InputFull = 429, retryable: true;
    /// The shell is not at an empty prompt.
    Busy = 409, retryable: true;
    /// The shell does not mark its prompts, so no command can be run in it for a result.
    NoPromptMarks = 409, retryable: false;
    /// Too many messages in a short time.
    RateLimited = 429, retryable: true;
    /// The gateway could not reach the terminal service.
    BackendUnreachable = 502, retryable: true;
    /// The terminal service did not answer in time.
    BackendTimeout = 504, retryable: true;
    /// The service is being replaced; try again.
    Draining = 503, retryable: true;
    /// It holds here, but could not be stored for other instances.
    NotStored = 503, retryable: true;
    /// The connection, or everyone with its token, was removed from the session for good.
    Revoked = 403, retryable: false;
    /// There is no such file or directory in the session.
    FileNotFound = 404, retryable: false;
    /// A file that the session's user may not read or write there, or that is none.
    FileRefused = 403, retryable: false;
    /// An internal fault; details are in the log.
    Internal = 500, retryable: true;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::VariantArray)]
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
    /// True if the session goes on in another shell once a page comes back, because the end was not intended.
    pub fn is_loss(self) -> bool {
        matches!(self, Self::ServerRestart | Self::OwnerLost)
    }

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
