//! Commands that people run at the shell's prompt, as the shell itself tells of them.

use crate::ids::Who;
#[cfg(doc)]
use crate::limits;
use serde::{Deserialize, Serialize};

/// Fields of the event `command`: said when a command begins, and again, shorter, when it has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct ShellCommand {
    /// Number of the command in its epoch, from 1.
    pub number: u32,
    /// The command line, at most [`limits::COMMAND_BYTES`]: text to show as text. Absent where it is hidden, for guests, and in
    /// the event of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// True if the shell does not tell the line: it begins with a space, or the shell keeps no history.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub hidden: bool,
    /// Working directory at the begin, at most [`limits::DIRECTORY_BYTES`]. Absent in the event of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Those who gave input between the prompt and the begin. Absent in the event of the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<Typist>>"))]
    pub by: Vec<Typist>,
    /// Time of the begin, in ms since 1970.
    pub began: u64,
    /// Time of the end, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<u64>,
    /// Exit code, once it has ended; absent where the shell did not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

impl ShellCommand {
    /// The command as guests hear of it.
    #[must_use]
    pub fn without_line(&self) -> Self {
        Self { line: None, ..self.clone() }
    }

    /// The command as the event of its end has it.
    #[must_use]
    pub fn end(&self) -> Self {
        Self { line: None, directory: None, by: Vec::new(), ..self.clone() }
    }
}

/// A person who typed at a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Typist {
    /// Number of the person in the command's epoch; absent for one who never attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// Name for other people: text, never markup.
    pub name: String,
}
