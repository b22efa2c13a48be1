//! The processes of a session without a sandbox, where all sessions share the service's user. They are found by the kernel
//! session of the shell, or by a tag in their environment, which survives double forks, setsid and nohup.

use super::integration::{Nonce, TAG_VARIABLE};
use super::integration_files;
use super::procfs::{Process, all, signal_if};
use super::pty::ProcessGroup;
use super::transfer::{FileError, FileHelpers, OWN_PROGRAM, StartedHelper};
use crate::files::Places;
use async_trait::async_trait;
use rustix::process::{Pid, Signal};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// Scans of `/proc`, shared by all sessions.
static SCANS: SharedScan<ProcSnapshot> = SharedScan::new();

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Tag {
    KernelSession(Pid),
    Environment(Vec<u8>),
}

#[derive(Debug, Default)]
struct ProcSnapshot(HashMap<Tag, Vec<Pid>>);

impl ProcSnapshot {
    fn take() -> Self {
        let mut found: HashMap<Tag, Vec<Pid>> = HashMap::new();
        for process in all() {
            for tag in tags(&process) {
                found.entry(tag).or_default().push(process.pid);
            }
        }
        Self(found)
    }
}

fn tags(process: &Process) -> Vec<Tag> {
    if process.is_zombie() {
        return Vec::new();
    }
    let environment = std::fs::read(format!("/proc/{}/environ", process.pid.as_raw_nonzero())).unwrap_or_default();
    let variables = environment.split(|&byte| byte == 0);
    let values = variables.filter_map(|variable| variable.strip_prefix(TAG_VARIABLE.as_bytes())?.strip_prefix(b"="));
    let values = values.map(|value| Tag::Environment(value.to_vec()));
    process.session().map(Tag::KernelSession).into_iter().chain(values).collect()
}

#[derive(Debug, Clone)]
pub(super) struct TaggedProcesses {
    shell: Pid,
    /// Value of the variable that marks its processes.
    tag: String,
    tags: [Tag; 2],
}

impl TaggedProcesses {
    pub(super) fn new(shell: Pid, nonce: &Nonce) -> Self {
        let tags = [Tag::KernelSession(shell), Tag::Environment(nonce.of_processes().into())];
        Self { shell, tag: nonce.of_processes().into(), tags }
    }

    /// The processes of a session with this home, whose files pass as those of the service's own user.
    pub(super) fn with_files(self, home: PathBuf) -> UnixProcesses {
        let places = Places { shell: self.shell.as_raw_nonzero().get().unsigned_abs(), home };
        UnixProcesses { tagged: self, places, files: Arc::default() }
    }

    async fn signal(&self, signals: &'static [Signal]) -> io::Result<usize> {
        let snapshot = SCANS.scan(ProcSnapshot::take).await?;
        let found: HashSet<Pid> = self.tags.iter().filter_map(|tag| snapshot.0.get(tag)).flatten().copied().collect();
        let (processes, count) = (self.clone(), found.len());
        if count > 0 {
            let signal_all =
                move || found.into_iter().for_each(|pid| signal_if(pid, signals, || processes.include(pid)));
            spawn_blocking(signal_all).await?;
        }
        Ok(count)
    }

    fn include(&self, pid: Pid) -> bool {
        Process::read(pid).is_some_and(|process| tags(&process).iter().any(|tag| self.tags.contains(tag)))
    }
}

/// The processes of a session that has no user of its own.
pub(super) struct UnixProcesses {
    tagged: TaggedProcesses,
    /// Where the paths of its files begin.
    places: Places,
    /// The processes that carry its files.
    files: Arc<FileHelpers>,
}

#[async_trait]
impl ProcessGroup for UnixProcesses {
    async fn hang_up(&self) -> io::Result<()> {
        self.files.end();
        self.tagged.signal(&[Signal::HUP, Signal::CONT]).await.map(drop)
    }

    async fn kill(&self) -> io::Result<usize> {
        self.files.end();
        self.tagged.signal(&[Signal::KILL]).await
    }

    async fn clean(&self) -> io::Result<()> {
        let tag = self.tagged.tag.clone();
        spawn_blocking(move || integration_files::remove(Path::new(integration_files::DIRECTORY), &tag)).await?
    }

