//! The process of a Redis for tests: started, frozen, killed. Knows nothing of what is said to it.

use crate::poll::until;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long it may take to start, to freeze or to go on: much more than it does, on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// The running process. Killed on drop.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it.
    pub(super) fn start(program: &str, configuration: &Path, args: &[String], folder: &Path) -> Self {
        let log = folder.join("log");
        let output = File::create(&log).expect("the server's folder can be written");
        let errors = output.try_clone().expect("an open file can be opened again");
        let mut command = Command::new(program);
        command.arg(configuration).args(args).stdin(Stdio::null()).stdout(output).stderr(errors).kill_on_drop(true);
        let child = command.spawn().unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => {
                panic!(
                    "{program} is not there; install the Debian package redis-server: sudo apt-get install redis-server"
                )
            }
            _ => panic!("{program} cannot be started: {error}"),
        });
        Self { child, log }
    }

    /// Waits until it answers `ping`.
    ///
    /// # Panics
    /// With its log, when it ends or when it takes too long.
    pub(super) async fn ready(&mut self, mut ping: impl AsyncFnMut() -> bool) {
        until("redis-server answers a PING", PATIENCE, async || {
            if let Some(status) = self.child.try_wait().expect("a child can be asked after") {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                panic!("redis-server ended at its start ({status}):\n{log}");
            }
            ping().await.then_some(())
        })
        .await;
    }

    pub(super) async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    pub(super) async fn pause(&self) {
        self.signal(Signal::STOP, "redis-server freezes", |state| state == 'T').await;
    }

    pub(super) async fn resume(&self) {
        self.signal(Signal::CONT, "redis-server goes on", |state| state != 'T').await;
    }

    /// Sends a signal and waits for what it does: it is delivered a little later.
    async fn signal(&self, signal: Signal, what: &str, done: impl Fn(char) -> bool) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pid = pid.expect("redis-server ended by itself");
        kill_process(pid, signal).expect("a child can be sent a signal");
        until(what, PATIENCE, async || state(pid).filter(|state| done(*state))).await;
    }
}

/// The letter for a process's state.
fn state(pid: Pid) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // "pid (name) state …"; the name may hold anything.
    stat.rsplit_once(") ")?.1.chars().next()
}
