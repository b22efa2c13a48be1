//! Parser of client messages, the only code that reads hostile input. An unknown type is a variant; a malformed message is an
//! error and changes nothing.

use super::{Announce, Attach, ClientMessage, Command, Echo, Input, Keys, Resize};
use crate::error::ErrorCode;
use crate::ids::{ConnectionId, SessionId};
use crate::limits;
use crate::sentence::{read_json, truncate};
use crate::text::{is_directory, is_typable};
use crate::wall::MAX_VISIBLE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A message without `seq`, as scripts send it: handled at once, best effort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plain {
    /// `{"type":"command","command":"ls -la"}`
    Command {
        /// Id returned with the result, if any.
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
    /// `{"type":"chat_message","data":{"message":"hello"}}`
    Chat {
        /// The text.
        message: String,
    },
    /// A message that needs a number and has none.
    Unordered {
        /// Type of the message.
        kind: &'static str,
    },
}

/// One parsed message and the ids in its envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The message.
    pub inbound: Inbound,
    /// Connection in the body; must equal the token's.
    pub connection_id: Option<ConnectionId>,
    /// Session in the body; must equal the token's.
    pub session_id: Option<SessionId>,
}

/// A parsed message.
#[derive(Debug, Clone, PartialEq)]
pub enum Inbound {
    /// A message of the protocol.
    Message(ClientMessage),
    /// A message without a number.
    Plain(Plain),
    /// A message of an unknown type.
    Unknown {
        /// The type, cut to 64 characters.
        kind: String,
    },
}

/// Why a message was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// `BAD_MESSAGE`, `BAD_FIELD` or `TOO_LARGE`.
    pub code: ErrorCode,
    /// A sentence for the developer of the client.
    pub message: String,
}

impl ParseError {
    fn message(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::BadMessage, message: truncate(message.into()) }
    }

    fn field(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::BadField, message: truncate(message.into()) }
    }
}

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
struct PlainChat {
    data: PlainChatData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainChatData {
    message: String,
    /// The session, as in the envelope.
    session_id: Option<SessionId>,
}

#[derive(Deserialize)]
struct PlainResize {
    cols: u16,
    rows: u16,
}

/// Longest `ping` or `echo`, in bytes of its own JSON: the reply repeats it in a frame.
const MAX_ECHO_BYTES: usize = limits::FRAME_BYTES - limits::ENVELOPE_BYTES;

/// Parses one message: JSON text of at most [`limits::FRAME_BYTES`]. `action` is an alias of `type`.
pub fn parse(body: &[u8]) -> Result<Envelope, ParseError> {
    if body.len() > limits::FRAME_BYTES {
        return Err(too_large("message", body.len(), limits::FRAME_BYTES));
    }
    let head: Head = read_json(body).map_err(|sentence| {
        // Only a whole object has fields.
        let is_object = serde_json::from_slice::<Map<String, Value>>(body).is_ok();
        if is_object { ParseError::field(sentence) } else { ParseError::message(sentence) }
    })?;
    let kind = match head.r#type.as_ref().or(head.action.as_ref()) {
        Some(Value::String(kind)) => kind.as_str(),
        Some(_) => return Err(ParseError::field("`type` must be a string")),
        None => return Err(ParseError::message("the message has no `type`")),
    };
    if kind == "chat_message" && head.seq.is_none() {
        let PlainChat { data: PlainChatData { message, session_id } } = fields(kind, body)?;
        check_chat(&message)?;
        if head.session_id.is_some() && session_id.is_some() && head.session_id != session_id {
            return Err(ParseError::field("`sessionId` and `data.sessionId` differ"));
        }
        let (connection_id, session_id) = (head.connection_id, session_id.or(head.session_id));
        return Ok(Envelope { inbound: Inbound::Plain(Plain::Chat { message }), connection_id, session_id });
    }
    let inbound = inbound(kind, head.seq.is_some(), body)?;
    Ok(Envelope { inbound, connection_id: head.connection_id, session_id: head.session_id })
}

