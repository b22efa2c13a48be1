//! Frames of the backend. Output and events form one ordered stream per session; the other frames are replies, best effort.

mod command;
mod event;
mod files;
mod notice;
mod people;
mod refusal;

use crate::claims::Role;
use crate::dispatch::Dispatch;
use crate::frame::Payload;
use crate::ids::{ClientId, Epoch, Pos, Seq, SessionId, Who};
use crate::limits;
use crate::wall::WallFrame;
pub use command::{ShellCommand, Typist};
use derive_more::From;
pub use event::{Event, StreamEvent, Tty};
pub use files::{FilePart, Stored, TransferFailed, TransferState};
pub use notice::{Announced, Notice};
pub use people::{Control, ControlState, Part, Person, RaisedHand, Recording, RecordingState, Room, Via};
pub use refusal::ErrorMessage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One frame: a message with the positions of stream and input, so that few frames only acknowledge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct ServerFrame {
    /// The message.
    #[serde(flatten)]
    pub message: ServerMessage,
    /// End of the session's stream; absent for clients that never attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Pos>,
    /// Last applied input of the client (cumulative).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack_seq: Option<Seq>,
    /// The shell waits for a command at an empty prompt there, and echoes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub prompt: bool,
}

impl From<ServerMessage> for ServerFrame {
    fn from(message: ServerMessage) -> Self {
        Self { message, head: None, ack_seq: None, prompt: false }
    }
}

impl ServerFrame {
    /// The frame as JSON text.
    pub fn to_json(&self) -> String {
        // Cannot fail: all map keys are strings, and no type has a custom serializer.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Message of a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, From)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Reply to `attach`.
    Attached(Attached),
    /// Bytes of the stream.
    Output(Output),
    /// An event of the stream.
    Event(Event),
    /// The screen at `pos`, in place of the bytes before it.
    Snapshot(Snapshot),
    /// Reply to `ping`.
    Pong(Pong),
    /// Reply to `echo`.
    Echo(EchoReply),
    /// Acknowledges input if no other frame did within 100 ms.
    InputAck(InputAck),
    /// Asks a page for a `follow` at once: the relay that carries its frames ends soon.
    Renew(Renew),
    /// Reply to `carry`.
    Carried(Carried),
    /// A part of an update of a wall.
    Wall(WallFrame),
    /// Reply to `announce`.
    Announced(Announced),
    /// State of a transfer of a file.
    Transfer(TransferState),
    /// A part of a file.
    FilePart(FilePart),
    /// A file is complete in the session.
    Stored(Stored),
    /// A transfer of a file did not begin, or has ended early.
    TransferFailed(TransferFailed),
    /// A message was refused and changed nothing.
    #[from]
    Error(ErrorMessage),
    /// Reply to a message of an unknown type.
    UnknownCommand(UnknownCommand),
    /// Reply to a plain `command`.
    CommandResult(PlainResult),
    /// Reply to a plain `command` that takes longer than 20 s; the result follows.
    CommandStarted(CommandStarted),
    /// Reply to a plain `resize`.
    ResizeAck(ResizeAck),
    /// A chat message, for plain clients; the reply to a plain `chat_message` too.
    ChatMessage(PlainChat),
}

/// Fields of `attached`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Attached {
    /// The session.
    pub session_id: SessionId,
    /// The client that attached. A page ignores a late reply to an earlier page.
    pub client: ClientId,
    /// The client's person, as others hear of it; absent from an older service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// Epoch of the shell.
    pub epoch: Epoch,
    /// Position at which the client's stream continues.
    pub pos: Pos,
    /// Last applied input of the client; its next `seq` is one more.
    pub input_seq: Seq,
    /// Width of the terminal.
    pub cols: u16,
    /// Height of the terminal.
    pub rows: u16,
    /// Rights of the client.
    pub role: Role,
    /// Input mode of the terminal.
    pub tty: Tty,
    /// Time until the client sends `follow` again, in milliseconds.
    pub follow_ms: u64,
    /// Limits for the client.
    pub limits: Limits,
    /// End of the session's lifetime, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u64>,
    /// True if `extend` can still move the end.
    #[serde(default)]
    pub can_extend: bool,
    /// True if `ask` is allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub can_ask: bool,
    /// Dispatch of the connection's API; absent while it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatch: Option<Dispatch>,
    /// The people of the session, at the frame's `head`.
    #[serde(flatten)]
    pub room: Room,
}

/// Limits for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Longest message, in bytes.
    pub frame_bytes: u32,
    /// Largest unacknowledged input, in bytes.
    pub input_window_bytes: u32,
    /// Largest number of parsed bytes without an acknowledgement.
    pub ack_step_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: limits::FRAME_BYTES as u32,
            input_window_bytes: limits::INPUT_WINDOW_BYTES as u32,
            ack_step_bytes: limits::ACK_STEP_BYTES as u32,
        }
    }
}

