//! Removes what a user left, as that user. Never follows a link, never opens a path twice, and needs neither depth nor
//! memory, however directories are nested: one is emptied by moving what it holds up to the top.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, chmodat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;

/// How deep directories of others that anyone may write to are looked into.
const DEPTH: usize = 8;

/// Names that are worth holding in memory at once. A directory with more is read again.
const AT_ONCE: usize = 10_000;

fn open(parent: impl AsFd, name: &CStr) -> rustix::io::Result<OwnedFd> {
    openat(parent, name, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn top(path: &Path) -> rustix::io::Result<OwnedFd> {
    openat(CWD, path, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Empties a directory of the user's own.
pub(super) fn everything_in(path: &Path) -> io::Result<()> {
    // It may have taken its own rights away.
    let _ = rustix::fs::chmod(path, Mode::RWXU);
    match top(path) {
        Ok(directory) => empty(&directory),
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes all of the user's in a directory where anyone may leave files.
pub(super) fn everything_of(uid: u32, path: &Path) -> io::Result<()> {
    match top(path) {
        Ok(directory) => search(uid, &directory, DEPTH),
        // Not every machine has each of them; one that is a link is another of them.
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::ACCESS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn search(uid: u32, directory: &OwnedFd, depth: usize) -> io::Result<()> {
    let mut worst = Ok(());
    for name in names(directory, usize::MAX)? {
        let Ok(status) = statat(directory, &*name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let is_directory = FileType::from_raw_mode(status.st_mode) == FileType::Directory;
        if status.st_uid == uid {
            worst = worst.and(remove(directory, &name));
        } else if is_directory
            && depth > 0
            && Mode::from_raw_mode(status.st_mode).contains(Mode::WOTH)
            && let Ok(inner) = open(directory, &name)
        {
            worst = worst.and(search(uid, &inner, depth - 1));
        }
    }
    worst
}

/// Removes one entry, whatever it is.
fn remove(parent: &OwnedFd, name: &CStr) -> io::Result<()> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // Linux says ISDIR of a directory, others PERM.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let _ = chmodat(parent, name, Mode::RWXU, AtFlags::empty());
    let directory = open(parent, name)?;
    empty(&directory)?;
    Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

/// Empties a directory: files are removed, and what is in a directory is moved up, until there is nothing left.
fn empty(top: &OwnedFd) -> io::Result<()> {
    let mut moved = 0u64;
    loop {
        let (mut removed, mut failed) = (0, None);
        for name in names(top, AT_ONCE)? {
            let done = match unlinkat(top, &*name, AtFlags::empty()) {
                Err(Errno::ISDIR | Errno::PERM) => flatten(top, &name, &mut moved),
                other => other,
            };
            match done {
                Ok(()) => removed += 1,
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            None if removed == 0 => return Ok(()),
            Some(error) if removed == 0 => return Err(error.into()),
            _ => {}
        }
    }
}

/// Moves what is in a directory in `top` there, and removes it once it is empty.
fn flatten(top: &OwnedFd, name: &CStr, moved: &mut u64) -> rustix::io::Result<()> {
    let _ = chmodat(top, name, Mode::RWXU, AtFlags::empty());
    let directory = open(top, name)?;
    let mut less = false;
    for inner in names(&directory, AT_ONCE)? {
        match unlinkat(&directory, &*inner, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => {}
            other => {
                less |= other.is_ok();
                continue;
            }
        }
        // A directory is moved only by those who may write to it.
        let _ = chmodat(&directory, &*inner, Mode::RWXU, AtFlags::empty());
        loop {
            *moved += 1;
            match renameat(&directory, &*inner, top, format!(".sweep-{moved}")) {
                // Someone expected us.
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::ISDIR) => {}
                other => {
                    less |= other.is_ok();
                    break;
                }
            }
        }
    }
    match unlinkat(top, name, AtFlags::REMOVEDIR) {
        // The rest is for the next round.
        Err(Errno::NOTEMPTY) if less => Ok(()),
        other => other,
    }
}

/// The names in a directory, or the first so many.
fn names(directory: &OwnedFd, most: usize) -> rustix::io::Result<Vec<CString>> {
    let entries = Dir::read_from(directory)?.filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_owned());
    Ok(names.filter(|name| name.as_bytes() != b"." && name.as_bytes() != b"..").take(most).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn everything_goes_and_nothing_behind_a_link() {
        let around = tempfile::tempdir().unwrap();
        let (home, other) = (around.path().join("home"), around.path().join("other"));
        std::fs::create_dir_all(&other).unwrap();
        std::fs::write(other.join("kept"), "").unwrap();
        std::fs::create_dir_all(home.join("a/b/c/.sweep-1")).unwrap();
        std::fs::write(home.join(".sweep-1"), "").unwrap();
        std::fs::create_dir_all(home.join(".sweep-2/full")).unwrap();
        std::fs::write(home.join("a/b/file"), "").unwrap();
        symlink(&other, home.join("link")).unwrap();
        symlink(&other, home.join("a/b/link")).unwrap();
        std::fs::set_permissions(home.join("a/b"), PermissionsExt::from_mode(0o0)).unwrap();
        everything_in(&home).unwrap();
        assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0);
        assert!(other.join("kept").exists());
        symlink(&other, around.path().join("home-link")).unwrap();
        assert!(everything_in(&around.path().join("home-link")).is_err(), "a link in place of the directory");
        assert!(other.join("kept").exists());
    }

    #[test]
    fn a_nest_deeper_than_any_path_and_a_wide_directory() {
        let around = tempfile::tempdir().unwrap();
        let mut at = top(around.path()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&at, "deeper", Mode::RWXU).unwrap();
            at = open(&at, c"deeper").unwrap();
        }
        let wide = around.path().join("wide");
        std::fs::create_dir(&wide).unwrap();
        for number in 0..AT_ONCE + 10 {
            std::fs::write(wide.join(number.to_string()), "").unwrap();
        }
        everything_in(around.path()).unwrap();
        assert_eq!(std::fs::read_dir(around.path()).unwrap().count(), 0);
    }
}
