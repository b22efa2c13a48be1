//! Messages of a client: a closed enum, with one struct of fields per message.

mod check;
mod files;
mod offers;
mod parse;
mod parse_error;
mod people;

use crate::ids::{ClientId, Epoch, Loan, Pos, Seq};
#[cfg(doc)]
use crate::limits;
use crate::theme::Theme;
use crate::wall::{Wall, WallAck};
pub use files::{CancelTransfer, Download, DownloadPart, Upload, UploadPart};
pub use offers::{Announce, TypeLine};
pub use parse::{Envelope, Inbound, Plain, logged_type, parse};
pub use parse_error::ParseError;
pub use people::{Allow, Hand, LoanDuration, OnlyMe, Ordered, Remove};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One message of a client. A client counts `seq` from 1 over all messages that have one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// First message of a connection, repeated until `attached` comes; idempotent.
    Attach(Attach),
    /// Keystrokes.
    Input(Input),
    /// New window size of a controller.
    Resize(Resize),
    /// New colours of a controller's page.
    Theme(ThemeChange),
    /// Runs a command line in the session's shell.
    Command(Command),
    /// Types a line at the shell's empty prompt, and does not press Enter.
    TypeLine(TypeLine),
    /// Ctrl-C ahead of queued input.
    Interrupt(Interrupt),
    /// Requests more time for the session.
    Extend(Extend),
    /// Ends the session.
    Close(Close),
    /// Text for all clients of the session.
    ChatMessage(ChatMessage),
    /// The owner raises or lowers a hand.
    Hand(Hand),
    /// An instructor has seen the raised hand.
    HandSeen(Ordered),
    /// Asks the owner to lend the keyboard.
    Ask(Ordered),
    /// The owner lends it to the person who asked.
    Allow(Allow),
    /// The owner ends a loan, or refuses the person who asked.
    TakeBack(Ordered),
    /// The borrower ends the loan, or the person who asked asks no longer.
    GiveBack(Ordered),
    /// The owner alone types from now on, or no longer.
    OnlyMe(OnlyMe),
    /// Removes a person from the session for good, with everyone who has the same link.
    Remove(Remove),
    /// The emulator has parsed everything before `pos` (cumulative).
    Ack(Ack),
    /// Says that the page is looked at, so that frames go on; with `repair`, restarts output at `pos`.
    Follow(Follow),
    /// The only message of a carrier: a second connection of a page, whose runs may carry frames. Answered with `carried`.
    Carry(Carry),
    /// Shows an instructor all sessions of the class, over a connection without a session.
    Wall(Wall),
    /// Updates of the wall were shown (cumulative).
    WallAck(WallAck),
    /// Tells all sessions of the class something. Answered with `announced`.
    Announce(Announce),
    /// Begins to bring a file to the shell. Answered with `transfer`.
    Upload(Upload),
    /// A part of it. Answered with `transfer`, or with `stored` if it was the last.
    UploadPart(UploadPart),
    /// Begins to take a file from the shell. Answered with `transfer`.
    Download(Download),
    /// Asks for a part of it. Answered with `file_part`.
    DownloadPart(DownloadPart),
    /// Ends a transfer early.
    CancelTransfer(CancelTransfer),
    /// Answered with `pong`.
    Ping(Ping),
    /// Answered with its own fields.
    Echo(Echo),
}

/// Fields of `attach`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Attach {
    /// Id of the page load: 128 random bits.
    pub client: ClientId,
    /// Width of the window, in columns.
    pub cols: u16,
    /// Height of the window, in rows.
    pub rows: u16,
    /// Supported encodings besides `data` and `b64`; `z` is deflate-raw in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<String>>"))]
    pub accept: Vec<String>,
    /// Colours of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Box<Theme>>,
    /// The position to resume at, after a reconnect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// Requests a snapshot instead of the start of the stream as it was printed: an emulator failed on that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub snapshot: bool,
    /// Asks for the event `command`. It stays in the session's stream then, for every page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub commands: bool,
    /// Directory of a shell that this message starts: absolute, at most [`limits::DIRECTORY_BYTES`], with no character that is
    /// hidden. Home where it is missing or the session's user may not enter it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}

/// A position in a session's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Resume {
    /// Epoch of the shell.
    pub epoch: Epoch,
    /// Everything before it was received.
    pub pos: Pos,
}

/// Fields of `input`. An escape sequence or a paste bracket is never split over two messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[serde(try_from = "InputFields")]
pub struct Input {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// The keys.
    #[serde(flatten)]
    pub keys: Keys,
    /// Acknowledges output as `ack` does, and saves that message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<Pos>,
    /// The loan that a borrower types under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loan: Option<Loan>,
    /// True if the page shows the keys already, as the characters that they are: their echo may wait for that of the next ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub predicted: bool,
}

