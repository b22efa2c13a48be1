//! Messages between the people of a session. They type nothing.

use crate::ids::{Epoch, Seq};
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
