//! `termgate launch`: a subcommand of the service's binary that runs as root in a fresh process on a new terminal. It gives up
//! every privilege, verifies that with the kernel, and becomes the shell. Review it line by line: a session can use every
//! privilege that a step leaves.

pub(super) mod privileges;
pub(super) mod seccomp;

use super::subcommand::parse_argument;
use super::uid_pool::deserialize_uid;
use super::{Context, Network, SandboxSettings};
use crate::terminal::sys::close_all_but_standard;
use rustix::fs::{Gid, Mode, Uid, fchmod, fchown};
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit, umask};
use rustix::termios::isatty;
use rustix::thread::set_no_new_privs;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

const MAX_FILES: u64 = 1024;

const MAX_LOCKED_BYTES: u64 = 64 * 1024;

/// Niceness of sessions, so that the service gets the processor first.
const NICENESS: i32 = 10;

/// OOM score of sessions, so that the kernel kills them before the service; 1000 is the maximum.
pub(super) const OOM_SCORE: i32 = 900;

/// Exit code of shells for a program that was found but could not start.
const CANNOT_START: u8 = 126;

/// Exit code of bash in a script that can start no process; of the launcher on pipes, too.
pub(super) const NO_PROCESS: u8 = 254;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LaunchSpec {
    /// The uid; the gid has the same number.
    #[serde(deserialize_with = "deserialize_uid")]
    pub uid: u32,
    /// Working directory.
    pub directory: PathBuf,
    /// Working directory in place of that one, where the user may enter it.
    #[serde(default)]
    pub asked_directory: Option<PathBuf>,
    pub memory: u64,
    /// Largest file, in bytes.
    pub disk: u64,
    pub processes: u64,
    pub network: Network,
    /// True for a program on pipes, without a terminal.
    #[serde(default)]
    pub piped: bool,
    pub command: Vec<String>,
}

impl LaunchSpec {
    /// A program on a terminal, with the quotas and the network of all sessions.
    pub(super) fn new(settings: &SandboxSettings, uid: u32, directory: PathBuf, command: &[&str]) -> Self {
        Self {
            uid,
            directory,
            asked_directory: None,
            memory: settings.memory,
            disk: settings.disk,
            processes: settings.processes,
            network: settings.network,
            piped: false,
            command: command.iter().map(|part| (*part).to_owned()).collect(),
        }
    }
}

/// Becomes the shell; returns only on failure. `arguments` are those after `launch`.
#[expect(clippy::print_stderr, reason = "standard error is the terminal, where the service reads the error")]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let spec = parse_argument::<LaunchSpec>(arguments).context("the argument");
    let (end, code) = match &spec {
        Ok(spec) if spec.piped => ("", NO_PROCESS),
        _ => ("\r", CANNOT_START),
    };
    let Err(error) = spec.and_then(|spec| launch(&spec));
    eprintln!("termgate: the shell cannot be started: {error}{end}");
    ExitCode::from(code)
}

/// Gives up every privilege, which the caller verifies. `as_user` runs as the user, before Landlock keeps this process from those
/// of the session.
pub(super) fn become_session<T>(spec: &LaunchSpec, as_user: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    close_all_but_standard().context("closing descriptors")?;
    umask(Mode::RWXG | Mode::RWXO);
    if !spec.piped {
        own_terminal(spec.uid).context("handing over the terminal")?;
    }
    set_limits(spec).context("setting limits")?;
    std::fs::write("/proc/self/oom_score_adj", OOM_SCORE.to_string()).context("lowering the priority")?;
    nice(NICENESS).context("lowering the priority")?;
    privileges::become_user(spec.uid)?;
    set_no_new_privs(true).context("setting no_new_privs")?;
    let done = as_user()?;
    seccomp::restrict_by_landlock().context("Landlock")?;
    seccomp::filter_system_calls(spec.network).context("filtering system calls")?;
    Ok(done)
}

fn launch(spec: &LaunchSpec) -> io::Result<Infallible> {
    become_session(spec, || Ok(()))?;
    privileges::check(spec.uid).context("verifying that root is gone")?;
    // As the user: what is asked for leads to no place that a shell of the session could not go to by itself.
    let enter = |directory| std::env::set_current_dir(directory);
    if spec.asked_directory.as_ref().is_none_or(|directory| enter(directory).is_err()) {
        enter(&spec.directory).context("entering the working directory")?;
    }
    let (program, arguments) = spec.command.split_first().ok_or(io::ErrorKind::InvalidInput).context("the command")?;
    // Returns only on failure. Restores the default action of SIGPIPE, which the Rust runtime changed.
    Err(Command::new(program).args(arguments).exec()).context(program)
}

/// Gives the terminal to the user, and access to no other user.
fn own_terminal(uid: u32) -> io::Result<()> {
    let terminal = io::stdin();
    if !isatty(&terminal) {
        return Err(io::Error::other("standard input is not a terminal"));
    }
    fchown(&terminal, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))?;
    fchmod(&terminal, Mode::RUSR | Mode::WUSR)?;
    Ok(())
}

fn set_limits(spec: &LaunchSpec) -> io::Result<()> {
    for (resource, limit) in [
        // Counted by uid, so it limits the session.
        (Resource::Nproc, spec.processes),
        (Resource::Nofile, MAX_FILES),
        (Resource::Fsize, spec.disk),
        // Data, not address space, of which runtimes reserve much more than they use. Doubled, because data too is reserved
        // before it is used; the usage monitor enforces the quota itself.
        (Resource::Data, spec.memory.saturating_mul(2)),
        (Resource::Memlock, MAX_LOCKED_BYTES),
        (Resource::Core, 0),
        // POSIX message queues would outlive the session, invisible in any file system.
        (Resource::Msgqueue, 0),
        (Resource::Rtprio, 0),
    ] {
        // The container's own limit may be lower.
        let limit = getrlimit(resource).maximum.map_or(limit, |maximum| maximum.min(limit));
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_round_trips_and_system_uids_are_rejected() {
        let spec = LaunchSpec {
            uid: 20_001,
            directory: "/a b".into(),
            asked_directory: Some("/c".into()),
            memory: 1,
            disk: 2,
            processes: 3,
            network: Network::None,
            piped: true,
            command: vec!["/bin/bash".into(), "-l".into(), "".into()],
        };
        let parse = |argument: String| parse_argument::<LaunchSpec>(std::iter::once(argument.into()));
        let argument = serde_json::to_string(&spec).unwrap();
        assert_eq!(parse(argument.clone()).unwrap(), spec);
        for (good, bad) in [("20001", "0"), ("20001", "-1"), ("20001", "999"), ("\"memory\":1,", ""), ("none", "some")]
        {
            assert!(argument.contains(good));
            assert!(parse(argument.replace(good, bad)).is_err(), "{bad}");
        }
    }
}
