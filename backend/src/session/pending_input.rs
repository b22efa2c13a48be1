//! Input between a session and its terminal: applied, and not yet taken by a program. An interrupt may take back a part of it.

use bytes::Bytes;
use shared_protocol::{ClientId, Seq};
use std::collections::VecDeque;

/// Input that was applied and that the terminal has not taken.
#[derive(Debug, Default)]
pub(super) struct PendingInput {
    /// Input in order, with its sender; `None` for input of the service itself.
    pub(super) queue: VecDeque<(Option<(ClientId, Seq)>, Bytes)>,
    /// Sum of the lengths in `queue`.
    pub(super) bytes: usize,
}

impl PendingInput {
    pub(super) fn push(&mut self, from: Option<(ClientId, Seq)>, bytes: Bytes) {
        self.bytes += bytes.len();
        self.queue.push_back((from, bytes));
    }

    pub(super) fn discard(&mut self, client: &ClientId, until: Seq) {
        self.queue.retain(|(from, _)| !from.as_ref().is_some_and(|(id, seq)| id == client && *seq <= until));
        self.bytes = self.queue.iter().map(|(_, bytes)| bytes.len()).sum();
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }
}
