//! Measures all sandboxes every second, reports exceeded quotas to their sessions, and kills those above the hard limit, which
//! may grow faster than a session can react.

use super::FileUsage;
use super::file_sizes::{usage_in_shared_directories, usage_of_directories};
use super::memory_shares::MemoryShares;
use super::open_files::add_unlinked_files;
use super::quotas::Quotas;
use super::sample::{Usage, take_sample};
use crate::sandbox::SandboxSettings;
use crate::sandbox::launch::OOM_SCORE;
use crate::sandbox::sandbox::Sandbox;
use crate::terminal::procfs::of_user;
use crate::terminal::sys::as_user;
use crate::terminal::{QuotaExceeded, Resource};
use parking_lot::Mutex;
use rustix::fs::statvfs;
use rustix::process::Pid;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::Instant;

const POLL_INTERVAL: Duration = Duration::from_secs(1);

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
    pub(in crate::sandbox) fn start(settings: SandboxSettings, shared: Vec<PathBuf>) -> io::Result<Self> {
        let watched = Watched::default();
        let (requests, requested) = sync_channel::<SyncSender<()>>(MAX_REQUESTS);
        let (stop, stopped) = sync_channel::<()>(1);
        let mut scanner = DiskScanner::new(settings, shared);
        let sandboxes = Arc::clone(&watched);
        std::thread::Builder::new().name("disk-scanner".into()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(POLL_INTERVAL) {
                scanner.scan_due(&alive(&sandboxes));
            }
        })?;
        let sandboxes = Arc::clone(&watched);
        std::thread::Builder::new().name("usage".into()).spawn(move || {
            let mut shares = MemoryShares::default();
            loop {
                let request = requested.recv_timeout(POLL_INTERVAL);
                if let Err(RecvTimeoutError::Disconnected) = request {
                    return;
                }
                check(&alive(&sandboxes), &mut shares);
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

fn check(sandboxes: &[Arc<Sandbox>], shares: &mut MemoryShares) {
    let uids: HashSet<u32> = sandboxes.iter().map(|sandbox| sandbox.uid).collect();
    shares.retain(|uid| uids.contains(&uid));
    if uids.is_empty() {
        return;
    }
    let mut sample = take_sample(|uid| uids.contains(&uid));
    for sandbox in sandboxes {
        let files = sandbox.quota.files();
        let usage = sample.entry(sandbox.uid).or_default();
        let beside_processes = files.memory + sandbox.quota.held();
        if usage.memory + beside_processes > sandbox.quotas.memory {
            usage.memory = shares.memory_of(sandbox.uid, usage);
        }
        usage.memory += beside_processes;
        as_user(sandbox.uid, || usage.processes.iter().for_each(|(pid, _)| restore_oom_score(*pid)));
        let exceeded = sandbox.quotas.worst_exceeded(usage, files);
        sandbox.quota.report(exceeded);
        if let Some(exceeded) = exceeded.filter(QuotaExceeded::is_hard) {
            kill(sandbox, usage, exceeded);
        }
    }
}

/// Raises the OOM score of a process that lowered it, where Landlock did not prevent that. With the session's file permissions,
/// in case the pid belongs to another process by now.
fn restore_oom_score(pid: Pid) {
    let path = format!("/proc/{}/oom_score_adj", pid.as_raw_nonzero());
    let score = std::fs::read_to_string(&path).ok().and_then(|score| score.trim().parse::<i32>().ok());
    if score.is_some_and(|score| score < OOM_SCORE) {
        // Fails if the process ended meanwhile.
        let _ = std::fs::write(path, OOM_SCORE.to_string());
    }
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
    settings: SandboxSettings,
    /// Directories in which every user may make files.
    shared: Vec<PathBuf>,
    /// Usage of one session without limits of its own, at which it is killed.
    limit: FileUsage,
    /// Time of the next scan, by uid.
    due: HashMap<u32, Instant>,
    /// Free bytes and files of the disk when all sessions were last due, or more.
    free: FileUsage,
    /// Processes that did not show their open files in the latest scan of their session.
    hidden: HashMap<u32, Vec<Pid>>,
}

impl DiskScanner {
    fn new(settings: SandboxSettings, shared: Vec<PathBuf>) -> Self {
        let limit = Quotas::of(&settings).scanned();
        Self { settings, shared, limit, due: HashMap::new(), free: FileUsage::default(), hidden: HashMap::new() }
    }

    /// True if the disk filled by much since all sessions were last due.
    fn disk_fills(&mut self) -> bool {
        let free = free_of(&self.settings.state);
        let fell = |before: u64, now: u64, limit: u64| now.saturating_add(limit / 4) < before;
        let fills =
            fell(self.free.disk, free.disk, self.limit.disk) || fell(self.free.count, free.count, self.limit.count);
        if fills {
            self.free = free;
        } else {
            self.free.disk = self.free.disk.max(free.disk);
            self.free.count = self.free.count.max(free.count);
        }
        fills
    }

    /// Scans the sandboxes that are due; all are when the disk fills quickly.
    fn scan_due(&mut self, sandboxes: &[Arc<Sandbox>]) {
        self.due.retain(|uid, _| sandboxes.iter().any(|sandbox| sandbox.uid == *uid));
        self.hidden.retain(|uid, _| self.due.contains_key(uid));
        if self.disk_fills() {
            self.due.clear();
        }
        let now = Instant::now();
        let is_due = |sandbox: &&Arc<Sandbox>| self.due.get(&sandbox.uid).is_none_or(|due| *due <= now);
        let due: Vec<_> = sandboxes.iter().filter(is_due).collect();
        if due.is_empty() {
            return;
        }
        let due_uids: HashSet<u32> = due.iter().map(|sandbox| sandbox.uid).collect();
        let shared = usage_in_shared_directories(&self.shared, &self.settings.uids, |uid| due_uids.contains(&uid));
        let search_time = now.elapsed();
        for sandbox in due {
            let (uid, started) = (sandbox.uid, Instant::now());
            let mut files = shared.get(&uid).copied().unwrap_or_default();
            let own = usage_of_directories(&sandbox.directories(), sandbox.quotas.scanned());
            files.disk = files.disk.saturating_add(own.disk);
            files.count += own.count;
            let processes = of_user(uid).map(|process| process.pid);
            let hidden = as_user(uid, || add_unlinked_files(processes, &mut files));
            sandbox.quota.set_files(files);
            self.kill_hidden(sandbox, hidden);
            self.due
                .insert(uid, Instant::now() + POLL_INTERVAL.max((search_time + started.elapsed()) * INTERVAL_FACTOR));
        }
    }

    /// Kills processes that hid their open files in two scans: each is hidden for a moment while it starts.
    fn kill_hidden(&mut self, sandbox: &Sandbox, hidden: Vec<Pid>) {
        let before = self.hidden.remove(&sandbox.uid).unwrap_or_default();
        let again: Vec<_> = hidden.iter().filter(|pid| before.contains(pid)).collect();
        if !again.is_empty() {
            tracing::warn!(
                uid = sandbox.uid,
                processes = again.len(),
                "processes that hide their open files are killed"
            );
            again.into_iter().for_each(|pid| sandbox.kill_one_unless_cleaning(*pid));
        }
        self.hidden.insert(sandbox.uid, hidden);
    }
}

/// Free bytes and files of the disk of a directory.
fn free_of(directory: &Path) -> FileUsage {
    statvfs(directory).map_or(FileUsage::default(), |disk| FileUsage {
        disk: disk.f_bavail.saturating_mul(disk.f_frsize),
        memory: 0,
        count: disk.f_favail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lowered_oom_score_is_raised_again() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let path = format!("/proc/{}/oom_score_adj", child.id());
        restore_oom_score(Pid::from_child(&child));
        assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), OOM_SCORE.to_string());
        std::fs::write(&path, "950").unwrap();
        restore_oom_score(Pid::from_child(&child));
        assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), "950", "a higher one stays");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
