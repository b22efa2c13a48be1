//! A command as the store keeps it, and as `GET /api/sessions/{id}/commands` tells of it.

use serde::{Deserialize, Serialize};
use shared_protocol::Epoch;
use shared_protocol::server::ShellCommand;
use std::str::FromStr;

/// Commands that are kept of one session; the latest stay.
pub const MAX_COMMANDS: usize = 1000;

/// A command; in the store, one that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// Epoch of its shell.
    pub epoch: Epoch,
    /// The command.
    #[serde(flatten)]
    pub command: ShellCommand,
}

impl CommandRecord {
    /// Its place.
    pub fn place(&self) -> CommandPlace {
        CommandPlace { epoch: self.epoch.0, number: self.command.number }
    }
}

/// Place of a command among those of its session: `epoch-number`. Later commands have greater ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, derive_more::Display)]
#[display("{epoch}-{number}")]
pub struct CommandPlace {
    /// Epoch of the shell.
    pub epoch: u64,
    /// Number of the command there.
    pub number: u32,
}

impl CommandPlace {
    /// The place behind this one.
    pub(super) fn next(self) -> Self {
        match self.number.checked_add(1) {
            Some(number) => Self { number, ..self },
            None => Self { epoch: self.epoch.saturating_add(1), number: 0 },
        }
    }
}

impl FromStr for CommandPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = text
            .split_once('-')
            .and_then(|(epoch, number)| Some(Self { epoch: epoch.parse().ok()?, number: number.parse().ok()? }));
        place.ok_or("a command's place is its epoch and its number, as `1763640000123-7`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_in_order() {
        let place = CommandPlace { epoch: 5, number: u32::MAX };
        assert_eq!(place.to_string().parse(), Ok(place));
        assert!(place.next() > place && CommandPlace { number: 7, ..place }.next().number == 8);
        for text in ["", "5", "5-", "-7", "5-x", "5-4294967296", "5-7-8"] {
            text.parse::<CommandPlace>().unwrap_err();
        }
    }
}
