//! What sessions have written: in their own directories, where anyone may write, and into files that have no name any more.
//! Walks by descriptors and follows no link, because the walk is root's and the directories are a stranger's.

use super::look::Look;
use crate::pty::sweep::SHARED_DIRECTORIES;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use std::collections::{HashMap, HashSet};
use std::ffi::CStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Directories within directories. Who nests deeper hides something.
const DEPTH: usize = 100;

/// An empty file takes room, too: in bytes.
const LEAST: u64 = 4096;

/// Where files are memory.
const MEMORY: &str = "/dev/shm";

/// Entries of shared directories that are looked at; what others have there is skipped unless anyone may write to it.
const SHARED_ENTRIES: u64 = 200_000;

/// What one session has written, in bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Files {
    pub disk: u64,
    pub memory: u64,
}

/// Looks at all of it; at a session that has more than `enough` no further.
pub(super) fn look(homes: Vec<(u32, Vec<PathBuf>)>, look: &Look, enough: u64) -> HashMap<u32, Files> {
    let mut all: HashMap<u32, Files> = homes.iter().map(|(uid, _)| (*uid, Files::default())).collect();
    for (uid, directories) in homes {
        let mut walk = Walk { sum: 0, enough };
        for directory in directories {
            if let Some(directory) = open(CWD, &directory) {
                walk.own(&directory, DEPTH);
            }
        }
        if let Some(files) = all.get_mut(&uid) {
            files.disk += walk.sum;
        }
    }
    for shared in SHARED_DIRECTORIES {
        if let Some(directory) = open(CWD, Path::new(shared)) {
            let mut entries = SHARED_ENTRIES;
            search(&directory, shared == MEMORY, &mut all, DEPTH, &mut entries);
        }
    }
    for (uid, used) in &look.users {
        if let Some(files) = all.get_mut(uid) {
            nameless(&used.processes, files);
        }
    }
    all
}

fn open(parent: impl AsFd, name: impl rustix::path::Arg) -> Option<OwnedFd> {
    openat(parent, name, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// Each entry with what is known of it; not those that are gone meanwhile.
fn entries(directory: &OwnedFd, mut each: impl FnMut(&CStr, &Stat)) {
    let Ok(listing) = Dir::read_from(directory) else { return };
    for entry in listing.filter_map(Result::ok) {
        let name = entry.file_name();
        if name != c"."
            && name != c".."
            && let Ok(status) = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        {
            each(name, &status);
        }
    }
}

/// The room that an entry takes; that of a file with several names is shared among them.
fn room(status: &Stat) -> u64 {
    let blocks = u64::try_from(status.st_blocks).unwrap_or_default();
    (blocks * 512 / u64::from(status.st_nlink as u32).max(1)).max(LEAST)
}

fn is_directory(status: &Stat) -> bool {
    FileType::from_raw_mode(status.st_mode) == FileType::Directory
}

struct Walk {
    sum: u64,
    enough: u64,
}

impl Walk {
    fn own(&mut self, directory: &OwnedFd, depth: usize) {
        if depth == 0 {
            self.sum = u64::MAX / 4;
            return;
        }
        let mut inner = Vec::new();
        entries(directory, |name, status| {
            // The sum only grows: what is enough stays enough.
            if self.sum <= self.enough {
                self.sum += if is_directory(status) { LEAST } else { room(status) };
                if is_directory(status) {
                    inner.push(name.to_owned());
                }
            }
        });
        for name in inner {
            if self.sum > self.enough {
                return;
            }
            if let Some(directory) = open(directory, &*name) {
                self.own(&directory, depth - 1);
            }
        }
    }
}

fn search(directory: &OwnedFd, memory: bool, all: &mut HashMap<u32, Files>, depth: usize, left: &mut u64) {
    let mut inner = Vec::new();
    entries(directory, |name, status| {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let files = all.get_mut(&status.st_uid);
        let theirs = files.is_some();
        if let Some(files) = files {
            let sum = if memory { &mut files.memory } else { &mut files.disk };
            *sum += room(status);
        }
        if is_directory(status) && (theirs || Mode::from_raw_mode(status.st_mode).contains(Mode::WOTH)) {
            inner.push(name.to_owned());
        }
    });
    for name in inner.into_iter().filter(|_| depth > 0) {
        if let Some(directory) = open(directory, &*name) {
            search(&directory, memory, all, depth - 1, left);
        }
    }
}

/// Files that were removed while they are open take their room until they are closed.
fn nameless(processes: &[rustix::process::Pid], files: &mut Files) {
    let mut seen = HashSet::new();
    for pid in processes {
        let folder = format!("/proc/{}/fd", pid.as_raw_nonzero());
        for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            let Ok(file) = std::fs::metadata(entry.path()) else { continue };
            if !file.is_file() || file.nlink() > 0 || !seen.insert((file.dev(), file.ino())) {
                continue;
            }
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            let is_memory = [MEMORY, "/memfd:"].iter().any(|start| target.to_string_lossy().starts_with(start));
            let sum = if is_memory { &mut files.memory } else { &mut files.disk };
            *sum += file.blocks() * 512;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &Path, enough: u64) -> Files {
        let none = Look { users: HashMap::new() };
        look(vec![(4_000_000_000, vec![path.to_owned()])], &none, enough)[&4_000_000_000]
    }

    #[test]
    fn files_links_and_nests_are_counted() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(of(home.path(), u64::MAX), Files::default());
        std::fs::create_dir_all(home.path().join("a/b")).unwrap();
        std::fs::write(home.path().join("a/b/c"), vec![1; 1 << 20]).unwrap();
        std::fs::hard_link(home.path().join("a/b/c"), home.path().join("again")).unwrap();
        std::os::unix::fs::symlink("/usr", home.path().join("link")).unwrap();
        let disk = of(home.path(), u64::MAX).disk;
        assert!(((1 << 20)..(1 << 20) + 10 * LEAST).contains(&disk), "{disk}");
        let mut deep = home.path().to_owned();
        deep.extend(std::iter::repeat_n("d", DEPTH + 1));
        std::fs::create_dir_all(deep).unwrap();
        assert!(of(home.path(), u64::MAX / 8).disk > 1 << 50, "nobody knows what is down there");
    }

    #[test]
    fn a_file_without_a_name_is_found() {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; 1 << 20]).unwrap();
        file.sync_all().unwrap();
        let mut files = Files::default();
        nameless(&[rustix::process::getpid()], &mut files);
        assert!(files.disk + files.memory >= 1 << 20, "{files:?}");
    }
}
