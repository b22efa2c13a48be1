//! Arguments of the launcher: the service writes them, the launcher parses them.

use crate::sandbox::settings::Network;
use crate::sandbox::uid_pool::MIN_UID;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// User, limits and program of a shell to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct LaunchSpec {
    /// The uid; the gid has the same number.
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
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl LaunchSpec {
    /// The arguments after `launch`.
    pub(in crate::sandbox) fn arguments(&self) -> Vec<OsString> {
        let numbers = [u64::from(self.uid), self.memory, self.disk, self.processes];
        let network = match self.network {
            Network::Shared => "shared",
            Network::None => "none",
        };
        let mut all: Vec<OsString> = numbers.iter().map(|number| number.to_string().into()).collect();
        all.extend([network.into(), self.home.clone().into(), self.program.clone()]);
        all.extend(self.arguments.iter().cloned());
        all
    }

    /// Parses the arguments after `launch`.
    pub(super) fn parse(mut arguments: impl Iterator<Item = OsString>) -> io::Result<Self> {
        let mut next = |name: &'static str| arguments.next().ok_or_else(|| bad(name));
        let number = |text: OsString| text.to_str().and_then(|text| text.parse::<u64>().ok());
        let uid = number(next("uid")?).and_then(|uid| u32::try_from(uid).ok());
        let uid = uid.filter(|uid| *uid >= MIN_UID).ok_or_else(|| bad("uid"))?;
        let memory = number(next("memory")?).ok_or_else(|| bad("memory"))?;
        let disk = number(next("disk")?).ok_or_else(|| bad("disk"))?;
        let processes = number(next("processes")?).ok_or_else(|| bad("processes"))?;
        let network = match next("network")?.to_str() {
            Some("shared") => Network::Shared,
            Some("none") => Network::None,
            _ => return Err(bad("network")),
        };
        let (home, program) = (next("home")?.into(), next("program")?);
        Ok(Self { uid, home, memory, disk, processes, network, program, arguments: arguments.collect() })
    }
}

fn bad(name: &'static str) -> io::Error {
    let text = format!("{name} is missing or invalid; this subcommand is for the service only");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_round_trip_and_system_uids_are_rejected() {
        let spec = LaunchSpec {
            uid: 20_001,
            home: "/a b".into(),
            memory: 1,
            disk: 2,
            processes: 3,
            network: Network::None,
            program: "/bin/bash".into(),
            arguments: vec!["-l".into(), "".into()],
        };
        assert_eq!(LaunchSpec::parse(spec.arguments().into_iter()).unwrap(), spec);
        for short in 0..7 {
            assert!(LaunchSpec::parse(spec.arguments().into_iter().take(short)).is_err());
        }
        let root = LaunchSpec { uid: 0, ..spec };
        assert!(LaunchSpec::parse(root.arguments().into_iter()).is_err());
        assert!(LaunchSpec::parse(["-1", "1", "1", "1", "none", "/", "sh"].map(OsString::from).into_iter()).is_err());
    }
}
