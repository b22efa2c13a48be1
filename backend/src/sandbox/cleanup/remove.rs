//! Removes the files that a user left, running as that user. It never follows a link or resolves a path twice, and it needs
//! constant memory for nested directories: it flattens a tree by moving directories up to the top.

use crate::sandbox::dirfd::{for_each_name, is_directory, is_world_writable, open_directory, status};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Mode, chmodat, renameat, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;

/// Depth to which directories of other users are searched. Deeper ones end their session, because they count as too large.
pub(super) const MAX_DEPTH: usize = 128;

/// Names held in memory at once. A larger directory is listed again.
const MAX_NAMES: usize = 10_000;

pub(super) fn contents_of(path: &Path) -> io::Result<()> {
    // The user may have removed its own permissions.
    let _ = rustix::fs::chmod(path, Mode::RWXU);
    match open_directory(CWD, path) {
        Ok(directory) => empty(&directory),
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes the user's files from a shared directory.
pub(super) fn files_of(uid: u32, path: &Path) -> io::Result<()> {
    match open_directory(CWD, path) {
        Ok(directory) => search(uid, &directory, MAX_DEPTH),
        // A machine may lack the directory, or link it to another of the list.
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::ACCESS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn search(uid: u32, directory: &OwnedFd, depth: usize) -> io::Result<()> {
    let mut result = Ok(());
    for name in names(directory, usize::MAX)? {
        let Ok(status) = status(directory, &*name) else { continue };
        if status.st_uid == uid {
            result = result.and(remove(directory, &name));
        } else if depth > 0
            && is_directory(&status)
            && is_world_writable(&status)
            && let Ok(inner) = open_directory(directory, &*name)
        {
            result = result.and(search(uid, &inner, depth - 1));
        }
    }
    result
}

fn remove(parent: &OwnedFd, name: &CStr) -> io::Result<()> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // A directory: EISDIR on Linux, EPERM by POSIX.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let _ = chmodat(parent, name, Mode::RWXU, AtFlags::empty());
    let directory = open_directory(parent, name)?;
    empty(&directory)?;
    Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

/// Empties a directory: removes its files and flattens its subdirectories, until nothing is left or no round makes progress.
pub(super) fn empty(top: &OwnedFd) -> io::Result<()> {
    let mut moved = 0u64;
    loop {
        let (mut removed, mut failed) = (0, None);
        for name in names(top, MAX_NAMES)? {
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

/// Removes a directory in `top` after removing its files and moving its subdirectories to `top`.
fn flatten(top: &OwnedFd, name: &CStr, moved: &mut u64) -> rustix::io::Result<()> {
    let _ = chmodat(top, name, Mode::RWXU, AtFlags::empty());
    let directory = open_directory(top, name)?;
    let mut progress = false;
    for inner in names(&directory, MAX_NAMES)? {
        match unlinkat(&directory, &*inner, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => {}
            other => {
                progress |= other.is_ok();
                continue;
            }
        }
        // Moving a directory takes write permission on it.
        let _ = chmodat(&directory, &*inner, Mode::RWXU, AtFlags::empty());
        loop {
            *moved += 1;
            match renameat(&directory, &*inner, top, format!(".sweep-{moved}")) {
                // The session created an entry of this name.
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::ISDIR) => {}
                other => {
                    progress |= other.is_ok();
                    break;
                }
            }
        }
    }
    match unlinkat(top, name, AtFlags::REMOVEDIR) {
        // The next round continues.
        Err(Errno::NOTEMPTY) if progress => Ok(()),
        other => other,
    }
}

pub(super) fn names(directory: &OwnedFd, limit: usize) -> rustix::io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for_each_name(directory, |name| {
        if names.len() < limit {
            names.push(name.to_owned());
        }
    })?;
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn contents_are_removed_and_links_not_followed() {
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
        contents_of(&home).unwrap();
        assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0);
        assert!(other.join("kept").exists());
        symlink(&other, around.path().join("home-link")).unwrap();
        assert!(contents_of(&around.path().join("home-link")).is_err(), "a link in place of the directory");
        assert!(other.join("kept").exists());
    }

    #[test]
    fn trees_deeper_than_any_path_and_large_directories_are_removed() {
        let around = tempfile::tempdir().unwrap();
        let mut at = open_directory(CWD, around.path()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&at, "deeper", Mode::RWXU).unwrap();
            at = open_directory(&at, c"deeper").unwrap();
        }
        let wide = around.path().join("wide");
        std::fs::create_dir(&wide).unwrap();
        for number in 0..MAX_NAMES + 10 {
            std::fs::write(wide.join(number.to_string()), "").unwrap();
        }
        contents_of(around.path()).unwrap();
        assert_eq!(std::fs::read_dir(around.path()).unwrap().count(), 0);
    }
}
