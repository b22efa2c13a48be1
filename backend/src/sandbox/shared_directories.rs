//! Directories in which every user may make files. Sessions leave files there, so these are measured and swept.

use super::dirfd::{for_each_name, is_directory, is_world_writable, open_directory, status};
use rustix::fs::CWD;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Those of a container and of most machines. They may appear after the start.
const USUAL: [&str; 5] = ["/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock"];

/// Where others are searched: programs of the image may bring some, as `screen` does. Each may be a mount.
const TOPS: [&str; 3] = ["/", "/var", "/run"];

/// Depth of the search below its tops.
const MAX_DEPTH: usize = 4;

/// Finds shared directories, without those inside of others. `except` is searched neither.
pub(super) fn find(except: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = USUAL.map(PathBuf::from).into();
    for top in TOPS {
        search(Path::new(top), MAX_DEPTH, except, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn search(path: &Path, depth: usize, except: &Path, found: &mut Vec<PathBuf>) {
    let Ok(directory) = open_directory(CWD, path) else { return };
    let Ok(device) = status(&directory, c".").map(|status| status.st_dev) else { return };
    let mut inner = Vec::new();
    // An unreadable directory has no entries.
    let _ = for_each_name(&directory, |name| {
        let Ok(status) = status(&directory, name) else { return };
        let path = path.join(OsStr::from_bytes(name.to_bytes()));
        // Other file systems may be large, remote, or the kernel's own.
        if is_directory(&status) && status.st_dev == device && path != except {
            inner.push((path, is_world_writable(&status)));
        }
    });
    for (path, is_shared) in inner {
        if is_shared {
            found.push(path);
        } else if depth > 1 {
            search(&path, depth - 1, except, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn world_writable_directories_are_found() {
        let top = tempfile::tempdir().unwrap();
        for (name, mode) in
            [("a", 0o755), ("a/open", 0o1777), ("a/open/inner", 0o777), ("a/own", 0o700), ("state", 0o777)]
        {
            std::fs::create_dir(top.path().join(name)).unwrap();
            std::fs::set_permissions(top.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        symlink(top.path().join("a/open"), top.path().join("link")).unwrap();
        let mut found = Vec::new();
        search(top.path(), MAX_DEPTH, &top.path().join("state"), &mut found);
        assert_eq!(found, [top.path().join("a/open")]);
        let all = find(Path::new("/none"));
        assert!(USUAL.iter().all(|usual| all.iter().filter(|path| path == &Path::new(usual)).count() == 1), "{all:?}");
    }
}
