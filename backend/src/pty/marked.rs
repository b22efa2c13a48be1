//! The processes of a session where all share the service's user: found by the kernel session of their shell and by a marker in
//! their environment (double forks, setsid, nohup). That takes a walk through all of `/proc`, which needs no privilege for one's
//! own processes; sessions that end at about the same time share one.

use super::integration::MARKER;
use super::processes::{Process, all};
use super::{Nonce, Processes};
use async_trait::async_trait;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// There is one `/proc`, so there is one.
static WALKS: Walks<Census> = Walks::new();

/// By what a process is known to be a session's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Sign {
    Shell(Pid),
    Marker(Vec<u8>),
}

/// The living processes of one moment, by their signs.
#[derive(Debug, Default)]
struct Census(HashMap<Sign, Vec<Pid>>);

impl Census {
    fn take() -> Self {
        let mut found: HashMap<Sign, Vec<Pid>> = HashMap::new();
        for process in all() {
            for sign in signs(&process) {
                found.entry(sign).or_default().push(process.pid);
            }
        }
        Self(found)
    }
}

/// None of a process that is over.
fn signs(process: &Process) -> Vec<Sign> {
    if process.is_zombie() {
        return Vec::new();
    }
    let environment = std::fs::read(format!("/proc/{}/environ", process.pid.as_raw_nonzero())).unwrap_or_default();
    let variables = environment.split(|&byte| byte == 0);
    let markers = variables.filter_map(|variable| variable.strip_prefix(MARKER.as_bytes())?.strip_prefix(b"="));
    let markers = markers.map(|marker| Sign::Marker(marker.to_vec()));
    process.session().map(Sign::Shell).into_iter().chain(markers).collect()
}

/// Looks that many share: each gets one that began after it asked. Whoever waits blocks no thread: of those there are fewer than
/// sessions may end at once, and each batch of them would take a walk of its own.
#[derive(Debug)]
struct Walks<T> {
    /// How many have begun.
    begun: AtomicU64,
    /// Held by whoever walks: the number of the latest that is over, and what it found.
    latest: Mutex<Option<(u64, Arc<T>)>>,
}

impl<T: Send + Sync + 'static> Walks<T> {
    const fn new() -> Self {
        Self { begun: AtomicU64::new(0), latest: Mutex::const_new(None) }
    }

    /// One that begins from now on.
    async fn look(&self, make: impl FnOnce() -> T + Send + 'static) -> io::Result<Arc<T>> {
        self.since(self.begun(), make).await
    }

    fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// One that began after so many. One that is being made may be past what is looked for, so that the next one counts, which one
    /// of those who waited makes for all of them.
    async fn since(&self, begun: u64, make: impl FnOnce() -> T + Send + 'static) -> io::Result<Arc<T>> {
        let mut latest = self.latest.lock().await;
        if let Some((_, found)) = latest.as_ref().filter(|(number, _)| *number > begun) {
            return Ok(Arc::clone(found));
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let found = Arc::new(spawn_blocking(make).await?);
        *latest = Some((number, Arc::clone(&found)));
        Ok(found)
    }
}

/// One session's.
#[derive(Debug, Clone)]
pub(super) struct MarkedProcesses([Sign; 2]);

impl MarkedProcesses {
    pub(super) fn new(shell: Pid, nonce: &Nonce) -> Self {
        Self([Sign::Shell(shell), Sign::Marker(nonce.as_str().into())])
    }

    /// Signals all of them. Returns how many there were.
    async fn signal(&self, signals: &'static [Signal]) -> io::Result<usize> {
        let census = WALKS.look(Census::take).await?;
        let found: HashSet<Pid> = self.0.iter().filter_map(|sign| census.0.get(sign)).flatten().copied().collect();
        let (mine, count) = (self.clone(), found.len());
        if count > 0 {
            spawn_blocking(move || found.into_iter().for_each(|pid| mine.signal_if_ours(pid, signals))).await?;
        }
        Ok(count)
    }

    /// The number may be another's by now; the handle cannot become so.
    fn signal_if_ours(&self, pid: Pid, signals: &[Signal]) {
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if Process::read(pid).is_some_and(|process| signs(&process).iter().any(|sign| self.0.contains(sign))) {
            for signal in signals {
                // A process that ended meanwhile needs no signal.
                let _ = pidfd_send_signal(&handle, *signal);
            }
        }
    }
}

#[async_trait]
impl Processes for MarkedProcesses {
    async fn hang_up(&self) -> io::Result<()> {
        self.signal(&[Signal::HUP, Signal::CONT]).await.map(drop)
    }

    async fn kill(&self) -> io::Result<usize> {
        self.signal(&[Signal::KILL]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::Stdio;

    #[tokio::test]
    async fn who_asked_before_a_walk_began_shares_it() {
        let walks = Arc::new(Walks::new());
        let (first, second) = (walks.begun(), walks.begun());
        let running = Arc::clone(&walks);
        let one = walks.since(first, move || ("one", running.begun())).await.unwrap();
        let during = one.1;
        assert_eq!(walks.since(second, || ("two", 0)).await.unwrap().0, "one");
        assert_eq!(
            walks.since(during, || ("three", 0)).await.unwrap().0,
            "three",
            "the one that ran may have been past it"
        );
        assert_eq!(walks.look(|| ("four", 0)).await.unwrap().0, "four", "what was found before is old");
    }

    #[tokio::test]
    async fn a_walk_that_fails_ends_no_other() {
        let walks = Walks::new();
        assert!(walks.look(|| -> u32 { panic!("as the test wants it") }).await.is_err());
        assert_eq!(*walks.look(|| 2).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_process_is_known_by_its_shell_and_by_its_marker() {
        let nonce = Nonce::new([7; 8]);
        let mut daemon = std::process::Command::new("setsid");
        daemon.args(["sh", "-c", "echo ready; read -r word"]).env(MARKER, nonce.as_str());
        let mut daemon = daemon.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // While a program is being replaced by another, its environment cannot be read.
        let mut ready = [0; 6];
        daemon.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        // Not the test's own: that may have begun outside of a container, where it has no number.
        let shell = Pid::from_raw(daemon.id() as i32).unwrap();
        assert!(signs(&Process::read(shell).unwrap()).contains(&Sign::Shell(shell)));
        let nobody = Pid::from_raw(i32::MAX).unwrap();
        assert_eq!(MarkedProcesses::new(nobody, &Nonce::new([8; 8])).kill().await.unwrap(), 0);
        assert_eq!(MarkedProcesses::new(nobody, &nonce).kill().await.unwrap(), 1);
        assert!(!daemon.wait().unwrap().success(), "it was killed");
        assert_eq!(MarkedProcesses::new(nobody, &nonce).kill().await.unwrap(), 0);
    }
}
