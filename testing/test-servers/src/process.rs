//! A server program as a child process: started, frozen, killed.

use crate::poll::until;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Longest wait for a start, freeze or thaw; generous, for a busy machine.
const STATE_TIMEOUT: Duration = Duration::from_secs(20);

/// Programs of Debian that are not on the PATH of a normal user.
const SYSTEM_PROGRAMS: &str = "/usr/sbin";

/// A program, and the Debian package that installs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

/// A running process. Killed on drop.
#[derive(Debug)]
pub(crate) struct Process {
    program: Program,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the program, with its output in a log file in `folder`.
    ///
    /// # Panics
    /// When the program is not installed.
    pub(crate) fn start(program: Program, args: impl IntoIterator<Item: AsRef<OsStr>>, folder: &Path) -> Self {
        let Program { name, package } = program;
        let log = folder.join("log");
        let output = File::create(&log).expect("the server's folder is writable");
        let args: Vec<_> = args.into_iter().collect();
        let spawn = |path: &Path| {
            let duplicate = || output.try_clone().expect("a file descriptor can be duplicated");
            let mut command = Command::new(path);
            command.args(&args).stdin(Stdio::null()).stdout(duplicate()).stderr(duplicate()).kill_on_drop(true).spawn()
        };
        let child = spawn(Path::new(name)).or_else(|error| match error.kind() {
            ErrorKind::NotFound => spawn(&Path::new(SYSTEM_PROGRAMS).join(name)),
            _ => Err(error),
        });
        let child = child.unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => {
                panic!("{name} is missing; install the Debian package {package}: sudo apt-get install {package}")
            }
            _ => panic!("{name} cannot be started: {error}"),
        });
        Self { program, child, log }
    }

    /// Waits until `ping` succeeds.
    ///
    /// # Panics
    /// With the log, when the process exits or does not answer in time.
    pub(crate) async fn ready(&mut self, mut ping: impl AsyncFnMut() -> bool) {
        let name = self.program.name;
        until(&format!("{name} answers"), STATE_TIMEOUT, async || {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                panic!("{name} exited while starting ({status}):\n{log}");
            }
            ping().await.then_some(())
        })
        .await;
    }

    /// Kills the process (`SIGKILL`) and waits for its exit.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Freezes the process (`SIGSTOP`).
    pub(crate) async fn pause(&self) {
        self.signal(Signal::STOP, |state| state == 'T').await;
    }

    /// Thaws the process (`SIGCONT`).
    pub(crate) async fn resume(&self) {
        self.signal(Signal::CONT, |state| state != 'T').await;
    }

    /// Sends a signal and waits for its effect: signals are delivered asynchronously.
    async fn signal(&self, signal: Signal, applied: impl Fn(char) -> bool) {
        let name = self.program.name;
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pid = pid.unwrap_or_else(|| panic!("{name} exited by itself"));
        kill_process(pid, signal).expect("a child can be signalled");
        let what = format!("{name} applies {signal:?}");
        until(&what, STATE_TIMEOUT, async || state(pid).filter(|state| applied(*state))).await;
    }
}

/// The state letter in `/proc/<pid>/stat`.
fn state(pid: Pid) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // "pid (name) state …"; the name may contain any character.
    stat.rsplit_once(") ")?.1.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "install the Debian package some-server")]
    fn a_missing_program_names_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let program = Program { name: "server-that-is-not-installed", package: "some-server" };
        Process::start(program, [""; 0], folder.path());
    }
}
