//! Measures all sandboxes every second, reports exceeded quotas to their sessions, and kills those above the hard limit, which
//! may grow faster than a session can react.

use super::FileUsage;
use super::file_sizes::{size_of_directories, sizes_in_shared_directories, sizes_of_unlinked_files};
use super::sample::{Usage, take_sample};
use crate::sandbox::SandboxSettings;
use crate::sandbox::sandbox::Sandbox;
use crate::terminal::procfs::of_user;
use crate::terminal::sys::as_user;
use crate::terminal::{HARD_LIMIT_FACTOR, QuotaExceeded, Resource};
use parking_lot::Mutex;
use rustix::fs::statvfs;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::Instant;

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Pseudo-terminals of a session, of 4096 of the machine.
const MAX_TERMINALS: u64 = 16;

/// System V objects of a session, of some 32,000 of the machine.
const MAX_IPC_OBJECTS: u64 = 64;

/// Capacity of requests for an immediate check; one check answers all.
const MAX_REQUESTS: usize = 16;

/// Time for killed processes to close what they hold open.
const KILL_DELAY: Duration = Duration::from_millis(100);

type Watched = Arc<Mutex<HashMap<u32, Weak<Sandbox>>>>;

fn alive(watched: &Watched) -> Vec<Arc<Sandbox>> {
    let mut watched = watched.lock();
    watched.retain(|_, sandbox| sandbox.strong_count() > 0);
    watched.values().filter_map(Weak::upgrade).collect()
}

/// Handle of the monitor's threads, which end when it is dropped.
#[derive(Debug)]
pub(in crate::sandbox) struct UsageMonitor {
    watched: Watched,
    /// Requests for an immediate check, each with a channel for the answer.
    requests: SyncSender<SyncSender<()>>,
    /// Closes when this is dropped, which ends the disk thread.
    _stop: SyncSender<()>,
}

impl UsageMonitor {
    /// Starts a thread for samples and one for disk scans, which may be slow.
    pub(in crate::sandbox) fn start(settings: SandboxSettings) -> io::Result<Self> {
        let watched = Watched::default();
        let (requests, requested) = sync_channel::<SyncSender<()>>(MAX_REQUESTS);
        let (stop, stopped) = sync_channel::<()>(1);
        let limit = settings.disk.saturating_mul(HARD_LIMIT_FACTOR);
        let mut scanner = DiskScanner { limit, state: settings.state.clone(), due: HashMap::new(), free: 0 };
        let sandboxes = Arc::clone(&watched);
        std::thread::Builder::new().name("disk-scanner".into()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(POLL_INTERVAL) {
                scanner.scan_due(&alive(&sandboxes));
            }
        })?;
        let sandboxes = Arc::clone(&watched);
        std::thread::Builder::new().name("usage".into()).spawn(move || {
            loop {
                let request = requested.recv_timeout(POLL_INTERVAL);
                if let Err(RecvTimeoutError::Disconnected) = request {
                    return;
                }
                check(&alive(&sandboxes), &settings);
                if let Ok(answer) = request {
                    // Fails if the caller timed out.
                    let _ = answer.send(());
                }
            }
        })?;
        Ok(Self { watched, requests, _stop: stop })
    }

    pub(in crate::sandbox) fn add(&self, sandbox: &Arc<Sandbox>) {
        let mut watched = self.watched.lock();
        watched.insert(sandbox.uid, Arc::downgrade(sandbox));
    }

    /// Checks all sandboxes at once, and waits until those above the hard limit had time to die. Blocks.
    pub(in crate::sandbox) fn check_now(&self, timeout: Duration) {
        let (answer, answered) = sync_channel(2);
        if self.requests.send(answer.clone()).is_ok() && answered.recv_timeout(timeout).is_ok() {
            // No second answer comes: this only waits.
            let _ = answered.recv_timeout(KILL_DELAY);
        }
        drop(answer);
    }
}

