//! What sessions have written: in their own directories, where anyone may write, and into files that have no name any more.
//! Walks by descriptors and follows no link, because the walk is root's and the directories are a stranger's.

use super::EVERY;
use crate::pty::descriptor::as_user;
use crate::pty::processes::of_user;
use crate::pty::quarters::Quarters;
use crate::pty::sweep::SHARED_DIRECTORIES;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, statat, statvfs};
use rustix::process::Pid;
use std::collections::{HashMap, HashSet};
use std::ffi::CStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::time::Instant;

/// Directories within directories. Who nests deeper hides something.
const DEPTH: usize = 100;

/// How much longer than a look at a session's files takes is waited until the next.
const SHARE: u32 = 20;

/// An empty file takes room, too: in bytes.
const LEAST: u64 = 4096;

/// Where files are memory.
const MEMORY: &str = "/dev/shm";

/// Entries of shared directories that are looked at; what others have there is skipped unless anyone may write to it.
const SHARED_ENTRIES: u64 = 200_000;

/// What one session has written, in bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::pty) struct Files {
    pub disk: u64,
    pub memory: u64,
}

/// Who is looked at when: the longer a look takes, the rarer it is, unless the disk fills.
pub(super) struct Walks {
    enough: u64,
    state: PathBuf,
    due: HashMap<u32, Instant>,
    /// Free room on the disk at the last time that all were due, in bytes.
    free: u64,
}

impl Walks {
    /// Of sessions that have more than `enough` no further is looked at. `state` is where most files are.
    pub(super) fn new(enough: u64, state: &Path) -> Self {
        Self { enough, state: state.to_owned(), due: HashMap::new(), free: 0 }
    }

    /// Looks at those whose time has come.
    pub(super) fn round(&mut self, present: &[Arc<Quarters>]) {
        self.due.retain(|uid, _| present.iter().any(|quarters| quarters.uid() == *uid));
        let free = statvfs(&self.state).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let fills = free.saturating_add(self.enough / 4) < self.free;
        if fills {
            self.due.clear();
        }
        if fills || free > self.free {
            self.free = free;
        }
        let now = Instant::now();
        let due = |quarters: &&Arc<Quarters>| self.due.get(&quarters.uid()).is_none_or(|due| *due <= now);
        let due: Vec<_> = present.iter().filter(due).collect();
        if due.is_empty() {
            return;
        }
        let shared = shared(|uid| due.iter().any(|quarters| quarters.uid() == uid));
        for quarters in due {
            let before = Instant::now();
            let mut files = shared.get(&quarters.uid()).copied().unwrap_or_default();
            files.disk = files.disk.saturating_add(own(&quarters.directories(), self.enough));
            let processes = of_user(quarters.uid()).map(|process| process.pid);
            as_user(quarters.uid(), || nameless(processes, &mut files));
            quarters.measured(files);
            let after = Instant::now();
            self.due.insert(quarters.uid(), after + EVERY.max((after - before) * SHARE));
        }
    }
}

/// What is in a session's own directories, in bytes.
fn own(directories: &[PathBuf], enough: u64) -> u64 {
    let mut walk = Walk { sum: 0, enough };
    for directory in directories {
        if let Some(directory) = open(CWD, directory) {
            walk.own(&directory, DEPTH);
        }
    }
    walk.sum
}

/// What these users have where anyone may leave files.
fn shared(watched: impl Fn(u32) -> bool) -> HashMap<u32, Files> {
    let mut all = HashMap::new();
    for shared in SHARED_DIRECTORIES {
        if let Some(directory) = open(CWD, Path::new(shared)) {
            let mut search =
                Search { memory: shared == MEMORY, watched: &watched, all: &mut all, left: SHARED_ENTRIES };
            search.of(&directory, DEPTH);
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

struct Search<'a> {
    memory: bool,
    watched: &'a dyn Fn(u32) -> bool,
    all: &'a mut HashMap<u32, Files>,
    left: u64,
}

impl Search<'_> {
    fn of(&mut self, directory: &OwnedFd, depth: usize) {
        let mut inner = Vec::new();
        entries(directory, |name, status| {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let theirs = (self.watched)(status.st_uid);
            if theirs {
                let files = self.all.entry(status.st_uid).or_default();
                *(if self.memory { &mut files.memory } else { &mut files.disk }) += room(status);
            }
            if is_directory(status) && (theirs || Mode::from_raw_mode(status.st_mode).contains(Mode::WOTH)) {
                inner.push(name.to_owned());
            }
        });
        for name in inner.into_iter().filter(|_| depth > 0) {
            if let Some(directory) = open(directory, &*name) {
                self.of(&directory, depth - 1);
            }
        }
    }
}

/// Files that were removed while they are open take their room until they are closed.
fn nameless(processes: impl Iterator<Item = Pid>, files: &mut Files) {
    let mut seen = HashSet::new();
    for pid in processes {
        let folder = format!("/proc/{}/fd", pid.as_raw_nonzero());
        for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            let Ok(file) = std::fs::metadata(entry.path()) else { continue };
            if !file.is_file() || file.nlink() > 0 || !seen.insert((file.dev(), file.ino())) {
                continue;
            }
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            let in_memory = [MEMORY, "/memfd:"].iter().any(|start| target.to_string_lossy().starts_with(start));
            let sum = if in_memory { &mut files.memory } else { &mut files.disk };
            *sum += file.blocks() * 512;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &Path, enough: u64) -> u64 {
        own(&[path.to_owned()], enough)
    }

    #[test]
    fn files_links_and_nests_are_counted() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(of(home.path(), u64::MAX), 0);
        std::fs::create_dir_all(home.path().join("a/b")).unwrap();
        std::fs::write(home.path().join("a/b/c"), vec![1; 1 << 20]).unwrap();
        std::fs::hard_link(home.path().join("a/b/c"), home.path().join("again")).unwrap();
        std::os::unix::fs::symlink("/usr", home.path().join("link")).unwrap();
        let disk = of(home.path(), u64::MAX);
        assert!(((1 << 20)..(1 << 20) + 10 * LEAST).contains(&disk), "{disk}");
        let mut deep = home.path().to_owned();
        deep.extend(std::iter::repeat_n("d", DEPTH + 1));
        std::fs::create_dir_all(deep).unwrap();
        assert!(of(home.path(), u64::MAX / 8) > 1 << 50, "nobody knows what is down there");
    }

    #[test]
    fn a_file_without_a_name_is_found() {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; 1 << 20]).unwrap();
        file.sync_all().unwrap();
        let mut files = Files::default();
        nameless(std::iter::once(rustix::process::getpid()), &mut files);
        assert!(files.disk + files.memory >= 1 << 20, "{files:?}");
    }
}
