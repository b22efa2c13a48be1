//! Reading what a client says, once, at the edge: unknown is a variant of its own, and what is malformed changes nothing.
//! Apart from the messages because it is the one place that meets hostile input.

use super::{Attach, ClientMessage, Command, Echo, Input, Keys, Resize};
use crate::error::ErrorCode;
use crate::ids::{ConnectionId, SessionId};
use crate::limits;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A message without `seq`, as scripts and existing pages send it: served at once, best effort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plain {
    /// `{"type":"command","command":"ls -la"}`
    Command {
        /// Comes back in the answer, when given.
        id: Option<String>,
        /// The command line.
        command: String,
    },
    /// `{"type":"resize","cols":80,"rows":24}`
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// A message that makes sense only in order, sent without its number.
    Unordered {
        /// Its type.
        kind: &'static str,
    },
}

/// One parsed message with what its envelope claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The message.
    pub inbound: Inbound,
    /// A connection that the body names; it must be the token's.
    pub connection_id: Option<ConnectionId>,
    /// A session that the body names; it must be the token's.
    pub session_id: Option<SessionId>,
}

/// What arrived.
#[derive(Debug, Clone, PartialEq)]
pub enum Inbound {
    /// A message of the protocol.
    Message(ClientMessage),
    /// A message of a client that does not number what it sends.
    Plain(Plain),
    /// A type that nobody knows.
    Unknown {
        /// What it called itself, shortened.
        kind: String,
    },
}

/// Why a message was not understood. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// `BAD_MESSAGE`, `BAD_FIELD` or `TOO_LARGE`.
    pub code: ErrorCode,
    /// A sentence that says what to change.
    pub message: String,
}

impl ParseError {
    fn message(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::BadMessage, message: shortened(message.into()) }
    }

    fn field(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::BadField, message: shortened(message.into()) }
    }
}

/// The parser quotes a wrong value whole, and the sentence must fit into a frame.
fn shortened(sentence: String) -> String {
    match sentence.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &sentence[..end]),
        None => sentence,
    }
}

/// What every message may carry around its own fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    r#type: Option<Value>,
    action: Option<Value>,
    seq: Option<Value>,
    connection_id: Option<ConnectionId>,
    session_id: Option<SessionId>,
}

#[derive(Deserialize)]
struct PlainCommand {
    id: Option<String>,
    command: String,
}

#[derive(Deserialize)]
struct PlainResize {
    cols: u16,
    rows: u16,
}

/// Longest `ping` or `echo`, in bytes as they will be written again: the answer repeats it in a frame of its own.
const ANSWERED_BYTES: usize = limits::FRAME_BYTES - limits::ENVELOPE_BYTES;

/// Reads one message: JSON text of at most [`limits::FRAME_BYTES`]. `type` names it; `action` is accepted as its alias.
pub fn parse(body: &[u8]) -> Result<Envelope, ParseError> {
    if body.len() > limits::FRAME_BYTES {
        let message = format!("the message has {} bytes; at most {} are allowed", body.len(), limits::FRAME_BYTES);
        return Err(ParseError { code: ErrorCode::TooLarge, message });
    }
    let head: Head = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data if body.trim_ascii_start().first() == Some(&b'{') => {
            ParseError::field(format!("the message's envelope is wrong: {error}"))
        }
        _ => ParseError::message(format!("the message is not a JSON object: {error}")),
    })?;
    let kind = match head.r#type.as_ref().or(head.action.as_ref()) {
        Some(Value::String(kind)) => kind.as_str(),
        Some(_) => return Err(ParseError::field("`type` must be a string")),
        None => return Err(ParseError::message("the message has no `type`")),
    };
    let inbound = inbound(kind, head.seq.is_some(), body)?;
    Ok(Envelope { inbound, connection_id: head.connection_id, session_id: head.session_id })
}

