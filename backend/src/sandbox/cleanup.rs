//! `termgate sweep`: a subcommand of the service's binary that ends a session's processes and removes its files. It runs in a
//! fresh process and becomes the session's user, so the kernel itself protects the processes and files of all others.

pub(super) mod ipc;
pub(super) mod orphans;
mod remove;

use super::launch::privileges;
use super::subcommand::parse_argument;
use super::uid_pool::{deserialize_uid, lock_file};
use crate::terminal::procfs::wait_for_user;
use crate::terminal::sys::close_all_but_standard;
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, geteuid, getuid, kill_process_group};
use rustix::thread::{capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// Time for killed processes to exit: the kernel frees their memory first.
const EXIT_TIMEOUT: Duration = Duration::from_secs(3);

/// A step of the cleanup of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CleanupTask {
    /// Kills all processes of the user. `signal_uid` sends the signal and is no session's; `lock` excludes concurrent kills.
    Kill {
        #[serde(deserialize_with = "deserialize_uid")]
        uid: u32,
        #[serde(deserialize_with = "deserialize_uid")]
        signal_uid: u32,
        lock: PathBuf,
    },
    /// Removes the contents of `directories`, and the user's files in `shared` ones. The user's processes must be dead.
    Remove {
        #[serde(deserialize_with = "deserialize_uid")]
        uid: u32,
        directories: Vec<PathBuf>,
        shared: Vec<PathBuf>,
    },
}

/// Runs a task. `arguments` are those after `sweep`.
#[expect(clippy::print_stderr, reason = "the service reads it and logs it")]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let done = parse_argument(arguments).and_then(|task| match task {
        CleanupTask::Kill { uid, signal_uid, lock } => kill(uid, signal_uid, &lock),
        CleanupTask::Remove { uid, directories, shared } => remove(uid, &directories, &shared),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sweep: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Kills all processes of a user, and waits for their end.
fn kill(uid: u32, signal_uid: u32, lock: &Path) -> io::Result<()> {
    close_all_but_standard()?;
    kill_all(uid, signal_uid, lock)?;
    match wait_for_user(uid, Instant::now() + EXIT_TIMEOUT) {
        0 => Ok(()),
        left => Err(io::Error::other(format!("{left} killed processes still exist"))),
    }
}

/// Kills all processes of a user at once: `kill(-1)` blocks forks until every process has the signal.
///
/// The user's processes must not be able to kill this one first. The kernel permits a signal if the sender's real or effective
/// uid equals the *real* or *saved* uid of the target. So the effective uid is the session's, which permits the kill; the saved
/// uid is root's and the real uid is `signal_uid`, which no session has.
pub(super) fn kill_all(uid: u32, signal_uid: u32, lock: &Path) -> io::Result<()> {
    if uid == signal_uid {
        return Err(io::Error::other("the uid of a session must not send the signal"));
    }
    // Concurrent cleanups have the same real uid and would kill each other.
    let lock = lock_file(lock)?;
    lock.lock()?;
    let [user, signal_user] = [uid, signal_uid].map(Uid::from_raw);
    let group = Gid::from_raw(uid);
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(signal_user, user, Uid::ROOT)?;
    // With CAP_KILL the signal would reach every process of the machine.
    if geteuid() != user || getuid() != signal_user || !capabilities(None)?.effective.is_empty() {
        return Err(io::Error::other("the process is still root"));
    }
    match kill_process_group(Pid::INIT, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => return Err(error.into()),
    }
    set_thread_res_uid(None, Uid::ROOT, None)?;
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)?;
    Ok(())
}

/// Removes everything that a user left. Returns the first error, after trying everything.
fn remove(uid: u32, directories: &[PathBuf], shared: &[PathBuf]) -> io::Result<()> {
    close_all_but_standard()?;
    privileges::become_user(uid)?;
    privileges::check(uid)?;
    let mut result = Ok(());
    for directory in directories {
        result = result.and(remove::contents_of(directory));
    }
    for directory in shared {
        result = result.and(remove::files_of(uid, directory));
    }
    result.and(ipc::remove_all_of(uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_round_trips_and_system_uids_are_rejected() {
        let parse = |argument: String| parse_argument::<CleanupTask>(std::iter::once(argument.into()));
        for task in [
            CleanupTask::Kill { uid: 20_001, signal_uid: 20_000, lock: "/l".into() },
            CleanupTask::Remove { uid: 20_001, directories: vec!["/a b".into()], shared: vec!["/c".into()] },
        ] {
            let argument = serde_json::to_string(&task).unwrap();
            assert_eq!(parse(argument.clone()).unwrap(), task);
            assert!(parse(argument.replace("20001", "0")).is_err() && parse(argument.replace("20001", "999")).is_err());
            assert!(parse(argument.replace("remove", "mend").replace("20000", "0")).is_err());
        }
    }
}
