//! Messages to a class, and lines that are offered to be typed. None of them presses Enter.

use crate::ids::{Epoch, Loan, Seq};
#[cfg(doc)]
use crate::limits;
use serde::{Deserialize, Serialize};

/// Fields of `type_line`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct TypeLine {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// One line of printable characters, at most [`limits::OFFER_BYTES`].
    pub line: String,
    /// The loan that a borrower types under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loan: Option<Loan>,
}

/// Fields of `announce`, of an instructor over a connection without a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Announce {
    /// Id chosen by the client, returned with the answer. A session hears each id once.
    pub id: String,
    /// Plain text, at most [`limits::ANNOUNCEMENT_BYTES`].
    pub text: String,
    /// A line to offer with it, as of `type_line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}