/// Fields of `output`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Output {
    /// Epoch of the shell.
    pub epoch: Epoch,
    /// Position of the first byte.
    pub pos: Pos,
    /// Number of raw bytes in the payload.
    pub len: u32,
    /// The bytes.
    #[serde(flatten)]
    pub payload: Payload,
}

/// Part of the terminal that a snapshot restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum SnapshotScope {
    /// Screen and scrollback.
    Full,
    /// Only the screen; the client keeps its scrollback.
    Screen,
}

/// Fields of `snapshot`. The payload is for a reset terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Snapshot {
    /// Epoch of the shell.
    pub epoch: Epoch,
    /// Position at which the stream continues.
    pub pos: Pos,
    /// Id of the snapshot, shared by its parts.
    pub id: u32,
    /// Number of this part, from 1.
    pub part: u16,
    /// Number of parts.
    pub parts: u16,
    /// Part of the terminal that it restores.
    pub scope: SnapshotScope,
    /// Width of the snapshot, in columns.
    pub cols: u16,
    /// Height of the snapshot, in rows.
    pub rows: u16,
    /// The bytes to write.
    #[serde(flatten)]
    pub payload: Payload,
    /// Number of stream positions before `pos` that the client never gets.
    pub skipped: u64,
    /// Events among the skipped positions, so that no result or chat message is lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<PositionedEvent>>"))]
    pub events: Vec<PositionedEvent>,
    /// The people of the session, in the last part of a snapshot that skips events about them.
    #[serde(flatten)]
    pub room: Room,
}

/// An event and its position in the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PositionedEvent {
    /// Position of the event.
    pub pos: Pos,
    /// The event.
    #[serde(flatten)]
    pub event: StreamEvent,
}

/// Fields of `pong`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Pong {
    /// `t` of the `ping`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "unknown"))]
    pub t: Option<Value>,
    /// The service's time, in ms since 1970.
    pub timestamp: u64,
    /// Time from the gateway's receipt of the `ping` to the service's, in ms; absent without a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_ms: Option<u64>,
    /// Time from the service's receipt of the `ping` to this reply, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_ms: Option<u64>,
    /// Dispatch of the connection's API; absent while it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatch: Option<Dispatch>,
    /// Epoch of `head` and `ackSeq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
}

/// Fields of `echo`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct EchoReply {
    /// The fields of the message.
    #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
    pub received: Value,
    /// The service's time, in ms since 1970.
    pub timestamp: u64,
    /// Epoch of `head` and `ackSeq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
}

/// Fields of `input_ack`: only the frame's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct InputAck {
    /// Epoch of the shell.
    pub epoch: Epoch,
}

/// Fields of `unknown_command`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct UnknownCommand {
    /// The unknown type.
    pub received: String,
    /// Epoch of `head` and `ackSeq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
}

/// Fields of a plain `command_result`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct PlainResult {
    /// Id of the command, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Output with `\n` line ends.
    pub result: String,
    /// True if the result was cut at [`limits::RESULT_BYTES`].
    pub truncated: bool,
    /// Exit code.
    pub exit_code: i32,
    /// The service's time, in ms since 1970.
    pub timestamp: u64,
}

/// Fields of `command_started`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct CommandStarted {
    /// Id of the command, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The service's time, in ms since 1970.
    pub timestamp: u64,
}

/// Fields of `renew`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Renew {
    /// Epoch of the shell.
    pub epoch: Epoch,
}

/// Fields of `carried`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Carried {
    /// Epoch of the shell.
    pub epoch: Epoch,
    /// Time until the client sends `carry` again, in milliseconds.
    pub carry_ms: u64,
}

/// Fields of `resize_ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ResizeAck {
    /// The service's time, in ms since 1970.
    pub timestamp: u64,
}

/// Fields of a plain `chat_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PlainChat {
    /// User who sent it.
    pub from: String,
    /// Plain text.
    pub message: String,
    /// The service's time, in ms since 1970.
    pub timestamp: u64,
}

impl ServerMessage {
    /// Sets the epoch of `head` and `ackSeq` in messages that have no epoch of their own.
    pub fn set_epoch(&mut self, current: Epoch) {
        match self {
            Self::Pong(Pong { epoch, .. })
            | Self::Echo(EchoReply { epoch, .. })
            | Self::Error(ErrorMessage { epoch, .. })
            | Self::UnknownCommand(UnknownCommand { epoch, .. }) => *epoch = Some(current),
            _ => {}
        }
    }
}
