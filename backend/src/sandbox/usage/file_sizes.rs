//! Sizes of a session's files: in its own directories, in shared ones, and unlinked but open.

use super::FileUsage;
use crate::sandbox::cleanup::SHARED_DIRECTORIES;
use crate::sandbox::dirfd::{for_each_name, is_directory, is_world_writable, open_directory, status};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Stat};
use rustix::process::Pid;
use std::collections::{HashMap, HashSet};
use std::ffi::CStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Deepest nesting that is measured. A deeper tree counts as too large.
const MAX_DEPTH: usize = 100;

/// Smallest size of a file, in bytes: an empty one takes room too.
const MIN_FILE_BYTES: u64 = 4096;

const MEMORY_DIRECTORY: &str = "/dev/shm";

/// Entries read in a shared directory and its world-writable subdirectories.
const MAX_SHARED_ENTRIES: u64 = 200_000;

/// Bytes of directories. Stops above `limit`.
pub(super) fn size_of_directories(directories: &[PathBuf], limit: u64) -> u64 {
    let mut total = DirectoryTotal { bytes: 0, limit };
    for directory in directories {
        if let Ok(directory) = open_directory(CWD, directory) {
            total.add(&directory, MAX_DEPTH);
        }
    }
    total.bytes
}

/// Files of users in shared directories, for those users for which `watched` is true.
pub(super) fn sizes_in_shared_directories(watched: impl Fn(u32) -> bool) -> HashMap<u32, FileUsage> {
    let mut users = HashMap::new();
    for path in SHARED_DIRECTORIES {
        if let Ok(directory) = open_directory(CWD, Path::new(path)) {
            let in_memory = path == MEMORY_DIRECTORY;
            let mut search =
                SharedSearch { in_memory, watched: &watched, users: &mut users, entries_left: MAX_SHARED_ENTRIES };
            search.add(&directory, MAX_DEPTH);
        }
    }
    users
}

/// Adds files that processes unlinked but hold open: they take room until they are closed.
pub(super) fn sizes_of_unlinked_files(processes: impl Iterator<Item = Pid>, files: &mut FileUsage) {
    let mut seen = HashSet::new();
    for pid in processes {
        let directory = format!("/proc/{}/fd", pid.as_raw_nonzero());
        for entry in std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
            let Ok(file) = std::fs::metadata(entry.path()) else { continue };
            if !file.is_file() || file.nlink() > 0 || !seen.insert((file.dev(), file.ino())) {
                continue;
            }
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            let target = target.to_string_lossy();
            let in_memory = [MEMORY_DIRECTORY, "/memfd:"].iter().any(|prefix| target.starts_with(prefix));
            *(if in_memory { &mut files.memory } else { &mut files.disk }) += file.blocks() * 512;
        }
    }
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
    bytes: u64,
    limit: u64,
}

impl DirectoryTotal {
    fn add(&mut self, directory: &OwnedFd, depth: usize) {
        if depth == 0 {
            self.bytes = u64::MAX / 4;
            return;
        }
        let mut inner = Vec::new();
        for_each_entry(directory, |name, status| {
            if self.bytes <= self.limit {
                self.bytes += if is_directory(status) { MIN_FILE_BYTES } else { size_of(status) };
                if is_directory(status) {
                    inner.push(name.to_owned());
                }
            }
        });
        for name in inner {
            if self.bytes > self.limit {
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
    watched: &'a dyn Fn(u32) -> bool,
    users: &'a mut HashMap<u32, FileUsage>,
    entries_left: u64,
}

impl SharedSearch<'_> {
    fn add(&mut self, directory: &OwnedFd, depth: usize) {
        let mut inner = Vec::new();
        for_each_entry(directory, |name, status| {
            if self.entries_left == 0 {
                return;
            }
            self.entries_left -= 1;
            let watched = (self.watched)(status.st_uid);
            if watched {
                let files = self.users.entry(status.st_uid).or_default();
                *(if self.in_memory { &mut files.memory } else { &mut files.disk }) += size_of(status);
            }
            if is_directory(status) && (watched || is_world_writable(status)) {
                inner.push(name.to_owned());
            }
        });
        for name in inner.into_iter().filter(|_| depth > 0) {
            if let Ok(directory) = open_directory(directory, &*name) {
                self.add(&directory, depth - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(path: &Path, limit: u64) -> u64 {
        size_of_directories(&[path.to_owned()], limit)
    }

    #[test]
    fn files_are_counted_and_hard_links_shared() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(size(home.path(), u64::MAX), 0);
        std::fs::create_dir_all(home.path().join("a/b")).unwrap();
        std::fs::write(home.path().join("a/b/c"), vec![1; 1 << 20]).unwrap();
        std::fs::hard_link(home.path().join("a/b/c"), home.path().join("again")).unwrap();
        std::os::unix::fs::symlink("/usr", home.path().join("link")).unwrap();
        let disk = size(home.path(), u64::MAX);
        assert!(((1 << 20)..(1 << 20) + 10 * MIN_FILE_BYTES).contains(&disk), "{disk}");
        let mut deep = home.path().to_owned();
        deep.extend(std::iter::repeat_n("d", MAX_DEPTH + 1));
        std::fs::create_dir_all(deep).unwrap();
        assert!(size(home.path(), u64::MAX / 8) > 1 << 50, "a tree that is too deep counts as too large");
    }

    #[test]
    fn unlinked_files_are_counted() {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; 1 << 20]).unwrap();
        file.sync_all().unwrap();
        let mut files = FileUsage::default();
        sizes_of_unlinked_files(std::iter::once(rustix::process::getpid()), &mut files);
        assert!(files.disk + files.memory >= 1 << 20, "{files:?}");
    }
}
