//! How each peer speaks over its WebSocket: as much of its own page as it takes to type and to read. No I/O, so that what is sent when
//! is decided in one place.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// wetty's page tells of every so many characters that it has shown, or the server stops reading the shell.
const WETTY_COMMIT: usize = 262_144;

/// Size of every terminal.
const SIZE: (u16, u16) = (120, 40);

/// How a peer wraps keys and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `["stdin", "…"]` and `["stdout", "…"]`.
    Terminado,
    /// A byte, `0` for input and output alike, before them.
    Ttyd,
    /// Events of socket.io over engine.io: `42["input","…"]` and `42["data","…"]`.
    Wetty,
}

/// What a message of a peer is to its page.
pub(crate) enum Heard {
    /// Of the terminal.
    Output(Vec<u8>),
    /// To be answered with this.
    Question(Message),
    /// Of no interest here.
    Nothing,
}

impl Dialect {
    /// Where its terminals are, and the subprotocol that it wants to hear.
    pub(crate) fn place(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Terminado => ("websocket", None),
            Self::Ttyd => ("ws", Some("tty")),
            Self::Wetty => ("socket.io/?EIO=4&transport=websocket", None),
        }
    }

    /// What a page says first.
    pub(crate) fn hello(self) -> Message {
        let (cols, rows) = SIZE;
        match self {
            Self::Terminado => Message::text(json!(["set_size", rows, cols]).to_string()),
            Self::Ttyd => Message::binary(json!({"AuthToken": "", "columns": cols, "rows": rows}).to_string()),
            Self::Wetty => Message::text("40"),
        }
    }

    /// What is typed.
    pub(crate) fn keys(self, keys: &str) -> Message {
        match self {
            Self::Terminado => Message::text(json!(["stdin", keys]).to_string()),
            Self::Ttyd => Message::binary(format!("0{keys}")),
            Self::Wetty => Message::text(format!("42{}", json!(["input", keys]))),
        }
    }

    /// What the peer means.
    pub(crate) fn hear(self, message: &Message) -> Heard {
        let output = |text: &Value| Heard::Output(text.as_str().unwrap_or_default().as_bytes().to_vec());
        match (self, message) {
            (Self::Ttyd, Message::Binary(bytes)) => match bytes.split_first() {
                Some((b'0', output)) => Heard::Output(output.to_vec()),
                _ => Heard::Nothing,
            },
            (Self::Terminado, Message::Text(text)) => match &list(text)[..] {
                [kind, text] if kind == "stdout" => output(text),
                _ => Heard::Nothing,
            },
            (Self::Wetty, Message::Text(text)) => match &list(text.strip_prefix("42").unwrap_or_default())[..] {
                [kind, text] if kind == "data" => output(text),
                // There is a shell now, and not before.
                [kind] if kind == "login" => {
                    let (cols, rows) = SIZE;
                    Heard::Question(Message::text(format!("42{}", json!(["resize", {"cols": cols, "rows": rows}]))))
                }
                _ => Heard::Nothing,
            },
            _ => Heard::Nothing,
        }
    }

    /// What a page says about so much that it has shown and not yet told of.
    pub(crate) fn acknowledge(self, shown: &mut usize) -> Option<Message> {
        let due = self == Self::Wetty && *shown >= WETTY_COMMIT;
        due.then(|| {
            *shown -= WETTY_COMMIT;
            Message::text(format!("42{}", json!(["commit", WETTY_COMMIT])))
        })
    }
}

/// What a text in JSON lists; nothing if it is something else.
fn list(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_default()
}
