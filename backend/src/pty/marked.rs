//! The processes of a session where all share the service's user: found by the kernel session of their shell and by a marker in
//! their environment (double forks, setsid, nohup). That takes a walk through all of `/proc`, which needs no privilege for one's
//! own processes; sessions that end at about the same time share one.

use super::integration::MARKER;
use super::processes::{Process, all};
use super::{Nonce, Processes};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

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

/// Looks that many share: each gets one that began after it asked.
#[derive(Debug)]
struct Walks<T> {
    progress: Mutex<Progress<T>>,
    /// Told to all when a walk is over: who waits for it must not queue behind the next one.
    over: Condvar,
}

#[derive(Debug)]
struct Progress<T> {
    /// How many have begun.
    begun: u64,
    /// One is being made.
    running: bool,
    /// The number of the latest that is over, and what it found.
    latest: Option<(u64, Arc<T>)>,
}

impl<T> Walks<T> {
    const fn new() -> Self {
        Self { progress: Mutex::new(Progress { begun: 0, running: false, latest: None }), over: Condvar::new() }
    }

    fn progress(&self) -> MutexGuard<'_, Progress<T>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that begins from now on.
    fn look(&self, make: impl FnOnce() -> T) -> Arc<T> {
        self.since(self.begun(), make)
    }

    fn begun(&self) -> u64 {
        self.progress().begun
    }

    /// One that began after so many. Blocks while one is made: it may be past what is looked for, so that the next one counts,
    /// which one of those who waited makes for all of them.
    fn since(&self, begun: u64, make: impl FnOnce() -> T) -> Arc<T> {
        let enough = |progress: &Progress<T>| {
            progress.latest.as_ref().filter(|(number, _)| *number > begun).map(|(_, found)| Arc::clone(found))
        };
        let waits = |progress: &mut Progress<T>| progress.running && enough(progress).is_none();
        let waited = self.over.wait_while(self.progress(), waits);
        let mut progress = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = enough(&progress) {
            return found;
        }
        progress.begun += 1;
        progress.running = true;
        let number = progress.begun;
        drop(progress);
        let _turn = Turn(self);
        let found = Arc::new(make());
        self.progress().latest = Some((number, Arc::clone(&found)));
        found
    }
}

/// Whoever walks. However that ends, the others go on.
struct Turn<'a, T>(&'a Walks<T>);

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.0.progress().running = false;
        self.0.over.notify_all();
    }
}

/// One session's.
#[derive(Debug)]
pub(super) struct MarkedProcesses([Sign; 2]);

impl MarkedProcesses {
    pub(super) fn new(shell: Pid, nonce: &Nonce) -> Self {
        Self([Sign::Shell(shell), Sign::Marker(nonce.as_str().into())])
    }

    /// Signals all of them. Returns how many there were.
    fn signal(&self, signals: &[Signal]) -> usize {
        let census = WALKS.look(Census::take);
        let found: HashSet<Pid> = self.0.iter().filter_map(|sign| census.0.get(sign)).flatten().copied().collect();
        for pid in &found {
            self.signal_if_ours(*pid, signals);
        }
        found.len()
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

impl Processes for MarkedProcesses {
    fn hang_up(&self) {
        self.signal(&[Signal::HUP, Signal::CONT]);
    }

    fn kill(&self) -> usize {
        self.signal(&[Signal::KILL])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::Stdio;

    #[test]
    fn who_asked_before_a_walk_began_shares_it() {
        let walks = Walks::new();
        let (first, second) = (walks.begun(), walks.begun());
        let mut during = 0;
        let found = walks.since(first, || {
            during = walks.begun();
            "one"
        });
        assert_eq!((*found, *walks.since(second, || "two")), ("one", "one"));
        assert_eq!(*walks.since(during, || "three"), "three", "the one that ran may have been past it");
        assert_eq!(*walks.look(|| "four"), "four", "what was found before is old");
    }

    #[test]
    fn a_process_is_known_by_its_shell_and_by_its_marker() {
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
        assert_eq!(MarkedProcesses::new(nobody, &Nonce::new([8; 8])).kill(), 0);
        assert_eq!(MarkedProcesses::new(nobody, &nonce).kill(), 1);
        assert!(!daemon.wait().unwrap().success(), "it was killed");
        assert_eq!(MarkedProcesses::new(nobody, &nonce).kill(), 0);
    }
}
