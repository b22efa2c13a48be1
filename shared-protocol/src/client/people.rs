//! Messages between the people of a session. They type nothing, but some say who may.

use crate::ids::{Epoch, Seq, Who};
use serde::{Deserialize, Serialize};

/// Fields of a message that says nothing but its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Ordered {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
}

/// Fields of `hand`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Hand {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// True to raise it, false to lower it.
    pub up: bool,
}

/// Fields of `allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Allow {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// The person who asked.
    pub who: Who,
    /// How long the keyboard is lent.
    #[serde(rename = "for")]
    pub duration: LoanDuration,
}

/// Fields of `remove`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Remove {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// The person.
    pub who: Who,
}

/// How long a keyboard is lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum LoanDuration {
    /// Until the borrower has typed nothing for ten minutes.
    Now,
    /// Until it is taken or given back.
    Kept,
}

/// Fields of `only_me`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct OnlyMe {
    /// Number of the message.
    pub seq: Seq,
    /// Epoch of the shell that the message is for.
    pub epoch: Epoch,
    /// True to hold back everyone else.
    pub on: bool,
}
