//! A sample of the memory, terminals and System V objects of all sandboxes. It lists three directories of the kernel and reads
//! a few lines for each process of a session.

use crate::sandbox::cleanup::ipc;
use crate::terminal::procfs::{owner, pids};
use crate::terminal::sys::{IpcKind, as_user};
use rustix::process::Pid;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

#[derive(Debug, Default)]
pub(super) struct Usage {
    /// Bytes of memory. Shared pages count once for each process.
    pub memory: u64,
    /// Bytes of System V objects and page tables, a part of `memory`.
    unshared: u64,
    /// Each process, and its bytes of pages.
    pub processes: Vec<(Pid, u64)>,
    pub largest: Option<Pid>,
    largest_memory: u64,
    pub terminals: u64,
    pub ipc_objects: u64,
}

impl Usage {
    /// Bytes of memory with each process's proportional share of shared pages, which is slow to read.
    pub(super) fn memory_with_shared_pages_once(&self, uid: u32) -> u64 {
        let shares = self.processes.iter().map(|(pid, memory)| proportional_memory(*pid).unwrap_or(*memory));
        self.unshared + as_user(uid, || shares.sum::<u64>())
    }
}

fn proportional_memory(pid: Pid) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", pid.as_raw_nonzero())).ok()?;
    // Before Linux 5.4 there is only the total, which includes file pages.
    let names: &[&str] = if rollup.contains("\nPss_Anon:") { &["Pss_Anon:", "Pss_Shmem:"] } else { &["Pss:"] };
    Some(sum_of_lines(&rollup, names) + sum_of_lines(&rollup, &["SwapPss:"]))
}

/// Usage by uid of the users for which `watched` is true.
pub(super) fn take_sample(watched: impl Fn(u32) -> bool) -> HashMap<u32, Usage> {
    let mut users = HashMap::<u32, Usage>::new();
    for pid in pids() {
        let Some(uid) = owner(pid).filter(|uid| watched(*uid)) else { continue };
        let (memory, page_tables) = memory_of(pid);
        let usage = users.entry(uid).or_default();
        usage.memory += memory + page_tables;
        usage.unshared += page_tables;
        usage.processes.push((pid, memory));
        if memory >= usage.largest_memory {
            (usage.largest_memory, usage.largest) = (memory, Some(pid));
        }
    }
    for terminal in std::fs::read_dir("/dev/pts").into_iter().flatten().filter_map(Result::ok) {
        if let Some(uid) = terminal.metadata().ok().map(|terminal| terminal.uid()).filter(|uid| watched(*uid)) {
            users.entry(uid).or_default().terminals += 1;
        }
    }
    for kind in [IpcKind::Memory, IpcKind::Queue, IpcKind::Semaphores] {
        for object in ipc::list(kind) {
            if let Some(uid) = [object.creator, object.uid].into_iter().find(|uid| watched(*uid)) {
                let usage = users.entry(uid).or_default();
                usage.ipc_objects += 1;
                // An attached segment counts for its processes too: at most twice.
                usage.memory += object.bytes;
                usage.unshared += object.bytes;
            }
        }
    }
    users
}

/// Directories of a process and of its threads in `/proc`. If the first thread ended before the others, only theirs tell.
pub(super) fn tasks_of(pid: Pid) -> impl Iterator<Item = PathBuf> {
    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let threads = std::fs::read_dir(process.join("task")).into_iter().flatten();
    std::iter::once(process).chain(threads.filter_map(|thread| Some(thread.ok()?.path())))
}

/// The status of a task that has memory: not of a thread that ends or has ended.
pub(super) fn status_with_memory(task: &Path) -> Option<String> {
    std::fs::read_to_string(task.join("status")).ok().filter(|status| status.contains("\nRssAnon:"))
}

/// Bytes of pages, and of page tables.
fn memory_of(pid: Pid) -> (u64, u64) {
    let status = tasks_of(pid).find_map(|task| status_with_memory(&task)).unwrap_or_default();
    (sum_of_lines(&status, &["RssAnon:", "RssShmem:", "VmSwap:"]), sum_of_lines(&status, &["VmPTE:"]))
}

/// Sum of the lines with these names, in bytes; the text has kilobytes.
fn sum_of_lines(text: &str, names: &[&str]) -> u64 {
    let lines = text.lines().filter_map(|line| {
        let value = names.iter().find_map(|name| line.strip_prefix(name))?;
        value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    lines.sum::<u64>().saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory() {
        let uid = std::fs::metadata("/proc/self").unwrap().uid();
        let sample = take_sample(|other| other == uid);
        let usage = sample.get(&uid).unwrap();
        assert!(usage.memory > 100_000, "{}", usage.memory);
        assert!(usage.largest.is_some());
        assert!(usage.memory_with_shared_pages_once(uid) > 0);
        let pid = rustix::process::getpid();
        let (memory, page_tables) = memory_of(pid);
        assert!(proportional_memory(pid).is_some_and(|share| share > 0) && memory > 0 && page_tables > 0);
    }

    #[test]
    fn lines_are_summed_by_name() {
        let status = "RssAnon:\t     10 kB\nRssFile: 7 kB\nVmSwap: 2 kB\n";
        assert_eq!(sum_of_lines(status, &["RssAnon:", "VmSwap:"]), 12 * 1024);
    }
}
