//! A process that serves: started, awaited, stopped, and gone when the test is.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval, timeout};

/// Longest that a process may take to listen: on a busy machine, an interpreter that imports a lot.
const START: Duration = Duration::from_secs(30);

/// Longest that a process may take to end.
const STOP: Duration = Duration::from_secs(25);

/// How often a log is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A process that says in its log where it listens.
pub(crate) struct Service {
    name: &'static str,
    child: Child,
    log: PathBuf,
    _folder: TempDir,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
}

impl Service {
    /// Starts it, and waits until its log says `before` followed by an address.
    pub(crate) async fn start(name: &'static str, mut command: Command, before: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let log = folder.path().join("log");
        let output = File::create(&log).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle of the log"))
            .stderr(output)
            // A group of its own, so that whatever it leaves behind can be found and ended.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let mut service = Self { name, child, log, _folder: folder, addr: SocketAddr::from(([127, 0, 0, 1], 0)) };
        service.addr = service.listening(before).await;
        service
    }

    async fn listening(&mut self, before: &str) -> SocketAddr {
        let deadline = Instant::now() + START;
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            let log = self.log();
            let said = log.rsplit_once(before).map(|(_, rest)| {
                rest.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').next().unwrap_or_default().to_owned()
            });
            if let Some(addr) = said.and_then(|said| said.parse().ok()) {
                return addr;
            }
            let ended = self.child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "{} ended at once ({}):\n{log}", self.name, ended.unwrap_or_default());
            assert!(Instant::now() < deadline, "{} did not say {before:?} within {START:?}:\n{log}", self.name);
        }
    }

    /// What it has written.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Ends it without a word, and waits.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// Asks it to end, and waits.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        let _ = kill_process(self.pid(), Signal::TERM);
        match timeout(STOP, self.child.wait()).await {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_) => panic!("{} did not end within {STOP:?} of SIGTERM:\n{}", self.name, self.log()),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.id()).expect("a process id")).expect("not 0")
    }
}

impl Drop for Service {
    #[expect(clippy::print_stdout, reason = "a failed test shows what the services said")]
    fn drop(&mut self) {
        if self.child.id().is_some() {
            let _ = kill_process_group(self.pid(), Signal::KILL);
        }
        if std::thread::panicking() {
            println!("--- what {} wrote ---\n{}", self.name, self.log());
        }
    }
}
