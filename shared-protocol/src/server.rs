//! What the backend says. Everything that matters to the terminal is one ordered stream per session; the other frames are
//! direct replies, best effort.

mod event;

use crate::claims::Role;
use crate::error::ErrorCode;
use crate::frame::Payload;
use crate::ids::{ClientId, Epoch, Pos, Seq, SessionId};
use crate::limits;
pub use event::{Event, StreamEvent, Tty};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One frame: a message, and where stream and input stand, so that nearly no frame exists only to acknowledge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ServerFrame {
    /// The message.
    #[serde(flatten)]
    pub message: ServerMessage,
    /// End of the session's stream; absent in replies to clients that never attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub head: Option<Pos>,
    /// This client's input applied so far (cumulative).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub ack_seq: Option<Seq>,
}

impl From<ServerMessage> for ServerFrame {
    fn from(message: ServerMessage) -> Self {
        Self { message, head: None, ack_seq: None }
    }
}

impl ServerFrame {
    /// Its JSON text, as it is posted to the browser.
    pub fn to_json(&self) -> String {
        // Serialising these types cannot fail: no maps with other keys than strings, no custom errors.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Answer to `attach`.
    Attached(Attached),
    /// Bytes of the stream.
    Output(Output),
    /// Something other than bytes, at its place in the stream.
    Event(Event),
    /// The screen as it was at `pos`; what a client gets instead of bytes that it cannot or need not have.
    Snapshot(Snapshot),
    /// Answer to `ping`.
    Pong(Pong),
    /// Answer to `echo`.
    Echo(EchoReply),
    /// Only acknowledges input: goes out when nothing else did for 100 ms.
    InputAck(InputAck),
    /// Something was refused; nothing changed.
    Error(ErrorMessage),
    /// Answer to a type that nobody knows.
    UnknownCommand(UnknownCommand),
    /// Answer to a plain `command` that is done.
    CommandResult(PlainResult),
    /// Answer to a plain `command` that takes longer than 20 s; its result comes later.
    CommandStarted(CommandStarted),
    /// Answer to a plain `resize`.
    ResizeAck(ResizeAck),
}

/// Fields of `attached`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Attached {
    /// The session.
    pub session_id: SessionId,
    /// The client that attached, so that a late answer to an earlier page is recognised.
    pub client: ClientId,
    /// The life of the shell.
    pub epoch: Epoch,
    /// Where this client's stream goes on.
    pub pos: Pos,
    /// This client's input applied so far: its next `seq` is one more.
    pub input_seq: Seq,
    /// Width of the terminal.
    pub cols: u16,
    /// Height of the terminal.
    pub rows: u16,
    /// What this client may do.
    pub role: Role,
    /// How the terminal treats input.
    pub tty: Tty,
    /// Renew with `follow` this long after the last, in milliseconds.
    pub follow_ms: u64,
    /// Bounds that the client keeps.
    pub limits: Limits,
    /// When the session reaches its longest life, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
    pub ends_at: Option<u64>,
    /// Whether `extend` can still move that.
    #[serde(default)]
    pub can_extend: bool,
}

/// Bounds that a client keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Longest message, in bytes.
    pub frame_bytes: u32,
    /// Most input without acknowledgement, in bytes.
    pub input_window_bytes: u32,
    /// Acknowledge output at least each time this many more bytes were parsed.
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
    /// The life of the shell.
    pub epoch: Epoch,
    /// Place of the first byte.
    pub pos: Pos,
    /// Raw bytes that the payload stands for.
    pub len: u32,
    /// The bytes.
    #[serde(flatten)]
    pub payload: Payload,
}

/// How much of the terminal a snapshot restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum SnapshotScope {
    /// Everything, with scrollback.
    Full,
    /// Only what is visible; the client keeps its scrollback.
    Screen,
}

/// Fields of `snapshot`. Its data starts from a reset terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Snapshot {
    /// The life of the shell.
    pub epoch: Epoch,
    /// The stream goes on here.
    pub pos: Pos,
    /// Names this snapshot; its parts share it.
    pub id: u32,
    /// This part, from 1.
    pub part: u16,
    /// How many parts there are.
    pub parts: u16,
    /// How much it restores.
    pub scope: SnapshotScope,
    /// Width it was taken at.
    pub cols: u16,
    /// Height it was taken at.
    pub rows: u16,
    /// The bytes to write.
    #[serde(flatten)]
    pub payload: Payload,
    /// Stream positions before `pos` that the client will never get.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub skipped: u64,
    /// Events among what is skipped, so that no result and no word is lost with the output around it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<PositionedEvent>>"))]
    pub events: Vec<PositionedEvent>,
}

/// An event and its place in the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PositionedEvent {
    /// Its place.
    pub pos: Pos,
    /// What happened.
    #[serde(flatten)]
    pub event: StreamEvent,
}

/// Fields of `pong`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Pong {
    /// As it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "unknown"))]
    pub t: Option<Value>,
    /// The service's time, in ms since 1970.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub timestamp: u64,
    /// From the gateway's receipt of the `ping` to the service's, in ms; absent where there is no gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
    pub gateway_ms: Option<u64>,
    /// From the service's receipt of the `ping` until this was made, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "number"))]
    pub service_ms: Option<u64>,
    /// The life of the shell that `head` and `ackSeq` beside it speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub epoch: Option<Epoch>,
}

/// Fields of `echo`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct EchoReply {
    /// The fields of the message.
    #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
    pub received: Value,
    /// The service's time, in ms since 1970.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub timestamp: u64,
    /// The life of the shell that `head` and `ackSeq` beside it speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub epoch: Option<Epoch>,
}

/// Fields of `input_ack`: only the frame's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct InputAck {
    /// The life of the shell.
    pub epoch: Epoch,
}

/// Fields of `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ErrorMessage {
    /// The stable code.
    pub code: ErrorCode,
    /// A sentence for a person.
    pub message: String,
    /// Whether the same message may succeed later.
    pub retryable: bool,
    /// With `INPUT_GAP` and `INPUT_FULL`: the last message applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub have: Option<Seq>,
    /// With a refused `command`: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub id: Option<String>,
    /// The life of the shell that `head` and `ackSeq` beside it speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub epoch: Option<Epoch>,
}

impl ErrorMessage {
    /// An error with the code's own `retryable`.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: code.retryable(), have: None, id: None, epoch: None }
    }
}

/// Fields of `unknown_command`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct UnknownCommand {
    /// What the message called itself.
    pub received: String,
    /// The life of the shell that `head` and `ackSeq` beside it speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub epoch: Option<Epoch>,
}

/// Fields of a plain `command_result`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PlainResult {
    /// The id that was sent, when one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub id: Option<String>,
    /// What it printed, with `\n` line ends.
    pub result: String,
    /// Whether the result was cut at [`limits::RESULT_BYTES`].
    pub truncated: bool,
    /// Its exit code.
    pub exit_code: i32,
    /// The service's time, in ms since 1970.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub timestamp: u64,
}

/// Fields of `command_started`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CommandStarted {
    /// The id that was sent, when one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub id: Option<String>,
    /// The service's time, in ms since 1970.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub timestamp: u64,
}

/// Fields of `resize_ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ResizeAck {
    /// The service's time, in ms since 1970.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub timestamp: u64,
}

impl ServerMessage {
    /// Says which life of the shell the stamp beside it speaks of, where the message does not do so itself.
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

impl From<ErrorMessage> for ServerMessage {
    fn from(error: ErrorMessage) -> Self {
        Self::Error(error)
    }
}
