//! Keeps watch over a check's script. This process stays root's, so nothing of the session can signal or trace it, and puts
//! itself into a Landlock domain beside that of the shell: what it starts shares that domain, and so does what they start.
//!
//! Standard input is the script, and then a leash: its end, for which the service may have died, ends the check.

use crate::sandbox::cleanup::kill_all;
use crate::sandbox::launch::{LaunchSpec, NO_PROCESS, seccomp};
use crate::terminal::procfs::children_of;
use crate::terminal::sys::close_all_but_standard;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use rustix::io::Errno;
use rustix::process::{
    PidfdFlags, Signal, WaitOptions, getpid, kill_process, pidfd_open, set_child_subreaper, setsid, wait,
};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// A script to keep watch over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Supervised {
    /// The service's own binary.
    pub program: PathBuf,
    /// The shell that reads the script.
    pub launch: LaunchSpec,
    /// Length of the script, in bytes.
    pub script_bytes: usize,
    /// Time for it, in ms.
    pub time_ms: u64,
    /// True if all processes of the uid are the check's.
    pub own_uid: bool,
    /// As for [`kill_all`].
    pub signal_uid: u32,
    pub lock: PathBuf,
}

/// End of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum Ended {
    /// By itself, with this exit code.
    Exited(i32),
    Killed,
    Timeout,
    NoProcess,
}

/// Starts the shell and waits for its end. Returns once every process of the check is gone.
pub(super) fn run(task: &Supervised) -> io::Result<Ended> {
    close_all_but_standard()?;
    // Fails if this process leads a session already.
    let _ = setsid();
    set_child_subreaper(Some(getpid()))?;
    let mut script = vec![0; task.script_bytes];
    io::stdin().read_exact(&mut script)?;
    let scoped = seccomp::scope_signals()?;
    let mut shell = match start(task, script) {
        Ok(shell) => shell,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Ended::NoProcess),
        Err(error) => return Err(error),
    };
    let ended = watch(&mut shell, Duration::from_millis(task.time_ms));
    // Fails if it ended. Until the launcher became the user, it is a process of root's.
    let _ = shell.kill();
    if task.own_uid || scoped {
        // Without Landlock it would reach the session's processes.
        kill_all(task.launch.uid, task.signal_uid, &task.lock)?;
    }
    kill_children()?;
    ended
}

fn start(task: &Supervised, script: Vec<u8>) -> io::Result<Child> {
    let errors = io::stdout().as_fd().try_clone_to_owned()?;
    let mut command = Command::new(&task.program);
    command.args(["launch", &serde_json::to_string(&task.launch)?]).stdin(Stdio::piped()).stderr(errors);
    let mut shell = command.spawn()?;
    let stdin = shell.stdin.take();
    // The shell may be stopped before it has read all.
    let feeder = std::thread::Builder::new().spawn(move || stdin.map(|mut stdin| stdin.write_all(&script)));
    if let Err(error) = feeder {
        shell.kill()?;
        return Err(error);
    }
    Ok(shell)
}

fn watch(shell: &mut Child, time: Duration) -> io::Result<Ended> {
    let pid = rustix::process::Pid::from_child(shell);
    let (pidfd, leash, deadline) = (pidfd_open(pid, PidfdFlags::empty())?, io::stdin(), Instant::now() + time);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        let mut waited = [PollFd::new(&pidfd, PollFlags::IN), PollFd::new(&leash, PollFlags::empty())];
        match poll(&mut waited, Some(&timeout)) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) if waited[0].revents().contains(PollFlags::IN) => break,
            Ok(0) => return Ok(Ended::Timeout),
            Ok(_) => return Ok(Ended::Killed),
        }
    }
    let status = shell.wait()?;
    Ok(match status.code() {
        Some(code) if code == i32::from(NO_PROCESS) => Ended::NoProcess,
        Some(code) => Ended::Exited(code),
        None => Ended::Killed,
    })
}

/// Kills what is left. Orphans of the check are children of this process.
fn kill_children() -> io::Result<()> {
    loop {
        for child in children_of(getpid()) {
            // Fails if it ended meanwhile.
            let _ = kill_process(child, Signal::KILL);
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::CHILD) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        // Many may have ended: one look at all processes serves them.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}
