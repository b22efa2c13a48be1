//! A server as a child process: started, awaited, frozen, stopped, and killed with its children on drop.

use crate::poll::until;
use crate::processes::state_of;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Longest wait for a start; generous, because moto imports many modules on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest wait for a freeze or thaw.
const STATE_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest time from SIGTERM to the exit.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);

/// Programs of Debian that are not on the PATH of a normal user.
const SYSTEM_PROGRAMS: &str = "/usr/sbin";

/// A program, and the Debian package that installs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

/// A running process with a log file. Killed with its children on drop.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts the program, with its log in `folder`.
    ///
    /// # Panics
    /// When the program is not installed.
    pub(crate) fn start(self, args: impl IntoIterator<Item: AsRef<OsStr>>, folder: &Path) -> Process {
        let Self { name, package } = self;
        let mut path = std::env::var_os("PATH").unwrap_or_default();
        path.push(format!(":{SYSTEM_PROGRAMS}"));
        let mut command = Command::new(name);
        command.args(args).env("PATH", path);
        let install = format!("install the Debian package {package}: sudo apt-get install {package}");
        Process::start(name, command, folder, &install)
    }
}

impl Process {
    /// Starts the command, with its output in a log file in `folder`.
    ///
    /// # Panics
    /// With `install`, when the program is missing.
    pub fn start(name: &'static str, mut command: Command, folder: &Path, install: &str) -> Self {
        let log = folder.join("log");
        let output = File::create(&log).expect("the server's folder is writable");
        let duplicate = output.try_clone().expect("a file descriptor can be duplicated");
        // A process group of its own, which drop kills.
        command.stdin(Stdio::null()).stdout(duplicate).stderr(output).process_group(0).kill_on_drop(true);
        let child = command.spawn().unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => panic!("{name} is missing; {install}"),
            _ => panic!("{name} cannot be started: {error}"),
        });
        Self { name, child, log }
    }

    /// Waits until `ping` succeeds.
    ///
    /// # Panics
    /// With the log, when the process exits or does not answer in time.
    pub async fn ready(&mut self, mut ping: impl AsyncFnMut(&str) -> bool) {
        let name = self.name;
        until(&format!("the start of {name}"), START_TIMEOUT, async || {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                panic!("{name} exited while starting ({status}):\n{}", self.log());
            }
            ping(&self.log()).await
        })
        .await;
    }

    /// Waits until the log contains `before` followed by an address.
    ///
    /// # Panics
    /// With the log, when the process exits or logs no address in time.
    pub async fn listening(&mut self, before: &str) -> SocketAddr {
        let mut address = None;
        self.ready(async |log: &str| {
            let rest = log.rsplit_once(before).map(|(_, rest)| rest).unwrap_or_default();
            let text = rest.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').next();
            address = text.and_then(|text| text.parse().ok());
            address.is_some()
        })
        .await;
        address.expect("it listens")
    }

    /// The output so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The process id.
    ///
    /// # Panics
    /// When the process has exited by itself.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap_or_else(|| panic!("{} exited by itself", self.name))
    }

    /// Sends a signal, which is delivered asynchronously.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a child can be signalled");
    }

    /// Kills the process (`SIGKILL`) and waits for its exit.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Stops the process (`SIGTERM`) and waits for its exit.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        match timeout(STOP_TIMEOUT, self.child.wait()).await {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_) => panic!("{} did not end within {STOP_TIMEOUT:?} of SIGTERM", self.name),
        }
    }

    /// Freezes the process (`SIGSTOP`).
    pub(crate) async fn pause(&self) {
        self.signal(Signal::STOP);
        until("the freeze", STATE_TIMEOUT, async || state_of(self.id()) == Some('T')).await;
    }

    /// Thaws the process (`SIGCONT`).
    pub(crate) async fn resume(&self) {
        self.signal(Signal::CONT);
        until("the thaw", STATE_TIMEOUT, async || state_of(self.id()) != Some('T')).await;
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.id().cast_signed()).expect("not 0")
    }
}

impl Drop for Process {
    #[expect(clippy::print_stdout, reason = "a failed test shows the logs")]
    fn drop(&mut self) {
        if self.child.id().is_some() {
            // Fails if the group has just ended.
            let _ = kill_process_group(self.pid(), Signal::KILL);
        }
        if std::thread::panicking() {
            println!("--- log of {} ---\n{}", self.name, self.log());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "install the Debian package some-server")]
    fn a_missing_program_names_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let program = Program { name: "server-that-is-not-installed", package: "some-server" };
        program.start([""; 0], folder.path());
    }
}
