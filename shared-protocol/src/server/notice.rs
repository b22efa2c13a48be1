//! An instructor's message to a class, as its sessions and its sender hear of it.

use serde::{Deserialize, Serialize};

/// Fields of the event `notice`: text of another person, to show as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Notice {
    /// Id of the message. A page shows each once.
    pub id: String,
    /// Name of the sender, one line.
    pub from: String,
    /// Plain text; only line feeds among the controls.
    pub text: String,
    /// A line that is offered to be typed: printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Time of the message, in ms since 1970.
    pub at: u64,
}

/// Fields of `announced`: the answer to `announce`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Announced {
    /// Id of the message.
    pub id: String,
    /// Number of sessions that show it, or did before.
    pub reached: u32,
    /// Number of the group's other sessions: without a shell, or out of reach.
    pub missed: u32,
}
