//! Events of a session's stream. Each has a position between the bytes before and after it.

use crate::error::{EndReason, ErrorCode};
use crate::ids::{Epoch, Pos, Who};
#[cfg(doc)]
use crate::limits;
use crate::server::command::ShellCommand;
use crate::server::notice::Notice;
use crate::server::people::{Control, Person, RaisedHand, Recording};
use serde::{Deserialize, Serialize};

/// Fields of `event`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Event {
    /// Epoch of the shell.
    pub epoch: Epoch,
    /// Position of the event; it takes one.
    pub pos: Pos,
    /// The event.
    #[serde(flatten)]
    pub event: StreamEvent,
}

/// An event of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum StreamEvent {
    /// The terminal has a new size.
    Size {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// The shell has exited; the last event of an epoch.
    Exit {
        /// Exit code; 128 + n for signal n.
        exit_code: i32,
        /// Name of the signal that killed the shell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<String>,
        /// Why the session ended.
        reason: EndReason,
    },
    /// A `command` is done.
    CommandResult {
        /// The client's id of the command.
        id: String,
        /// Output with `\n` line ends.
        result: String,
        /// True if the result was cut at [`limits::RESULT_BYTES`].
        truncated: bool,
        /// Exit code.
        exit_code: i32,
    },
    /// A command begins or has ended at the shell's prompt. Said once a page that wants it has attached.
    Command(ShellCommand),
    /// The terminal has a new input mode.
    Tty(Tty),
    /// The program set the window title.
    Title {
        /// Plain text.
        title: String,
    },
    /// The shell has another working directory.
    Directory {
        /// Absolute, at most [`limits::DIRECTORY_BYTES`], with no character that is hidden; absent where it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        directory: Option<String>,
    },
    /// A chat message.
    Chat {
        /// `sub` of the sender's token.
        from: String,
        /// Name of the sender for other people, if the token has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        name: Option<String>,
        /// Plain text.
        message: String,
    },
    /// A message of an instructor to the class.
    Notice(Notice),
    /// Another person types. The terminal has the size of their window, unless they type on a loan.
    Controller {
        /// The client, as in its own `attached`: never its id, which is a secret of its page.
        who: Who,
        /// `sub` of the client's token.
        user: String,
    },
    /// A person has attached, or sees the session on a wall. Not said to a person who is alone.
    Joined(Person),
    /// A person has left: the last connection of their page, or their wall, ended a minute ago.
    Left {
        /// The person.
        who: Who,
    },
    /// The owner's hand was raised, lowered or seen.
    Hand(RaisedHand),
    /// Another person may type, or none but the owner.
    Control(Control),
    /// The recording has begun or ended.
    Recording(Recording),
    /// The session will end. A later one with the same reason replaces it; [`Self::Stays`] cancels it.
    Closing {
        /// [`EndReason::code`] of the reason.
        code: ErrorCode,
        /// Reason of the end.
        reason: EndReason,
        /// Time of the end, in ms since 1970.
        at: u64,
    },
    /// The end of the session's lifetime has moved.
    Ends {
        /// Time of the end, in ms since 1970.
        at: u64,
        /// True if `extend` can move it further.
        can_extend: bool,
    },
    /// Cancels the `closing` of this reason, after input or a fresh token.
    Stays {
        /// Reason of the `closing`.
        reason: EndReason,
    },
    /// The shell was restarted; its processes are gone.
    Restarted {
        /// Why the last shell ended.
        reason: EndReason,
    },
}

/// Input mode of the terminal, read from the PTY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Tty {
    /// Input is echoed.
    pub echo: bool,
    /// Input is edited by line. With `echo` off, this is a password prompt.
    pub canonical: bool,
}
