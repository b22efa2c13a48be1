//! One look at all processes, terminals and shared memory: who uses how much. Cheap: three walks through directories of the
//! kernel, and a few lines of each process of a session.

use crate::pty::descriptor::{SystemV, as_user};
use crate::pty::processes::{ids, owner};
use crate::pty::sweep::ipc;
use rustix::process::Pid;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;

/// What one session uses.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// In bytes. What processes share counts for each, until [`Used::share`].
    pub memory: u64,
    /// The part of it that has no process.
    detached: u64,
    /// Its processes, and how much memory each has.
    processes: Vec<(Pid, u64)>,
    /// The one with the most memory, and how much, in bytes.
    pub largest: Option<Pid>,
    most: u64,
    /// Pseudo-terminals.
    pub terminals: u64,
    /// Objects of System V.
    pub objects: u64,
}

impl Used {
    /// Counts what processes share once, which is slow.
    pub(super) fn share(&mut self, uid: u32) {
        let shares = self.processes.iter().map(|(pid, all)| share_of(*pid).unwrap_or(*all));
        self.memory = self.detached + as_user(uid, || shares.sum::<u64>());
    }
}

/// None of a process that hides it.
fn share_of(pid: Pid) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", pid.as_raw_nonzero())).ok()?;
    // Before Linux 5.4 only the sum is told, with what is read from files.
    let parts: &[&str] = if rollup.contains("\nPss_Anon:") { &["Pss_Anon:", "Pss_Shmem:"] } else { &["Pss:"] };
    Some(kilobytes(&rollup, parts) + kilobytes(&rollup, &["SwapPss:"]))
}

/// What all sessions use.
pub(super) struct Look {
    pub users: HashMap<u32, Used>,
}

impl Look {
    /// Looks at the users that are asked for.
    pub(super) fn take(watched: impl Fn(u32) -> bool) -> Self {
        let mut users: HashMap<u32, Used> = HashMap::new();
        for pid in ids() {
            let Some(uid) = owner(pid).filter(|uid| watched(*uid)) else { continue };
            let memory = memory_of(pid);
            let used = users.entry(uid).or_default();
            used.memory += memory;
            used.processes.push((pid, memory));
            if memory >= used.most {
                (used.most, used.largest) = (memory, Some(pid));
            }
        }
        for terminal in std::fs::read_dir("/dev/pts").into_iter().flatten().filter_map(Result::ok) {
            if let Some(uid) = terminal.metadata().ok().map(|terminal| terminal.uid()).filter(|uid| watched(*uid)) {
                users.entry(uid).or_default().terminals += 1;
            }
        }
        for kind in [SystemV::Memory, SystemV::Queue, SystemV::Semaphores] {
            for object in ipc::list(kind) {
                if let Some(uid) = [object.creator, object.uid].into_iter().find(|uid| watched(*uid)) {
                    let used = users.entry(uid).or_default();
                    used.objects += 1;
                    // What processes have attached counts with them too; twice at most.
                    used.memory += object.bytes;
                    used.detached += object.bytes;
                }
            }
        }
        Self { users }
    }
}

fn memory_of(pid: Pid) -> u64 {
    const PARTS: [&str; 3] = ["RssAnon:", "RssShmem:", "VmSwap:"];
    let folder = format!("/proc/{}", pid.as_raw_nonzero());
    let status = std::fs::read_to_string(format!("{folder}/status")).unwrap_or_default();
    if status.contains("\nRssAnon:") {
        return kilobytes(&status, &PARTS);
    }
    // The first thread has ended; the others may live on, and they show what it does not.
    let threads = std::fs::read_dir(format!("{folder}/task")).into_iter().flatten().filter_map(Result::ok);
    let shown = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok());
    shown.map(|status| kilobytes(&status, &PARTS)).max().unwrap_or(0)
}

/// The sum of the lines of these names, in bytes.
fn kilobytes(text: &str, names: &[&str]) -> u64 {
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
        let me = std::fs::metadata("/proc/self").unwrap().uid();
        let mut look = Look::take(|uid| uid == me);
        let used = look.users.get_mut(&me).unwrap();
        assert!(used.memory > 100_000, "{}", used.memory);
        assert!(used.largest.is_some());
        used.share(me);
        assert!(used.memory > 0);
        let pid = rustix::process::getpid();
        assert!(share_of(pid).is_some_and(|share| share > 0) && memory_of(pid) > 0);
    }

    #[test]
    fn lines_are_summed() {
        assert_eq!(
            kilobytes("RssAnon:\t     10 kB\nRssFile: 7 kB\nVmSwap: 2 kB\n", &["RssAnon:", "VmSwap:"]),
            12 * 1024
        );
    }
}
