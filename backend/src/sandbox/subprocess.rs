//! Runs a subcommand of the service's own binary and waits for it.

use crate::terminal::procfs::wait_for_end;
use crate::terminal::reaper::TrackedChild;
use rustix::process::{PidfdFlags, pidfd_open};
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// Longest error message that is read, in bytes.
const MAX_ERROR_BYTES: u64 = 1000;

/// Blocks until the subcommand ended; kills it at the timeout. Its standard error becomes the error.
pub(super) fn run(program: &Path, arguments: &[OsString], timeout: Duration) -> io::Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let (mut child, tracked) = TrackedChild::spawn(|| {
        let child = command.spawn()?;
        let id = child.id();
        Ok((child, Some(id)))
    })?;
    let pidfd = pidfd_open(tracked.pid(), PidfdFlags::empty())?;
    let ended = wait_for_end(&pidfd, Instant::now() + timeout);
    if !ended {
        child.kill()?;
    }
    let status = child.wait()?;
    if !ended {
        return Err(io::Error::new(io::ErrorKind::TimedOut, format!("not done within {timeout:?}")));
    }
    if status.success() {
        return Ok(());
    }
    let mut message = String::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(MAX_ERROR_BYTES).read_to_string(&mut message)?;
    }
    Err(io::Error::other(format!("{status}: {}", message.trim())))
}
