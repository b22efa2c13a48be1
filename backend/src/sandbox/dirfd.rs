//! Directories by descriptor, without following links: they are a stranger's, who may swap a path at any time.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::path::Arg;
use std::ffi::CStr;

/// Opens a directory; fails on a link.
pub(super) fn open_directory(parent: impl AsFd, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    openat(parent, name, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Status of an entry, or of the link itself.
pub(super) fn status(parent: impl AsFd, name: impl Arg) -> rustix::io::Result<Stat> {
    statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// Names in a directory without `.` and `..`, in no order.
pub(super) fn for_each_name(directory: impl AsFd, mut each: impl FnMut(&CStr)) -> rustix::io::Result<()> {
    for entry in Dir::read_from(directory)?.filter_map(Result::ok) {
        let name = entry.file_name();
        if name != c"." && name != c".." {
            each(name);
        }
    }
    Ok(())
}

pub(super) fn is_directory(status: &Stat) -> bool {
    FileType::from_raw_mode(status.st_mode) == FileType::Directory
}

pub(super) fn is_world_writable(status: &Stat) -> bool {
    Mode::from_raw_mode(status.st_mode).contains(Mode::WOTH)
}
