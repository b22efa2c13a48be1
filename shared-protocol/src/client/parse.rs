//! Parser of client messages, the only code that reads hostile input. An unknown type is a variant; a malformed message is an
//! error and changes nothing.

use super::check::{check, check_chat, check_command, check_id, check_size};
use super::parse_error::ParseError;
use super::{Attach, ClientMessage, Echo};
use crate::ids::{ConnectionId, SessionId};
use crate::limits;
use crate::sentence::read_json;
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

/// Parses one message: JSON text of at most [`limits::FRAME_BYTES`]. `action` is an alias of `type`.
pub fn parse(body: &[u8]) -> Result<Envelope, ParseError> {
    if body.len() > limits::FRAME_BYTES {
        return Err(ParseError::too_large("message", body.len(), limits::FRAME_BYTES));
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
const OTHERS: [&str; 17] = [
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
    "upload",
    "upload_part",
    "download",
    "download_part",
    "cancel_transfer",
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
        "upload" => M::Upload(fields(kind, body)?),
        "upload_part" => M::UploadPart(fields(kind, body)?),
        "download" => M::Download(fields(kind, body)?),
        "download_part" => M::DownloadPart(fields(kind, body)?),
        "cancel_transfer" => M::CancelTransfer(fields(kind, body)?),
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
