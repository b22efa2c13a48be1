//! A server process: started, awaited, stopped, and killed with its children on drop.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval, timeout};

/// Longest time until a process listens: moto imports many modules on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest time from SIGTERM to the exit.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A process that logs the address on which it listens.
pub(crate) struct Service {
    name: &'static str,
    child: Child,
    log: PathBuf,
    _folder: TempDir,
    /// Address on which it listens.
    pub(crate) addr: SocketAddr,
}

impl Service {
    /// Starts the process, and waits until its log contains `before` followed by an address.
    pub(crate) async fn start(name: &'static str, mut command: Command, before: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let log = folder.path().join("log");
        let output = File::create(&log).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle of the log"))
            .stderr(output)
            // A process group of its own, which drop kills.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let mut service = Self { name, child, log, _folder: folder, addr: SocketAddr::from(([127, 0, 0, 1], 0)) };
        service.addr = service.listening(before).await;
        service
    }

    async fn listening(&mut self, before: &str) -> SocketAddr {
        let deadline = Instant::now() + START_TIMEOUT;
        let mut polls = interval(POLL_INTERVAL);
        loop {
            polls.tick().await;
            let log = self.log();
            let address = log.rsplit_once(before).map(|(_, rest)| {
                rest.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').next().unwrap_or_default().to_owned()
            });
            if let Some(addr) = address.and_then(|address| address.parse().ok()) {
                return addr;
            }
            let ended = self.child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "{} ended at once ({}):\n{log}", self.name, ended.unwrap_or_default());
            assert!(Instant::now() < deadline, "{} did not log {before:?} within {START_TIMEOUT:?}:\n{log}", self.name);
        }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Kills the process (`SIGKILL`), and waits for its exit.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// Stops the process (`SIGTERM`), and waits for its exit.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        let _ = kill_process(self.pid(), Signal::TERM);
        match timeout(STOP_TIMEOUT, self.child.wait()).await {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_) => panic!("{} did not end within {STOP_TIMEOUT:?} of SIGTERM:\n{}", self.name, self.log()),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.id()).expect("a process id")).expect("not 0")
    }
}

impl Drop for Service {
    #[expect(clippy::print_stdout, reason = "a failed test shows the logs")]
    fn drop(&mut self) {
        if self.child.id().is_some() {
            let _ = kill_process_group(self.pid(), Signal::KILL);
        }
        if std::thread::panicking() {
            println!("--- log of {} ---\n{}", self.name, self.log());
        }
    }
}