fn inbound(kind: &str, numbered: bool, body: &[u8]) -> Result<Inbound, ParseError> {
    use ClientMessage as M;
    let message = match kind {
        "attach" => M::Attach(fields::<Attach>(kind, body)?),
        "ack" => M::Ack(fields(kind, body)?),
        "follow" => M::Follow(fields(kind, body)?),
        "ping" => M::Ping(fields(kind, body)?),
        "echo" => {
            // Their names are not part of what is echoed.
            let mut echo: Echo = fields(kind, body)?;
            echo.fields.remove("type");
            echo.fields.remove("action");
            M::Echo(echo)
        }
        "command" if !numbered => {
            let PlainCommand { id, command } = fields(kind, body)?;
            check_command(&command)?;
            check_id(id.as_deref().unwrap_or("-"))?;
            return Ok(Inbound::Plain(Plain::Command { id, command }));
        }
        "resize" if !numbered => {
            let PlainResize { cols, rows } = fields(kind, body)?;
            check_size(cols, rows)?;
            return Ok(Inbound::Plain(Plain::Resize { cols, rows }));
        }
        "input" if numbered => M::Input(fields(kind, body)?),
        "resize" => M::Resize(fields(kind, body)?),
        "command" => M::Command(fields(kind, body)?),
        "interrupt" if numbered => M::Interrupt(fields(kind, body)?),
        "extend" if numbered => M::Extend(fields(kind, body)?),
        "close" if numbered => M::Close(fields(kind, body)?),
        "chat_message" if numbered => M::ChatMessage(fields(kind, body)?),
        "input" => return Ok(unordered("input")),
        "interrupt" => return Ok(unordered("interrupt")),
        "extend" => return Ok(unordered("extend")),
        "close" => return Ok(unordered("close")),
        "chat_message" => return Ok(unordered("chat_message")),
        other => return Ok(Inbound::Unknown { kind: other.chars().take(64).collect() }),
    };
    check(&message)?;
    Ok(Inbound::Message(message))
}

fn unordered(kind: &'static str) -> Inbound {
    Inbound::Plain(Plain::Unordered { kind })
}

fn fields<T: DeserializeOwned>(kind: &str, body: &[u8]) -> Result<T, ParseError> {
    serde_json::from_slice(body).map_err(|error| ParseError::field(format!("`{kind}`: {error}")))
}

/// Bounds that the types do not express.
fn check(message: &ClientMessage) -> Result<(), ParseError> {
    if message.order().is_some_and(|(seq, _)| seq.0 == 0) {
        return Err(ParseError::field("`seq` starts at 1"));
    }
    match message {
        ClientMessage::Attach(Attach { cols, rows, .. }) | ClientMessage::Resize(Resize { cols, rows, .. }) => {
            check_size(*cols, *rows)
        }
        ClientMessage::Command(Command { id, command, .. }) => {
            check_id(id)?;
            check_command(command)
        }
        ClientMessage::ChatMessage(chat) if chat.data.message.len() > limits::CHAT_BYTES => {
            Err(too_large("chat message", chat.data.message.len(), limits::CHAT_BYTES))
        }
        ClientMessage::ChatMessage(chat) if chat.data.message.trim().is_empty() => {
            Err(ParseError::field("the chat message is empty"))
        }
        ClientMessage::Ping(_) | ClientMessage::Echo(_) if message.to_json().len() > ANSWERED_BYTES => {
            Err(too_large("message to be answered with its own content", message.to_json().len(), ANSWERED_BYTES))
        }
        ClientMessage::Input(Input { keys: Keys::B64(text), .. })
            if crate::Payload::B64(text.clone()).decode().is_none() =>
        {
            Err(ParseError::field("`b64` is not base64"))
        }
        _ => Ok(()),
    }
}

fn check_size(cols: u16, rows: u16) -> Result<(), ParseError> {
    if limits::COLS.contains(&cols) && limits::ROWS.contains(&rows) {
        return Ok(());
    }
    Err(ParseError::field(format!(
        "a terminal of {cols} columns and {rows} rows is not possible; {:?} and {:?} are",
        limits::COLS,
        limits::ROWS
    )))
}

fn check_command(command: &str) -> Result<(), ParseError> {
    if command.len() > limits::COMMAND_BYTES {
        return Err(too_large("command", command.len(), limits::COMMAND_BYTES));
    }
    if command.trim().is_empty() {
        return Err(ParseError::field("the command is empty"));
    }
    // It is typed into a line editor: a control byte would edit instead of being part of the command.
    if command.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(ParseError::field("a command must not hold control characters other than newline and tab"));
    }
    Ok(())
}

fn check_id(id: &str) -> Result<(), ParseError> {
    if id.is_empty() || id.len() > limits::ID_BYTES {
        return Err(ParseError::field(format!("`id` must have 1 to {} bytes", limits::ID_BYTES)));
    }
    Ok(())
}

fn too_large(what: &str, have: usize, most: usize) -> ParseError {
    ParseError {
        code: ErrorCode::TooLarge,
        message: format!("the {what} has {have} bytes; at most {most} are allowed"),
    }
}
