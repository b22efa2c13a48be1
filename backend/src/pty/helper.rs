//! Runs the service's own program for a job that takes another user than the service's, and waits for it, up to a deadline.

use super::children::Awaited;
use super::processes::wait_for_end;
use rustix::process::{PidfdFlags, pidfd_open};
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// What a helper may say about its failure, in bytes.
const WORDS: u64 = 1000;

/// Blocks until it is done. What it says on standard error is the error.
pub(super) fn run(program: &Path, arguments: &[OsString], patience: Duration) -> io::Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let (mut child, awaited) = Awaited::spawn(|| {
        let child = command.spawn()?;
        let id = child.id();
        Ok((child, Some(id)))
    })?;
    let handle = pidfd_open(awaited.pid(), PidfdFlags::empty())?;
    let ended = wait_for_end(&handle, Instant::now() + patience);
    if !ended {
        child.kill()?;
    }
    let status = child.wait()?;
    if !ended {
        return Err(io::Error::new(io::ErrorKind::TimedOut, format!("not done within {patience:?}")));
    }
    if status.success() {
        return Ok(());
    }
    let mut words = String::new();
    if let Some(said) = child.stderr.take() {
        said.take(WORDS).read_to_string(&mut words)?;
    }
    Err(io::Error::other(format!("{status}: {}", words.trim())))
}