fn check(sandboxes: &[Arc<Sandbox>], quotas: &SandboxSettings) {
    let uids: HashSet<u32> = sandboxes.iter().map(|sandbox| sandbox.uid).collect();
    if uids.is_empty() {
        return;
    }
    let mut sample = take_sample(|uid| uids.contains(&uid));
    for sandbox in sandboxes {
        let files = sandbox.quota.files();
        let usage = sample.entry(sandbox.uid).or_default();
        if usage.memory + files.memory > quotas.memory {
            usage.count_shared_memory_once(sandbox.uid);
        }
        let exceeded = worst_exceeded(quotas, usage, files);
        sandbox.quota.report(exceeded);
        if let Some(exceeded) = exceeded.filter(QuotaExceeded::is_hard) {
            kill(sandbox, usage, exceeded);
        }
    }
}

/// The quota that is exceeded most, relative to its size.
fn worst_exceeded(quotas: &SandboxSettings, usage: &Usage, files: FileUsage) -> Option<QuotaExceeded> {
    [
        (Resource::Memory, usage.memory + files.memory, quotas.memory),
        (Resource::Disk, files.disk, quotas.disk),
        (Resource::Terminals, usage.terminals, MAX_TERMINALS),
        (Resource::IpcObjects, usage.ipc_objects, MAX_IPC_OBJECTS),
    ]
    .into_iter()
    .map(|(resource, used, quota)| QuotaExceeded { resource, used, quota })
    .filter(|exceeded| exceeded.used > exceeded.quota)
    .max_by(|one, other| (one.used as f64 / one.quota as f64).total_cmp(&(other.used as f64 / other.quota as f64)))
}

/// Kills a sandbox on a thread of its own, so that the others are still measured. Above the memory limit the largest process
/// dies first: killing all may take seconds.
fn kill(sandbox: &Arc<Sandbox>, usage: &Usage, exceeded: QuotaExceeded) {
    tracing::warn!(uid = sandbox.uid, %exceeded, "a session uses far more than it may");
    let first = usage.largest.filter(|_| exceeded.resource == Resource::Memory);
    let sandbox = Arc::clone(sandbox);
    let thread = std::thread::Builder::new().name("kill".into());
    if let Err(error) = thread.spawn(move || sandbox.kill_unless_cleaning(first)) {
        tracing::error!(%error, "a session that uses far more than it may was not killed");
    }
}

/// Rescan a session only after this multiple of its last scan time.
const INTERVAL_FACTOR: u32 = 20;

struct DiskScanner {
    /// Bytes at which a scan of a sandbox stops: more changes nothing.
    limit: u64,
    /// A directory on the disk that holds most files.
    state: PathBuf,
    /// Time of the next scan, by uid.
    due: HashMap<u32, Instant>,
    /// Free bytes of the disk when all sessions were last due, or more.
    free: u64,
}

impl DiskScanner {
    /// Scans the sandboxes that are due; all are when the disk fills quickly.
    fn scan_due(&mut self, sandboxes: &[Arc<Sandbox>]) {
        self.due.retain(|uid, _| sandboxes.iter().any(|sandbox| sandbox.uid == *uid));
        let free = statvfs(&self.state).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let fills = free.saturating_add(self.limit / 4) < self.free;
        if fills {
            self.due.clear();
        }
        if fills || free > self.free {
            self.free = free;
        }
        let now = Instant::now();
        let is_due = |sandbox: &&Arc<Sandbox>| self.due.get(&sandbox.uid).is_none_or(|due| *due <= now);
        let due: Vec<_> = sandboxes.iter().filter(is_due).collect();
        if due.is_empty() {
            return;
        }
        let shared = sizes_in_shared_directories(|uid| due.iter().any(|sandbox| sandbox.uid == uid));
        for sandbox in due {
            let (uid, started) = (sandbox.uid, Instant::now());
            let mut files = shared.get(&uid).copied().unwrap_or_default();
            files.disk = files.disk.saturating_add(size_of_directories(&sandbox.directories(), self.limit));
            let processes = of_user(uid).map(|process| process.pid);
            as_user(uid, || sizes_of_unlinked_files(processes, &mut files));
            sandbox.quota.set_files(files);
            let ended = Instant::now();
            self.due.insert(uid, ended + POLL_INTERVAL.max((ended - started) * INTERVAL_FACTOR));
        }
    }
}
