//! The argument of the launcher.

use crate::sandbox::settings::Network;
use crate::sandbox::uid_pool::deserialize_uid;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// User, limits and command of a shell to launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct LaunchSpec {
    /// The uid; the gid has the same number.
    #[serde(deserialize_with = "deserialize_uid")]
    pub uid: u32,
    /// Working directory.
    pub home: PathBuf,
    /// Memory, in bytes.
    pub memory: u64,
    /// Largest file, in bytes.
    pub disk: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Network access.
    pub network: Network,
    /// The program and its arguments.
    pub command: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::subcommand::{format_argument, parse_argument};

    #[test]
    fn the_argument_round_trips_and_system_uids_are_rejected() {
        let spec = LaunchSpec {
            uid: 20_001,
            home: "/a b".into(),
            memory: 1,
            disk: 2,
            processes: 3,
            network: Network::None,
            command: vec!["/bin/bash".into(), "-l".into(), "".into()],
        };
        let parse = |argument: String| parse_argument::<LaunchSpec>(std::iter::once(argument.into()));
        let argument = format_argument(&spec).unwrap();
        assert_eq!(parse(argument.clone()).unwrap(), spec);
        for (good, bad) in [("20001", "0"), ("20001", "-1"), ("20001", "999"), ("\"memory\":1,", ""), ("none", "some")]
        {
            assert!(argument.contains(good));
            assert!(parse(argument.replace(good, bad)).is_err(), "{bad}");
        }
    }
}
