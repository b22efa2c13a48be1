//! What a client says: a closed enum, one struct of fields for each message.

mod parse;

use crate::ids::{ClientId, Epoch, Pos, Seq};
pub use parse::{Envelope, Inbound, ParseError, Plain, parse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One message of a client. `seq` is one space per client over all messages that carry it, from 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// First message of a connection, repeated until `attached` comes; idempotent.
    Attach(Attach),
    /// Keystrokes.
    Input(Input),
    /// The window of a controller.
    Resize(Resize),
    /// Run one command line in the session's shell.
    Command(Command),
    /// Ctrl-C out of turn.
    Interrupt(Interrupt),
    /// More time for the session.
    Extend(Extend),
    /// End the session.
    Close(Close),
    /// To everyone attached to the session.
    ChatMessage(ChatMessage),
    /// Everything before `pos` has been parsed by the emulator (cumulative).
    Ack(Ack),
    /// Keep frames coming; with `repair`, start again at `pos`.
    Follow(Follow),
    /// Answered with `pong`.
    Ping(Ping),
    /// Answered with what was received.
    Echo(Echo),
}

/// Fields of `attach`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Attach {
    /// The page load that speaks: 128 random bits.
    pub client: ClientId,
    /// Width of its window, in columns.
    pub cols: u16,
    /// Height of its window, in rows.
    pub rows: u16,
    /// Encodings it can read beyond `data` and `b64`; `z` is deflate-raw in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<String>>"))]
    pub accept: Vec<String>,
    /// What it already has, when it comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub resume: Option<Resume>,
}

/// A place in a session's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Resume {
    /// The life of the shell.
    pub epoch: Epoch,
    /// Everything before it was received.
    pub pos: Pos,
}

/// Fields of `input`. An escape sequence or a paste bracket is never split over two messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(try_from = "InputFields")]
pub struct Input {
    /// Its place among the client's messages.
    pub seq: Seq,
    /// The life of the shell that it is meant for.
    pub epoch: Epoch,
    /// The keys.
    #[serde(flatten)]
    pub keys: Keys,
    /// Acknowledges output as `ack` does: a message of its own would cost as much as this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Pos>"))]
    pub ack: Option<Pos>,
}

/// Keystrokes as text or, for bytes that are no UTF-8, base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Keys {
    /// UTF-8 text.
    Data(String),
    /// Base64.
    B64(String),
}

/// How `input` arrives: read by hand, since a flattened [`Keys`] would take the first of two spellings and drop the other.
#[derive(Deserialize)]
struct InputFields {
    seq: Seq,
    epoch: Epoch,
    data: Option<String>,
    b64: Option<String>,
    ack: Option<Pos>,
}

impl TryFrom<InputFields> for Input {
    type Error = &'static str;
    fn try_from(fields: InputFields) -> Result<Self, Self::Error> {
        let keys = match (fields.data, fields.b64) {
            (Some(text), None) => Keys::Data(text),
            (None, Some(text)) => Keys::B64(text),
            _ => return Err("exactly one of `data` and `b64` must be there"),
        };
        Ok(Self { seq: fields.seq, epoch: fields.epoch, keys, ack: fields.ack })
    }
}

impl Keys {
    /// The bytes for the terminal; `None` for bad base64, which [`parse`] refuses.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Data(text) => Some(text.into_bytes()),
            Self::B64(text) => crate::Payload::B64(text).decode(),
        }
    }
}

/// Fields of `resize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Resize {
    /// Its place among the client's messages.
    pub seq: Seq,
    /// The life of the shell that it is meant for.
    pub epoch: Epoch,
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// Fields of `command`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Command {
    /// Its place among the client's messages.
    pub seq: Seq,
    /// The life of the shell that it is meant for.
    pub epoch: Epoch,
    /// Chosen by the client; comes back in the result.
    pub id: String,
    /// The command line.
    pub command: String,
}

/// Fields of `interrupt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Interrupt {
    /// Its place among the client's messages.
    pub seq: Seq,
    /// The life of the shell that it is meant for.
    pub epoch: Epoch,
    /// Input up to this number that is not yet written is discarded.
    pub after_seq: Seq,
}

/// Fields of `extend`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Extend {
    /// Its place among the client's messages.
    pub seq: Seq,
    /// The life of the shell that it is meant for.
    pub epoch: Epoch,
}

/// Fields of `close`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Close {
    /// Its place among the client's messages.
    pub seq: Seq,
    /// The life of the shell that it is meant for.
    pub epoch: Epoch,
}

/// Fields of `chat_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ChatMessage {
    /// Its place among the client's messages.
    pub seq: Seq,
    /// The life of the shell that it is meant for.
    pub epoch: Epoch,
    /// What is said.
    pub data: Chat,
}

/// The text of a chat message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Chat {
    /// Plain text.
    pub message: String,
}

/// Fields of `ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Ack {
    /// The life of the shell.
    pub epoch: Epoch,
    /// Everything before it was parsed.
    pub pos: Pos,
}

/// Fields of `follow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Follow {
    /// The life of the shell.
    pub epoch: Epoch,
    /// Everything before it was received.
    pub pos: Pos,
    /// Start again at `pos`: something after it was lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub repair: bool,
}

/// Fields of `ping`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Ping {
    /// Comes back as it is; the client's clock, usually.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "unknown"))]
    pub t: Option<Value>,
}

/// Fields of `echo`: anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "Record<string, unknown>"))]
pub struct Echo {
    /// The message's other fields.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl ClientMessage {
    /// Number and epoch of a message that is applied in order.
    pub fn order(&self) -> Option<(Seq, Epoch)> {
        match self {
            Self::Input(m) => Some((m.seq, m.epoch)),
            Self::Resize(m) => Some((m.seq, m.epoch)),
            Self::Command(m) => Some((m.seq, m.epoch)),
            Self::Interrupt(m) => Some((m.seq, m.epoch)),
            Self::Extend(m) => Some((m.seq, m.epoch)),
            Self::Close(m) => Some((m.seq, m.epoch)),
            Self::ChatMessage(m) => Some((m.seq, m.epoch)),
            Self::Attach(_) | Self::Ack(_) | Self::Follow(_) | Self::Ping(_) | Self::Echo(_) => None,
        }
    }

    /// Its JSON text, as a client sends it.
    pub fn to_json(&self) -> String {
        // Serialising these types cannot fail: no maps with other keys than strings, no custom errors.
        serde_json::to_string(self).unwrap_or_default()
    }
}