/// Keystrokes as text or, if the bytes are not UTF-8, as base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Keys {
    /// UTF-8 text.
    Data(String),
    /// Base64.
    B64(String),
}

/// Encoded fields of `input`. A flattened [`Keys`] would accept two encodings and drop the second.
#[derive(Deserialize)]
struct InputFields {
    seq: Seq,
    epoch: Epoch,
    data: Option<String>,
    b64: Option<String>,
    ack: Option<Pos>,
    loan: Option<Loan>,
    #[serde(default)]
    predicted: bool,
}

impl TryFrom<InputFields> for Input {
    type Error = &'static str;
    fn try_from(fields: InputFields) -> Result<Self, Self::Error> {
        let keys = match (fields.data, fields.b64) {
            (Some(text), None) => Keys::Data(text),
            (None, Some(text)) => Keys::B64(text),
            _ => return Err("exactly one of `data` and `b64` is required"),
        };
        let InputFields { seq, epoch, ack, loan, predicted, .. } = fields;
        Ok(Self { seq, epoch, keys, ack, loan, predicted })
    }
}

impl Keys {
    /// The bytes for the terminal; `None` for invalid base64, which [`parse`] refuses.
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
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// Fields of `theme`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ThemeChange {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// The colours.
    pub theme: Box<Theme>,
}

/// Fields of `command`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Command {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// Id chosen by the client, returned with the result.
    pub id: String,
    /// The command line.
    pub command: String,
    /// The loan that a borrower types under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loan: Option<Loan>,
}

/// Fields of `interrupt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Interrupt {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// Input up to this number is discarded if it is not written yet.
    pub after_seq: Seq,
    /// The loan that a borrower types under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loan: Option<Loan>,
}

/// Fields of `extend`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Extend {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
}

/// Fields of `close`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Close {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
}

/// Fields of `chat_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ChatMessage {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// The message.
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
    /// Epoch of the shell.
    pub epoch: Epoch,
    /// Everything before it was parsed.
    pub pos: Pos,
}

/// Fields of `follow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Follow {
    /// Epoch of the shell.
    pub epoch: Epoch,
    /// Everything before it was received.
    pub pos: Pos,
    /// Requests the output from `pos` again, because some of it was lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub repair: bool,
}

/// Fields of `carry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Carry {
    /// The attached client of the same user that the carrier belongs to.
    pub client: ClientId,
    /// Epoch of the shell.
    pub epoch: Epoch,
}

/// Fields of `ping`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Ping {
    /// Returned unchanged; usually the client's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "unknown"))]
    pub t: Option<Value>,
}

/// Fields of `echo`, of any kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "Record<string, unknown>"))]
pub struct Echo {
    /// The message's other fields.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl ClientMessage {
    /// Number and epoch, of a message that is applied in order.
    pub fn order(&self) -> Option<(Seq, Epoch)> {
        match self {
            Self::Input(m) => Some((m.seq, m.epoch)),
            Self::Resize(m) => Some((m.seq, m.epoch)),
            Self::Theme(m) => Some((m.seq, m.epoch)),
            Self::Command(m) => Some((m.seq, m.epoch)),
            Self::TypeLine(m) => Some((m.seq, m.epoch)),
            Self::Interrupt(m) => Some((m.seq, m.epoch)),
            Self::Extend(m) => Some((m.seq, m.epoch)),
            Self::Close(m) => Some((m.seq, m.epoch)),
            Self::ChatMessage(m) => Some((m.seq, m.epoch)),
            Self::Hand(m) => Some((m.seq, m.epoch)),
            Self::HandSeen(m) | Self::Ask(m) | Self::TakeBack(m) | Self::GiveBack(m) => Some((m.seq, m.epoch)),
            Self::Allow(m) => Some((m.seq, m.epoch)),
            Self::OnlyMe(m) => Some((m.seq, m.epoch)),
            Self::Remove(m) => Some((m.seq, m.epoch)),
            Self::Attach(_)
            | Self::Ack(_)
            | Self::Follow(_)
            | Self::Carry(_)
            | Self::Wall(_)
            | Self::WallAck(_)
            | Self::Announce(_)
            | Self::Upload(_)
            | Self::UploadPart(_)
            | Self::Download(_)
            | Self::DownloadPart(_)
            | Self::CancelTransfer(_)
            | Self::Ping(_)
            | Self::Echo(_) => None,
        }
    }

    /// The message as JSON text.
    pub fn to_json(&self) -> String {
        // Cannot fail: all map keys are strings, and no type has a custom serializer.
        serde_json::to_string(self).unwrap_or_default()
    }
}
