//! Files that processes unlinked but hold open: they take room until they are closed.

use super::FileUsage;
use super::file_sizes::is_in_memory;
use super::sample::{status_with_memory, tasks_of};
use rustix::process::Pid;
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Adds unlinked files of processes. Returns the processes that do not show their files.
pub(super) fn add_unlinked_files(processes: impl Iterator<Item = Pid>, files: &mut FileUsage) -> Vec<Pid> {
    let (mut seen, mut hidden) = (HashSet::new(), Vec::new());
    for pid in processes {
        let Ok(descriptors) = descriptors_of(pid) else {
            hidden.push(pid);
            continue;
        };
        for descriptor in descriptors {
            let Ok(file) = std::fs::metadata(&descriptor) else { continue };
            if !file.is_file() || file.nlink() > 0 || !seen.insert((file.dev(), file.ino())) {
                continue;
            }
            let total = if is_in_memory(&descriptor) { &mut files.memory } else { &mut files.disk };
            *total += file.blocks() * 512;
            files.count += 1;
        }
    }
    hidden
}

/// Descriptors of a process, as links in `/proc`. A process has one table, because the launcher's filter denies threads with
/// their own, but a thread that has ended shows none: the first one may have ended before the others. Fails if no thread lets
/// its user read the table.
fn descriptors_of(pid: Pid) -> io::Result<Vec<PathBuf>> {
    let mut denied = None;
    for task in tasks_of(pid) {
        let table = match std::fs::read_dir(task.join("fd")) {
            Err(error) => {
                // The files of a thread without memory are closed, or are about to be.
                if error.kind() == ErrorKind::PermissionDenied && status_with_memory(&task).is_some() {
                    denied = Some(error);
                }
                continue;
            }
            Ok(table) => table,
        };
        let table: Vec<_> = table.filter_map(|entry| Some(entry.ok()?.path())).collect();
        if !table.is_empty() {
            return Ok(table);
        }
    }
    denied.map_or(Ok(Vec::new()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlinked_files_are_counted() {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; 1 << 20]).unwrap();
        file.sync_all().unwrap();
        let mut files = FileUsage::default();
        let hidden = add_unlinked_files(std::iter::once(rustix::process::getpid()), &mut files);
        assert!(files.disk + files.memory >= 1 << 20 && files.count >= 1 && hidden.is_empty(), "{files:?}");
    }
}