/// The type of a message for a log line; `unknown` for any text that a client made up, and for what is no message.
pub fn logged_type(body: &[u8]) -> &'static str {
    #[derive(Deserialize)]
    struct Types {
        r#type: Option<String>,
        action: Option<String>,
    }
    let types = serde_json::from_slice(body).map(|Types { r#type, action }| r#type.or(action));
    let named = types.ok().flatten();
    ORDERED.into_iter().chain(OTHERS).find(|known| named.as_deref() == Some(known)).unwrap_or("unknown")
}

/// Types that are refused without a `seq`: they make sense only in order.
const ORDERED: [&str; 14] = [
    "input",
    "theme",
    "type_line",
    "interrupt",
    "extend",
    "close",
    "hand",
    "hand_seen",
    "ask",
    "allow",
    "take_back",
    "give_back",
    "only_me",
    "remove",
];

/// All other types.
const OTHERS: [&str; 12] = [
    "attach",
    "resize",
    "command",
    "chat_message",
    "ack",
    "follow",
    "carry",
    "wall",
    "wall_ack",
    "announce",
    "ping",
    "echo",
];

fn inbound(kind: &str, numbered: bool, body: &[u8]) -> Result<Inbound, ParseError> {
    use ClientMessage as M;
    if let Some(kind) = ORDERED.into_iter().find(|ordered| *ordered == kind && !numbered) {
        return Ok(Inbound::Plain(Plain::Unordered { kind }));
    }
    let message = match kind {
        "attach" => M::Attach(fields::<Attach>(kind, body)?),
        "ack" => M::Ack(fields(kind, body)?),
        "follow" => M::Follow(fields(kind, body)?),
        "carry" => M::Carry(fields(kind, body)?),
        "wall" => M::Wall(fields(kind, body)?),
        "wall_ack" => M::WallAck(fields(kind, body)?),
        "announce" => M::Announce(fields(kind, body)?),
        "ping" => M::Ping(fields(kind, body)?),
        "echo" => {
            // The reply does not repeat the type.
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
        "input" => M::Input(fields(kind, body)?),
        "resize" => M::Resize(fields(kind, body)?),
        "theme" => M::Theme(fields(kind, body)?),
        "command" => M::Command(fields(kind, body)?),
        "type_line" => M::TypeLine(fields(kind, body)?),
        "interrupt" => M::Interrupt(fields(kind, body)?),
        "extend" => M::Extend(fields(kind, body)?),
        "close" => M::Close(fields(kind, body)?),
        "chat_message" => M::ChatMessage(fields(kind, body)?),
        "hand" => M::Hand(fields(kind, body)?),
        "hand_seen" => M::HandSeen(fields(kind, body)?),
        "ask" => M::Ask(fields(kind, body)?),
        "allow" => M::Allow(fields(kind, body)?),
        "take_back" => M::TakeBack(fields(kind, body)?),
        "give_back" => M::GiveBack(fields(kind, body)?),
        "only_me" => M::OnlyMe(fields(kind, body)?),
        "remove" => M::Remove(fields(kind, body)?),
        other => return Ok(Inbound::Unknown { kind: other.chars().take(64).collect() }),
    };
    check(&message)?;
    Ok(Inbound::Message(message))
}

fn fields<T: DeserializeOwned>(kind: &str, body: &[u8]) -> Result<T, ParseError> {
    read_json(body).map_err(|sentence| ParseError::field(format!("`{kind}`: {sentence}")))
}

/// Checks bounds that the types do not express.
fn check(message: &ClientMessage) -> Result<(), ParseError> {
    if message.order().is_some_and(|(seq, _)| seq.0 == 0) {
        return Err(ParseError::field("`seq` starts at 1"));
    }
    match message {
        ClientMessage::Attach(Attach { cols, rows, directory, .. }) => {
            check_size(*cols, *rows)?;
            directory.as_deref().map_or(Ok(()), check_directory)
        }
        ClientMessage::Resize(Resize { cols, rows, .. }) => check_size(*cols, *rows),
        ClientMessage::Command(Command { id, command, .. }) => {
            check_id(id)?;
            check_command(command)
        }
        ClientMessage::ChatMessage(chat) => check_chat(&chat.data.message),
        ClientMessage::TypeLine(offer) => check_line(&offer.line),
        ClientMessage::Announce(announce) => announce.check(),
        ClientMessage::Wall(wall) if wall.visible.as_ref().is_some_and(|ids| ids.len() > MAX_VISIBLE) => {
            Err(ParseError::field(format!("`visible` must name at most {MAX_VISIBLE} sessions")))
        }
        ClientMessage::WallAck(ack) if ack.v > limits::MAX_NUMBER => Err(ParseError::field("`v` is out of range")),
        ClientMessage::Ping(_) | ClientMessage::Echo(_) if message.to_json().len() > MAX_ECHO_BYTES => {
            Err(too_large("message to be echoed", message.to_json().len(), MAX_ECHO_BYTES))
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

fn check_directory(directory: &str) -> Result<(), ParseError> {
    if is_directory(directory) {
        return Ok(());
    }
    Err(ParseError::field(format!(
        "`directory` must be an absolute path of at most {} bytes, without hidden characters",
        limits::DIRECTORY_BYTES
    )))
}

fn check_command(command: &str) -> Result<(), ParseError> {
    if command.len() > limits::COMMAND_BYTES {
        return Err(too_large("command", command.len(), limits::COMMAND_BYTES));
    }
    if command.trim().is_empty() {
        return Err(ParseError::field("the command is empty"));
    }
    // The command is typed into a line editor, which would interpret control characters.
    if command.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(ParseError::field("a command must not hold control characters other than newline and tab"));
    }
    Ok(())
}

fn check_chat(message: &str) -> Result<(), ParseError> {
    if message.len() > limits::CHAT_BYTES {
        return Err(too_large("chat message", message.len(), limits::CHAT_BYTES));
    }
    if message.trim().is_empty() { Err(ParseError::field("the chat message is empty")) } else { Ok(()) }
}

fn check_line(line: &str) -> Result<(), ParseError> {
    if line.len() > limits::OFFER_BYTES {
        return Err(too_large("line", line.len(), limits::OFFER_BYTES));
    }
    if line.trim().is_empty() {
        return Err(ParseError::field("the line is empty"));
    }
    // Refused and not cleaned: a person clicks on what is shown.
    if line.chars().all(is_typable) { Ok(()) } else { Err(ParseError::field("a line holds printable characters only")) }
}

impl Announce {
    /// Checks the bounds that the type does not express.
    pub fn check(&self) -> Result<(), ParseError> {
        let Self { id, text, line } = self;
        check_id(id)?;
        if text.len() > limits::ANNOUNCEMENT_BYTES {
            return Err(too_large("text", text.len(), limits::ANNOUNCEMENT_BYTES));
        }
        if text.trim().is_empty() {
            return Err(ParseError::field("the text is empty"));
        }
        let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if text.chars().any(|c| (c.is_control() && c != '\n') || turns(c)) {
            return Err(ParseError::field("a text holds no controls but line feeds"));
        }
        line.as_deref().map_or(Ok(()), check_line)
    }
}

fn check_id(id: &str) -> Result<(), ParseError> {
    if id.is_empty() || id.len() > limits::ID_BYTES {
        return Err(ParseError::field(format!("`id` must have 1 to {} bytes", limits::ID_BYTES)));
    }
    Ok(())
}

fn too_large(what: &str, bytes: usize, max: usize) -> ParseError {
    ParseError {
        code: ErrorCode::TooLarge,
        message: format!("the {what} has {bytes} bytes; at most {max} are allowed"),
    }
}
