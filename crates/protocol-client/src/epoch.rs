//! The epoch of a frame. A file of its own, because it names every message and nothing else.

use shared_protocol::{Epoch, ServerMessage};

/// Epoch of the positions and numbers in a frame.
pub(crate) const fn epoch_of(message: &ServerMessage) -> Option<Epoch> {
    match message {
        ServerMessage::Attached(attached) => Some(attached.epoch),
        ServerMessage::Output(output) => Some(output.epoch),
        ServerMessage::Event(event) => Some(event.epoch),
        ServerMessage::Snapshot(snapshot) => Some(snapshot.epoch),
        ServerMessage::InputAck(ack) => Some(ack.epoch),
        ServerMessage::Renew(renew) => Some(renew.epoch),
        ServerMessage::Carried(carried) => Some(carried.epoch),
        ServerMessage::Pong(pong) => pong.epoch,
        ServerMessage::Echo(echo) => echo.epoch,
        ServerMessage::Error(error) => error.epoch,
        ServerMessage::UnknownCommand(unknown) => unknown.epoch,
        ServerMessage::CommandResult(_)
        | ServerMessage::CommandStarted(_)
        | ServerMessage::ResizeAck(_)
        | ServerMessage::ChatMessage(_)
        | ServerMessage::Wall(_)
        | ServerMessage::Announced(_)
        | ServerMessage::Transfer(_)
        | ServerMessage::FilePart(_)
        | ServerMessage::Stored(_)
        | ServerMessage::TransferFailed(_) => None,
    }
}
