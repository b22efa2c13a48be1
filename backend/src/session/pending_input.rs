//! Input between a session and its terminal: applied, and not yet taken by a program. An interrupt may take back a part of it.

mod paste;

use bytes::Bytes;
use paste::OpenPaste;
use shared_protocol::{ClientId, Seq};
use std::collections::{BTreeSet, VecDeque};

/// Input that was applied and that the terminal has not taken.
#[derive(Debug, Default)]
pub(super) struct PendingInput {
    /// Input in order, with its sender; `None` for input of the service itself.
    pub(super) queue: VecDeque<(Option<(ClientId, Seq)>, Bytes)>,
    /// Sum of the lengths in `queue`.
    pub(super) bytes: usize,
    paste: OpenPaste,
}

impl PendingInput {
    pub(super) fn push(&mut self, from: Option<(ClientId, Seq)>, bytes: Bytes) {
        self.bytes += bytes.len();
        self.queue.push_back((from, bytes));
    }

    /// The terminal has taken this many bytes of the first input.
    pub(super) fn taken(&mut self, count: usize) {
        let Some((from, bytes)) = self.queue.front_mut() else { return };
        let taken = bytes.split_to(count);
        self.bytes -= taken.len();
        if let Some((client, _)) = from {
            self.paste.wrote(client, &taken);
        }
        if bytes.is_empty() {
            self.queue.pop_front();
        }
    }

    /// Takes back everything of these clients. Returns what closes the paste of one of them, if one is open.
    pub(super) fn withdraw(&mut self, clients: &BTreeSet<ClientId>) -> Option<&'static [u8]> {
        self.queue.retain(|(from, _)| !from.as_ref().is_some_and(|(id, _)| clients.contains(id)));
        self.bytes = self.queue.iter().map(|(_, bytes)| bytes.len()).sum();
        self.paste.end_of(clients)
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
