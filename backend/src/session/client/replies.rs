//! A client's direct replies, until a frame carries them: bounded in number and memory.

use serde_json::Value;
use shared_protocol::server::{EchoReply, FilePart, PlainChat, PlainResult, Snapshot, UnknownCommand};
use shared_protocol::{Payload, ServerMessage};
use std::collections::VecDeque;

/// Replies that wait for a frame. The oldest is dropped when one more comes: they are best effort.
const MAX_REPLIES: usize = 64;

/// Their memory, in bytes. A single reply may take more: the latest always stays.
const MAX_BYTES: usize = 512 * 1024;

/// Replies in order.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// Each with its memory, in bytes.
    queue: VecDeque<(ServerMessage, usize)>,
    /// Sum of that.
    bytes: usize,
}

impl Replies {
    pub(super) fn push(&mut self, message: ServerMessage) {
        let bytes = weight(&message);
        while self.queue.len() >= MAX_REPLIES || (self.bytes + bytes > MAX_BYTES && !self.queue.is_empty()) {
            self.pop();
        }
        self.bytes += bytes;
        self.queue.push_back((message, bytes));
    }

    pub(super) fn pop(&mut self) -> Option<ServerMessage> {
        let next = self.queue.pop_front();
        self.forget(next)
    }

    /// Takes the newest one back, if more than `count` wait.
    pub(super) fn take_above(&mut self, count: usize) -> Option<ServerMessage> {
        let newest = if self.queue.len() > count { self.queue.pop_back() } else { None };
        self.forget(newest)
    }

    fn forget(&mut self, taken: Option<(ServerMessage, usize)>) -> Option<ServerMessage> {
        let (message, bytes) = taken?;
        self.bytes -= bytes;
        Some(message)
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Approximate memory of a message that waits, in bytes.
pub(super) fn weight(message: &ServerMessage) -> usize {
    let id = |id: &Option<String>| id.as_ref().map_or(0, String::len);
    size_of::<ServerMessage>()
        + match message {
            ServerMessage::Snapshot(Snapshot { payload, events, .. }) => {
                text_of(payload).len() + size_of_val(&events[..])
            }
            ServerMessage::Echo(EchoReply { received, .. }) => memory_of(received),
            ServerMessage::UnknownCommand(UnknownCommand { received, .. }) => received.len(),
            ServerMessage::CommandResult(PlainResult { result, id: of, .. }) => result.len() + id(of),
            ServerMessage::ChatMessage(PlainChat { from, message, .. }) => from.len() + message.len(),
            ServerMessage::FilePart(FilePart { b64, .. }) => b64.len(),
            ServerMessage::Error(error) => error.message.len() + id(&error.id),
            _ => 0,
        }
}

fn text_of(payload: &Payload) -> &str {
    match payload {
        Payload::Data(text) | Payload::B64(text) | Payload::Z(text) => text,
    }
}

/// Memory of a JSON value, in bytes: up to sixteen times that of its text.
fn memory_of(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(memory_of).sum(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| size_of::<String>() + name.len() + memory_of(value)).sum()
            }
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(received: Value) -> ServerMessage {
        ServerMessage::Echo(EchoReply { received, timestamp: 0, epoch: None })
    }

    #[test]
    fn replies_that_nothing_carries_are_bounded_in_number_and_memory() {
        let mut replies = Replies::default();
        for number in 0..2 * MAX_REPLIES {
            replies.push(echo(number.into()));
        }
        assert_eq!(
            (replies.len(), replies.pop()),
            (MAX_REPLIES, Some(echo(MAX_REPLIES.into()))),
            "the oldest are gone"
        );
        // A kilobyte of JSON, and sixteen in memory.
        let zeros = || echo(vec![0; 500].into());
        for _ in 0..MAX_REPLIES {
            replies.push(zeros());
        }
        assert!(replies.len() < MAX_REPLIES && replies.bytes() <= MAX_BYTES, "{} replies", replies.len());
        let large = echo(vec![0; 100_000].into());
        replies.push(large.clone());
        assert_eq!((replies.len(), replies.take_above(1), replies.take_above(0)), (1, None, Some(large)));
        assert_eq!((replies.bytes(), replies.pop()), (0, None));
    }
}
