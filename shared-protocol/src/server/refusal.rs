//! The answer to a message that was refused.

use crate::error::ErrorCode;
use crate::ids::{Epoch, Seq};
use serde::{Deserialize, Serialize};

/// Fields of `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct ErrorMessage {
    /// The stable code.
    pub code: ErrorCode,
    /// A sentence for a person.
    pub message: String,
    /// True if the same message may succeed later.
    pub retryable: bool,
    /// Number of the last applied message, for `INPUT_GAP` and `INPUT_FULL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<Seq>,
    /// Id of a refused `command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Number of a message that was refused in its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// Epoch of `head` and `ackSeq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
}

impl ErrorMessage {
    /// An error with the code's own `retryable`.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retryable: code.retryable(),
            have: None,
            id: None,
            seq: None,
            epoch: None,
        }
    }
}
