//! Arguments of `termgate sweep`: the service writes them, the subcommand parses them.

use crate::sandbox::uid_pool::MIN_UID;
use std::ffi::OsString;
use std::path::PathBuf;

/// A step of the cleanup of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) enum CleanupTask {
    /// Kills all processes of the user. `signal_uid` sends the signal and is no session's; `lock` excludes concurrent kills.
    Kill { uid: u32, signal_uid: u32, lock: PathBuf },
    /// Removes the contents of these directories, and what the user left elsewhere. Its processes must be dead.
    Remove { uid: u32, directories: Vec<PathBuf> },
}

impl CleanupTask {
    /// The arguments, including `sweep`.
    pub(in crate::sandbox) fn arguments(&self) -> Vec<OsString> {
        let (name, uid) = match self {
            Self::Kill { uid, .. } => ("kill", uid),
            Self::Remove { uid, .. } => ("clean", uid),
        };
        let mut all: Vec<OsString> = vec!["sweep".into(), name.into(), uid.to_string().into()];
        match self {
            Self::Kill { signal_uid, lock, .. } => all.extend([signal_uid.to_string().into(), lock.clone().into()]),
            Self::Remove { directories, .. } => all.extend(directories.iter().map(|path| path.clone().into())),
        }
        all
    }

    /// Parses the arguments after `sweep`. Rejects uids of the system.
    pub(super) fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let name = arguments.next()?;
        let user = |text: OsString| text.to_str()?.parse().ok().filter(|uid| *uid >= MIN_UID);
        let uid = user(arguments.next()?)?;
        match name.to_str()? {
            "kill" => Some(Self::Kill { uid, signal_uid: user(arguments.next()?)?, lock: arguments.next()?.into() }),
            "clean" => Some(Self::Remove { uid, directories: arguments.map(PathBuf::from).collect() }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_round_trip_and_system_uids_are_rejected() {
        for task in [
            CleanupTask::Kill { uid: 20_001, signal_uid: 20_000, lock: "/l".into() },
            CleanupTask::Remove { uid: 20_001, directories: vec!["/a b".into(), "/c".into()] },
        ] {
            assert_eq!(CleanupTask::parse(task.arguments().into_iter().skip(1)), Some(task));
        }
        for bad in
            [&["kill", "0", "20000", "/l"][..], &["kill", "20000", "0", "/l"], &["clean", "999"], &["mend", "20000"]]
        {
            assert_eq!(CleanupTask::parse(bad.iter().map(OsString::from)), None, "{bad:?}");
        }
    }
}
