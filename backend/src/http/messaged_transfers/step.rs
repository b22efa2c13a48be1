//! One message of a transfer, done.

use shared_protocol::ServerMessage;

/// The outcome of one message of a transfer.
pub(super) struct Step {
    /// The answer to the message.
    pub answer: ServerMessage,
    /// True if the file is complete.
    pub is_last: bool,
}

impl Step {
    pub(super) fn more(answer: ServerMessage) -> Self {
        Self { answer, is_last: false }
    }

    pub(super) fn last(answer: ServerMessage) -> Self {
        Self { answer, is_last: true }
    }
}
