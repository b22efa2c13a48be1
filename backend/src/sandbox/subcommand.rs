//! Subcommands of the service's own binary, for work in a process with other privileges. Each takes one argument: JSON.

use crate::terminal::procfs::wait_for_end;
use crate::terminal::reaper::TrackedChild;
use rustix::process::{PidfdFlags, pidfd_open};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// Longest error message of a subcommand that is read, in bytes.
pub(super) const MAX_ERROR_BYTES: u64 = 1000;

pub(super) fn parse_argument<T: DeserializeOwned>(mut arguments: impl Iterator<Item = OsString>) -> io::Result<T> {
    let argument = arguments.next().and_then(|argument| argument.into_string().ok());
    let argument = argument.ok_or_else(|| io::Error::other("only the service itself calls this subcommand"))?;
    Ok(serde_json::from_str(&argument)?)
}

/// The command of a subcommand, without an environment.
pub(super) fn command(program: &Path, name: &str, argument: &impl Serialize) -> io::Result<Command> {
    let mut command = Command::new(program);
    command.args([name, &serde_json::to_string(argument)?]).env_clear().current_dir("/");
    Ok(command)
}

/// Starts a subcommand, which the reaper leaves alone.
pub(super) fn start(command: &mut Command) -> io::Result<(Child, TrackedChild)> {
    TrackedChild::spawn(|| {
        let child = command.spawn()?;
        let id = child.id();
        Ok((child, Some(id)))
    })
}

/// Waits for a subcommand, and kills it at the deadline. Blocks.
pub(super) fn wait(child: &mut Child, tracked: &TrackedChild, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    let pidfd = pidfd_open(tracked.pid(), PidfdFlags::empty())?;
    let ended = wait_for_end(&pidfd, deadline);
    if !ended {
        child.kill()?;
    }
    let status = child.wait()?;
    Ok(ended.then_some(status))
}

/// The subcommand's standard error, at most [`MAX_ERROR_BYTES`].
pub(super) fn error_text(child: &mut Child) -> io::Result<String> {
    let mut message = String::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(MAX_ERROR_BYTES).read_to_string(&mut message)?;
    }
    Ok(message.trim().to_owned())
}

/// Runs a subcommand and kills it at the timeout. Its standard error becomes the error. Blocks.
pub(super) fn run(program: &Path, name: &str, argument: &impl Serialize, timeout: Duration) -> io::Result<()> {
    let mut command = command(program, name, argument)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let (mut child, tracked) = start(&mut command)?;
    match wait(&mut child, &tracked, Instant::now() + timeout)? {
        None => Err(io::Error::new(io::ErrorKind::TimedOut, format!("not done within {timeout:?}"))),
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(io::Error::other(format!("{status}: {}", error_text(&mut child)?))),
    }
}
