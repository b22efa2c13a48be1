//! The peers' protocols over WebSocket: as much of each page as typing and reading needs. No I/O.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// wetty's page acknowledges output in units of this size; without that the server stops reading the shell.
const WETTY_COMMIT: usize = 262_144;

/// Columns and rows of every terminal.
const SIZE: (u16, u16) = (120, 40);

/// Framing of keys and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerProtocol {
    /// `["stdin", "…"]` and `["stdout", "…"]`.
    Terminado,
    /// Prefixed by one byte, `0` for input and output alike.
    Ttyd,
    /// socket.io events over engine.io: `42["input","…"]` and `42["data","…"]`.
    Wetty,
}

/// A decoded message of a peer.
pub(crate) enum Incoming {
    Output(Vec<u8>),
    /// Requires this reply.
    Reply(Message),
    Ignored,
}

impl PeerProtocol {
    /// Path of the WebSocket, and the required subprotocol.
    pub(crate) fn endpoint(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Terminado => ("websocket", None),
            Self::Ttyd => ("ws", Some("tty")),
            Self::Wetty => ("socket.io/?EIO=4&transport=websocket", None),
        }
    }

    /// The first message of a page.
    pub(crate) fn hello(self) -> Message {
        let (cols, rows) = SIZE;
        match self {
            Self::Terminado => Message::text(json!(["set_size", rows, cols]).to_string()),
            Self::Ttyd => Message::binary(json!({"AuthToken": "", "columns": cols, "rows": rows}).to_string()),
            Self::Wetty => Message::text("40"),
        }
    }

    pub(crate) fn keys(self, keys: &str) -> Message {
        match self {
            Self::Terminado => Message::text(json!(["stdin", keys]).to_string()),
            Self::Ttyd => Message::binary(format!("0{keys}")),
            Self::Wetty => Message::text(format!("42{}", json!(["input", keys]))),
        }
    }

    pub(crate) fn decode(self, message: &Message) -> Incoming {
        let output = |text: &Value| Incoming::Output(text.as_str().unwrap_or_default().as_bytes().to_vec());
        match (self, message) {
            (Self::Ttyd, Message::Binary(bytes)) => match bytes.split_first() {
                Some((b'0', output)) => Incoming::Output(output.to_vec()),
                _ => Incoming::Ignored,
            },
            (Self::Terminado, Message::Text(text)) => match &list(text)[..] {
                [kind, text] if kind == "stdout" => output(text),
                _ => Incoming::Ignored,
            },
            (Self::Wetty, Message::Text(text)) => match &list(text.strip_prefix("42").unwrap_or_default())[..] {
                [kind, text] if kind == "data" => output(text),
                // The shell starts after the login event.
                [kind] if kind == "login" => {
                    let (cols, rows) = SIZE;
                    Incoming::Reply(Message::text(format!("42{}", json!(["resize", {"cols": cols, "rows": rows}]))))
                }
                _ => Incoming::Ignored,
            },
            _ => Incoming::Ignored,
        }
    }

    /// The acknowledgement that is due for this much unacknowledged output.
    pub(crate) fn acknowledge(self, unacknowledged: &mut usize) -> Option<Message> {
        let due = self == Self::Wetty && *unacknowledged >= WETTY_COMMIT;
        due.then(|| {
            *unacknowledged -= WETTY_COMMIT;
            Message::text(format!("42{}", json!(["commit", WETTY_COMMIT])))
        })
    }
}

/// The items of a JSON array; none for other texts.
fn list(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_default()
}
