//! Why a message was refused. Apart from its parser, because the checks of bounds have it too.

use crate::error::ErrorCode;
use crate::sentence::truncate;

/// Why a message was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// `BAD_MESSAGE`, `BAD_FIELD` or `TOO_LARGE`.
    pub code: ErrorCode,
    /// A sentence for the developer of the client.
    pub message: String,
}

impl ParseError {
    pub(super) fn message(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::BadMessage, message: truncate(message.into()) }
    }

    pub(super) fn field(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::BadField, message: truncate(message.into()) }
    }

    pub(super) fn too_large(what: &str, bytes: usize, max: usize) -> Self {
        Self { code: ErrorCode::TooLarge, message: format!("the {what} has {bytes} bytes; at most {max} are allowed") }
    }
}
