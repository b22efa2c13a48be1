//! What happens in a session besides output: each event stands at its place in the stream, between the bytes before and
//! after it.

use crate::error::{EndReason, ErrorCode};
use crate::ids::{ClientId, Epoch, Pos};
#[cfg(doc)]
use crate::limits;
use serde::{Deserialize, Serialize};

/// Fields of `event`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Event {
    /// The life of the shell.
    pub epoch: Epoch,
    /// Its place; it occupies one position.
    pub pos: Pos,
    /// What happened.
    #[serde(flatten)]
    pub event: StreamEvent,
}

/// What happened, as part of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum StreamEvent {
    /// The terminal has a new size from here on.
    Size {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// The shell is over; nothing follows in this epoch.
    Exit {
        /// Exit code as a shell reports it: 128 + n for signal n.
        exit_code: i32,
        /// Name of the signal that ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        signal: Option<String>,
        /// Why the session ended.
        reason: EndReason,
    },
    /// A `command` is done.
    CommandResult {
        /// The client's id of it.
        id: String,
        /// What it printed, with `\n` line ends.
        result: String,
        /// Whether the result was cut at [`limits::RESULT_BYTES`].
        truncated: bool,
        /// Its exit code.
        exit_code: i32,
    },
    /// Input is treated otherwise from here on.
    Tty(Tty),
    /// The program set the window title.
    Title {
        /// Plain text.
        title: String,
    },
    /// Someone said something.
    Chat {
        /// Who, as their token's `sub`.
        from: String,
        /// Plain text.
        message: String,
    },
    /// Who controls the terminal's size now.
    Controller {
        /// The client.
        client: ClientId,
        /// Its user.
        user: String,
    },
    /// The session will end. The latest of a reason counts for that reason, until its [`Self::Stays`].
    Closing {
        /// The code for programs: [`EndReason::code`].
        code: ErrorCode,
        /// Why.
        reason: EndReason,
        /// When, in ms since 1970.
        #[cfg_attr(feature = "typescript", ts(type = "number"))]
        at: u64,
    },
    /// The session's longest life has another end than was said before.
    Ends {
        /// When, in ms since 1970.
        #[cfg_attr(feature = "typescript", ts(type = "number"))]
        at: u64,
        /// Whether `extend` can move it further.
        can_extend: bool,
    },
    /// What `closing` said for this reason is taken back: somebody typed, or a fresh token came.
    Stays {
        /// The reason that `closing` gave.
        reason: EndReason,
    },
    /// The shell was started anew; what ran in it is gone.
    Restarted {
        /// Why.
        reason: EndReason,
    },
}

/// How the terminal treats input: read from the PTY itself, so known and not guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Tty {
    /// Input is echoed.
    pub echo: bool,
    /// Input is edited by line. With `echo` off, that is a password prompt.
    pub canonical: bool,
}