    async fn file_helper(&self) -> Result<StartedHelper, FileError> {
        let mut helper = Command::new(OWN_PROGRAM);
        helper.arg("files").arg(serde_json::json!({ "places": self.places }).to_string());
        helper.env_clear().current_dir("/");
        let files = Arc::clone(&self.files);
        spawn_blocking(move || files.start(helper)).await.map_err(io::Error::from)?
    }
}

/// Shares scans between concurrent callers: a walk through all of `/proc` is slow, and many sessions may end at once. Waiting
/// callers block no thread: the blocking pool has fewer threads than sessions may end at once, and each batch of blocked callers
/// would need a scan of its own.
#[derive(Debug)]
struct SharedScan<T> {
    /// Number of scans started.
    started: AtomicU64,
    /// Number and result of the last completed scan. Locked during a scan.
    latest: Mutex<Option<(u64, Arc<T>)>>,
}

impl<T: Send + Sync + 'static> SharedScan<T> {
    const fn new() -> Self {
        Self { started: AtomicU64::new(0), latest: Mutex::const_new(None) }
    }

    /// Returns a scan that started after this call. A scan in progress may have missed our process, so callers wait for the
    /// next one, which one of them runs for all.
    async fn scan(&self, run: impl FnOnce() -> T + Send + 'static) -> io::Result<Arc<T>> {
        self.scan_after(self.started(), run).await
    }

    fn started(&self) -> u64 {
        self.started.load(Ordering::Acquire)
    }

    async fn scan_after(&self, started: u64, run: impl FnOnce() -> T + Send + 'static) -> io::Result<Arc<T>> {
        let mut latest = self.latest.lock().await;
        if let Some((_, result)) = latest.as_ref().filter(|(number, _)| *number > started) {
            return Ok(Arc::clone(result));
        }
        let number = self.started.fetch_add(1, Ordering::AcqRel) + 1;
        let result = Arc::new(spawn_blocking(run).await?);
        *latest = Some((number, Arc::clone(&result)));
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::Stdio;

    #[tokio::test]
    async fn a_process_is_found_by_its_kernel_session_and_by_its_tag() {
        let nonce = Nonce::new([7; 16]);
        let mut daemon = std::process::Command::new("setsid");
        daemon.args(["sh", "-c", "echo ready; read -r word"]).env(TAG_VARIABLE, nonce.of_processes());
        let mut daemon = daemon.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // The environment cannot be read during exec.
        let mut ready = [0; 6];
        daemon.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        // The test's own session may have started outside of a container, where it has no number.
        let shell = Pid::from_raw(daemon.id() as i32).unwrap();
        assert!(tags(&Process::read(shell).unwrap()).contains(&Tag::KernelSession(shell)));
        let unused = Pid::from_raw(i32::MAX).unwrap();
        assert_eq!(TaggedProcesses::new(unused, &Nonce::new([8; 16])).signal(&[Signal::KILL]).await.unwrap(), 0);
        assert_eq!(TaggedProcesses::new(unused, &nonce).signal(&[Signal::KILL]).await.unwrap(), 1);
        assert!(!daemon.wait().unwrap().success(), "it was killed");
        assert_eq!(TaggedProcesses::new(unused, &nonce).signal(&[Signal::KILL]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn callers_share_only_scans_that_started_after_their_call() {
        let scans = Arc::new(SharedScan::new());
        let (first, second) = (scans.started(), scans.started());
        let running = Arc::clone(&scans);
        let one = scans.scan_after(first, move || ("one", running.started())).await.unwrap();
        let during = one.1;
        assert_eq!(scans.scan_after(second, || ("two", 0)).await.unwrap().0, "one");
        let third = scans.scan_after(during, || ("three", 0)).await.unwrap();
        assert_eq!(third.0, "three", "a running scan does not count");
        assert_eq!(scans.scan(|| ("four", 0)).await.unwrap().0, "four", "nor does a completed one");
    }

    #[tokio::test]
    async fn a_failed_scan_does_not_break_the_next() {
        let scans = SharedScan::new();
        assert!(scans.scan(|| -> u32 { panic!("intended by the test") }).await.is_err());
        assert_eq!(*scans.scan(|| 2).await.unwrap(), 2);
    }
}
