//! The folder of recordings on this machine, closed to all but the service's own user: no session may look into it.

use super::keys;
use std::fs::{DirBuilder, OpenOptions, Permissions, read_dir};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Permissions of the folder.
const MODE: u32 = 0o700;

/// Permissions of others than its owner.
const OTHERS: u32 = 0o077;

/// Folder that `mkfs` makes at the root of a volume; allowed beside recordings.
const LOST_AND_FOUND: &str = "lost+found";

/// Makes the folder, or closes one that is there.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(MODE).create(folder)?;
    close(folder)
}

/// Closes a folder that is there, if it may be open. Fails for one of another user, for a link, and for an open one that is used
/// for other things too.
pub(super) fn close(folder: &Path) -> io::Result<()> {
    // A slash at the end would follow a link.
    let folder: PathBuf = folder.components().collect();
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(&folder)?;
    let found = opened.metadata()?;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("it belongs to another user than the service's"));
    }
    if found.mode() & OTHERS == 0 {
        return Ok(());
    }
    for entry in read_dir(&folder)? {
        let name = entry?.file_name();
        if !name.to_str().is_some_and(|name| keys::is_session(name) || name == LOST_AND_FOUND) {
            return Err(refused(
                "it is open to others and holds more than recordings; they need a folder of their own",
            ));
        }
    }
    opened.set_permissions(Permissions::from_mode(MODE))
}

fn refused(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir, metadata, set_permissions};
    use std::os::unix::fs::symlink;

    fn mode(folder: &Path) -> u32 {
        metadata(folder).unwrap().mode() & 0o777
    }

    fn open(folder: &Path) {
        create_dir(folder).unwrap();
        set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_folder_is_closed_whether_it_is_new_or_was_open() {
        let home = tempfile::tempdir().unwrap();
        let (new, old) = (home.path().join("a/new"), home.path().join("old"));
        make(&new).unwrap();
        open(&old);
        create_dir(old.join("0".repeat(64))).unwrap();
        create_dir(old.join(LOST_AND_FOUND)).unwrap();
        make(&old.join("")).unwrap();
        assert_eq!((mode(&new), mode(&old)), (MODE, MODE));
        make(&old).unwrap();
        assert_eq!(close(&home.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_link_and_a_folder_for_other_things_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let (others, link) = (home.path().join("others"), home.path().join("link"));
        open(&others);
        symlink(&others, &link).unwrap();
        for slash in ["", "/"] {
            make(Path::new(&format!("{}{slash}", link.display()))).unwrap_err();
        }
        create_dir(others.join("homes")).unwrap();
        assert_eq!(make(&others).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(mode(&others), 0o755, "what it is used for goes on");
    }
}
