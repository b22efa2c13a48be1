//! Sizes and number of a session's files, in its own directories and in shared ones.

use super::FileUsage;
use crate::sandbox::dirfd::{for_each_name, is_directory, is_world_writable, open_directory, status};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Stat, statfs};
use rustix::path::Arg;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Deepest nesting that is measured. A deeper tree counts as too large.
const MAX_DEPTH: usize = 100;

/// Size of a tree that is too deep.
const TOO_LARGE: u64 = u64::MAX / 4;

/// Smallest size of a file, in bytes: an empty one takes room too.
const MIN_FILE_BYTES: u64 = 4096;

/// Entries read in a shared directory: more than all sessions of an instance may have in a container of the usual size.
const MAX_SHARED_ENTRIES: u64 = 2_000_000;

/// Files of directories. Stops above `limit`, in bytes or in files.
pub(super) fn usage_of_directories(directories: &[PathBuf], limit: FileUsage) -> FileUsage {
    let mut total = DirectoryTotal { usage: FileUsage::default(), limit };
    for directory in directories {
        if let Ok(directory) = open_directory(CWD, directory) {
            total.add(&directory, MAX_DEPTH);
        }
    }
    total.usage
}

/// Files of users in shared directories, for those users for which `watched` is true. `sessions` are the uids of all sessions,
/// past ones too: what a user has in a directory of another one counts, whether or not that is open to all by now.
pub(super) fn usage_in_shared_directories(
    directories: &[PathBuf],
    sessions: &RangeInclusive<u32>,
    watched: impl Fn(u32) -> bool,
) -> HashMap<u32, FileUsage> {
    let mut users = HashMap::new();
    for path in directories {
        if let Ok(directory) = open_directory(CWD, path) {
            let in_memory = is_in_memory(path);
            let (users, watched) = (&mut users, &watched);
            let mut search = SharedSearch { in_memory, sessions, watched, users, entries_left: MAX_SHARED_ENTRIES };
            search.add(&directory, MAX_DEPTH);
        }
    }
    users
}

/// True for files whose blocks are memory.
pub(super) fn is_in_memory(path: impl Arg) -> bool {
    statfs(path).is_ok_and(|system| [libc::TMPFS_MAGIC, libc::HUGETLBFS_MAGIC].contains(&system.f_type))
}

fn for_each_entry(directory: &OwnedFd, mut each: impl FnMut(&CStr, &Stat)) {
    // An unreadable directory has no entries.
    let _ = for_each_name(directory, |name| {
        if let Ok(status) = status(directory, name) {
            each(name, &status);
        }
    });
}

/// Size of a file in bytes, divided by its number of hard links.
fn size_of(status: &Stat) -> u64 {
    let blocks = u64::try_from(status.st_blocks).unwrap_or_default();
    (blocks * 512 / u64::from(status.st_nlink as u32).max(1)).max(MIN_FILE_BYTES)
}

struct DirectoryTotal {
    usage: FileUsage,
    limit: FileUsage,
}

impl DirectoryTotal {
    fn is_full(&self) -> bool {
        self.usage.disk > self.limit.disk || self.usage.count > self.limit.count
    }

    fn add(&mut self, directory: &OwnedFd, depth: usize) {
        if depth == 0 {
            self.usage.disk = TOO_LARGE;
            return;
        }
        let mut inner = Vec::new();
        for_each_entry(directory, |name, status| {
            if !self.is_full() {
                self.usage.count += 1;
                self.usage.disk += if is_directory(status) { MIN_FILE_BYTES } else { size_of(status) };
                if is_directory(status) {
                    inner.push(name.to_owned());
                }
            }
        });
        for name in inner {
            if self.is_full() {
                return;
            }
            if let Ok(directory) = open_directory(directory, &*name) {
                self.add(&directory, depth - 1);
            }
        }
    }
}

struct SharedSearch<'a> {
    in_memory: bool,
    sessions: &'a RangeInclusive<u32>,
    watched: &'a dyn Fn(u32) -> bool,
    users: &'a mut HashMap<u32, FileUsage>,
    entries_left: u64,
}

impl SharedSearch<'_> {
    fn count(&mut self, uid: u32, bytes: u64) {
        if (self.watched)(uid) {
            let files = self.users.entry(uid).or_default();
            files.count += 1;
            let total = if self.in_memory { &mut files.memory } else { &mut files.disk };
            *total = total.saturating_add(bytes);
        }
    }

    fn add(&mut self, directory: &OwnedFd, depth: usize) {
        let mut inner: Vec<(CString, u32)> = Vec::new();
        for_each_entry(directory, |name, status| {
            if self.entries_left == 0 {
                return;
            }
            self.entries_left -= 1;
            self.count(status.st_uid, size_of(status));
            if is_directory(status) && (self.sessions.contains(&status.st_uid) || is_world_writable(status)) {
                inner.push((name.to_owned(), status.st_uid));
            }
        });
        for (name, uid) in inner {
            if depth == 0 {
                self.count(uid, TOO_LARGE);
            } else if let Ok(directory) = open_directory(directory, &*name) {
                self.add(&directory, depth - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const NO_LIMIT: FileUsage = FileUsage { disk: u64::MAX / 8, memory: 0, count: u64::MAX };

    fn usage(path: &Path, limit: FileUsage) -> FileUsage {
        usage_of_directories(&[path.to_owned()], limit)
    }

    #[test]
    fn files_are_counted_and_hard_links_shared() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(usage(home.path(), NO_LIMIT), FileUsage::default());
        std::fs::create_dir_all(home.path().join("a/b")).unwrap();
        std::fs::write(home.path().join("a/b/c"), vec![1; 1 << 20]).unwrap();
        std::fs::hard_link(home.path().join("a/b/c"), home.path().join("again")).unwrap();
        std::os::unix::fs::symlink("/usr", home.path().join("link")).unwrap();
        let all = usage(home.path(), NO_LIMIT);
        assert!(((1 << 20)..(1 << 20) + 10 * MIN_FILE_BYTES).contains(&all.disk) && all.count == 5, "{all:?}");
        let stopped = usage(home.path(), FileUsage { count: 3, ..NO_LIMIT });
        assert_eq!(stopped.count, 4, "a scan stops above the limit");
        let mut deep = home.path().to_owned();
        deep.extend(std::iter::repeat_n("d", MAX_DEPTH + 1));
        std::fs::create_dir_all(deep).unwrap();
        assert!(usage(home.path(), NO_LIMIT).disk > 1 << 50, "a tree that is too deep counts as too large");
    }
}
