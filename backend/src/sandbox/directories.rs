//! Makes the directories of sandboxes, with owners and permissions that do not depend on the umask.

use super::context::Context;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::Path;

/// Makes a directory. Fails if it exists: its uid would then not be unused.
pub(super) fn make(path: &Path, mode: u32, uid: u32, gid: u32) -> io::Result<()> {
    let made = std::fs::DirBuilder::new().mode(0o700).create(path);
    made.and_then(|()| set_owner_and_mode(path, mode, uid, gid)).context(path.display())
}

/// Makes a directory of root and its parents, or corrects the permissions of an existing one.
pub(super) fn ensure(path: &Path, mode: u32) -> io::Result<()> {
    let made = std::fs::create_dir_all(path);
    made.and_then(|()| set_owner_and_mode(path, mode, 0, 0)).context(path.display())
}

fn set_owner_and_mode(path: &Path, mode: u32, uid: u32, gid: u32) -> io::Result<()> {
    chown(path, Some(uid), Some(gid))?;
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Copies files and directories for a new user, whose processes do not run yet. Skips links. A missing source is no error.
pub(super) fn copy(from: &Path, to: &Path, uid: u32) -> io::Result<()> {
    let entries = match std::fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context(from.display()),
    };
    for entry in entries {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            make(&target, 0o700, uid, uid)?;
            copy(&entry.path(), &target, uid)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target)?;
            chown(&target, Some(uid), Some(uid))?;
        }
    }
    Ok(())
}
