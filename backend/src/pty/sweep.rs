//! `termgate sweep`: what the service's binary does, as root and in a fresh process, at the end of a session. It takes on
//! the session's user, so that the kernel itself keeps it from touching anyone else's processes and files.

pub(super) mod ipc;
mod remove;

use super::descriptor::close_all_but_standard;
use super::launch::{become_user, check};
use super::processes::wait_for_user;
use super::uids::lock_file;
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, geteuid, getuid, kill_process_group};
use rustix::thread::{capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// Where anyone may leave files, in a container and on most machines.
pub(super) const SHARED_DIRECTORIES: [&str; 6] =
    ["/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/var/lock"];

/// Killed processes take a moment to die: the kernel frees their memory first.
const DEATH: Duration = Duration::from_secs(3);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// End every process of the user. `keeper` is a user that nobody is; `lock` keeps other sweeps out meanwhile.
    Kill { uid: u32, keeper: u32, lock: PathBuf },
    /// Remove what is in these directories, and whatever else the user left. Its processes are dead.
    Clean { uid: u32, directories: Vec<PathBuf> },
}

impl Task {
    /// The arguments, `sweep` included.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let (word, uid) = match self {
            Self::Kill { uid, .. } => ("kill", uid),
            Self::Clean { uid, .. } => ("clean", uid),
        };
        let mut all: Vec<OsString> = vec!["sweep".into(), word.into(), uid.to_string().into()];
        match self {
            Self::Kill { keeper, lock, .. } => all.extend([keeper.to_string().into(), lock.clone().into()]),
            Self::Clean { directories, .. } => all.extend(directories.iter().map(|path| path.clone().into())),
        }
        all
    }

    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let word = arguments.next()?;
        // Never root, and never those who run a machine's services.
        let user = |text: OsString| text.to_str()?.parse().ok().filter(|uid| *uid >= LEAST_UID);
        let uid = user(arguments.next()?)?;
        match word.to_str()? {
            "kill" => Some(Self::Kill { uid, keeper: user(arguments.next()?)?, lock: arguments.next()?.into() }),
            "clean" => Some(Self::Clean { uid, directories: arguments.map(PathBuf::from).collect() }),
            _ => None,
        }
    }
}

/// Smallest uid of a session: below are the accounts of systems.
pub(super) const LEAST_UID: u32 = 1000;

/// Does it; the arguments are those after `sweep`.
#[expect(clippy::print_stderr, reason = "the service reads it and logs it")]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let done = match Task::parse(arguments) {
        None => Err(io::Error::other("the service calls this, not people")),
        Some(Task::Kill { uid, keeper, lock }) => kill(uid, keeper, &lock),
        Some(Task::Clean { uid, directories }) => clean(uid, &directories),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sweep: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Ends every process of a user at once: `kill(-1)` holds off every fork until all have the signal.
///
/// Whoever signals must not be signalled back: a process of the user could kill this one first, in a loop. The kernel lets
/// it when its user is the *real* or *saved* one of its victim; and lets this one signal by its *effective* user, or by its
/// real one. So the effective user is the session's, the saved one root, and the real one a user that nobody is.
fn kill(uid: u32, keeper: u32, lock: &Path) -> io::Result<()> {
    close_all_but_standard()?;
    if uid == keeper {
        return Err(io::Error::other("the user that nobody is must be nobody"));
    }
    // Others who sweep have the same real user.
    let lock = lock_file(lock)?;
    lock.lock()?;
    let [uid_only, keeper_only] = [uid, keeper].map(Uid::from_raw);
    let group = Gid::from_raw(uid);
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(keeper_only, uid_only, Uid::ROOT)?;
    // With root's powers the signal would go to everyone there is.
    if geteuid() != uid_only || getuid() != keeper_only || !capabilities(None)?.effective.is_empty() {
        return Err(io::Error::other("root was not given up"));
    }
    match kill_process_group(Pid::INIT, Signal::KILL) {
        // From here on nothing of the user's runs any more.
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => return Err(error.into()),
    }
    set_thread_res_uid(None, Uid::ROOT, None)?;
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)?;
    drop(lock);
    match wait_for_user(uid, Instant::now() + DEATH) {
        0 => Ok(()),
        left => Err(io::Error::other(format!("{left} killed processes are still there"))),
    }
}

fn clean(uid: u32, directories: &[PathBuf]) -> io::Result<()> {
    close_all_but_standard()?;
    become_user(uid).map_err(io::Error::other)?;
    check(uid)?;
    let mut worst = Ok(());
    for directory in directories {
        worst = worst.and(remove::everything_in(directory));
    }
    for shared in SHARED_DIRECTORIES {
        worst = worst.and(remove::everything_of(uid, Path::new(shared)));
    }
    worst.and(ipc::remove_all_of(uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nobody_important_is_swept() {
        for task in [
            Task::Kill { uid: 20_001, keeper: 20_000, lock: "/l".into() },
            Task::Clean { uid: 20_001, directories: vec!["/a b".into(), "/c".into()] },
        ] {
            assert_eq!(Task::parse(task.arguments().into_iter().skip(1)), Some(task));
        }
        for bad in
            [&["kill", "0", "20000", "/l"][..], &["kill", "20000", "0", "/l"], &["clean", "999"], &["mend", "20000"]]
        {
            assert_eq!(Task::parse(bad.iter().map(OsString::from)), None, "{bad:?}");
        }
    }
}
