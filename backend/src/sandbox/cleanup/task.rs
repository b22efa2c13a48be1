//! The argument of `termgate sweep`.

use crate::sandbox::uid_pool::deserialize_uid;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A step of the cleanup of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum CleanupTask {
    /// Kills all processes of the user. `signal_uid` sends the signal and is no session's; `lock` excludes concurrent kills.
    Kill {
        #[serde(deserialize_with = "deserialize_uid")]
        uid: u32,
        #[serde(deserialize_with = "deserialize_uid")]
        signal_uid: u32,
        lock: PathBuf,
    },
    /// Removes the contents of these directories, and what the user left elsewhere. Its processes must be dead.
    Remove {
        #[serde(deserialize_with = "deserialize_uid")]
        uid: u32,
        directories: Vec<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::subcommand::{format_argument, parse_argument};

    #[test]
    fn the_argument_round_trips_and_system_uids_are_rejected() {
        let parse = |argument: String| parse_argument::<CleanupTask>(std::iter::once(argument.into()));
        for task in [
            CleanupTask::Kill { uid: 20_001, signal_uid: 20_000, lock: "/l".into() },
            CleanupTask::Remove { uid: 20_001, directories: vec!["/a b".into(), "/c".into()] },
        ] {
            let argument = format_argument(&task).unwrap();
            assert_eq!(parse(argument.clone()).unwrap(), task);
            assert!(parse(argument.replace("20001", "0")).is_err() && parse(argument.replace("20001", "999")).is_err());
            assert!(parse(argument.replace("remove", "mend").replace("20000", "0")).is_err());
        }
    }
}
