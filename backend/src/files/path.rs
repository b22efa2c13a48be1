//! Opens paths one directory at a time, without following links: what lies behind a name may be swapped at any time, and the file
//! that is read or written is always the one that the path says.

use super::name::check_folder;
use super::wire::FileRefusal;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdirat, openat, readlinkat, statat};
use rustix::io::Errno;
use shared_protocol::limits::PATH_BYTES;
use std::ffi::{CStr, CString};
use std::path::Path;

/// Where paths of a session begin.
pub(super) struct Starts<'a> {
    /// The directory of the shell.
    pub shell: &'a OwnedFd,
    /// The user's home.
    pub home: &'a Path,
}

/// The directory of a path, and the last name in it; `None` for the directory itself.
pub(super) type Located = (OwnedFd, Option<CString>);

impl Starts<'_> {
    /// Opens a directory.
    pub(super) fn directory(&self, path: &str) -> Result<OwnedFd, FileRefusal> {
        let (parent, name) = self.locate(path)?;
        match name {
            Some(name) => enter(&parent, &name),
            None => Ok(parent),
        }
    }

    /// Opens the directory of a path: absolute, from the home (`~/`), or from the directory of the shell.
    pub(super) fn locate(&self, path: &str) -> Result<Located, FileRefusal> {
        if path.len() > PATH_BYTES {
            return Err(FileRefusal::NotFound);
        }
        let at_home = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let (mut directory, rest) = match at_home {
            Some(rest) => (open_whole(self.home)?, rest),
            None if path.starts_with('/') => (open_whole(Path::new("/"))?, path),
            None => (self.shell.try_clone().map_err(|_| FileRefusal::Failed)?, path),
        };
        let names = rest.split('/').filter(|name| !matches!(*name, "" | "."));
        let names: Result<Vec<CString>, _> = names.map(CString::new).collect();
        let mut names = names.map_err(|_| FileRefusal::NotFound)?;
        // The directory above has another name.
        let last = names.pop_if(|name| **name != *c"..");
        for name in &names {
            directory = enter(&directory, name)?;
        }
        Ok((directory, last))
    }
}

/// Opens a directory for names in it, which takes no right to list it.
const PASS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens a directory that the service names, by a path that may have links.
pub(super) fn open_whole(path: &Path) -> rustix::io::Result<OwnedFd> {
    openat(CWD, path, PASS, Mode::empty())
}

fn enter(parent: &OwnedFd, name: &CStr) -> Result<OwnedFd, FileRefusal> {
    let entered = openat(parent, name, PASS | OFlags::NOFOLLOW, Mode::empty());
    entered.map_err(|error| if is_link(parent, name) { FileRefusal::Link } else { error.into() })
}

/// Opens a folder below a directory; makes the missing directories on the way.
pub(super) fn enter_or_make(mut directory: OwnedFd, folder: &str) -> Result<OwnedFd, FileRefusal> {
    check_folder(folder).map_err(|_| FileRefusal::Failed)?;
    for name in folder.split('/') {
        let name = CString::new(name).map_err(|_| FileRefusal::NotFound)?;
        match mkdirat(&directory, &*name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        directory = enter(&directory, &name)?;
    }
    Ok(directory)
}

/// Neither a pipe nor a lease of the session's may hold the helper up, and no terminal becomes its own.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Opens a file or a directory to read it; fails on a link.
pub(crate) fn open_to_read(parent: &OwnedFd, name: &CStr) -> rustix::io::Result<OwnedFd> {
    openat(parent, name, READ, Mode::empty())
}

pub(super) fn is_link(parent: &OwnedFd, name: &CStr) -> bool {
    statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|status| FileType::from_raw_mode(status.st_mode) == FileType::Symlink)
}

/// The path of an open directory, from the home with `~`.
pub(super) fn path_of(directory: &OwnedFd, home: &Path) -> String {
    let link = format!("/proc/self/fd/{}", directory.as_raw_fd());
    let path = readlinkat(CWD, link, Vec::new()).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let rest = home.to_str().and_then(|home| path.strip_prefix(home));
    match rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        Some(rest) => format!("~{rest}"),
        None => path,
    }
}

impl From<Errno> for FileRefusal {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => Self::NotFound,
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::Denied,
            Errno::LOOP => Self::Link,
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Self::NoRoom,
            _ => Self::Failed,
        }
    }
}

impl From<std::io::Error> for FileRefusal {
    fn from(error: std::io::Error) -> Self {
        error.raw_os_error().map_or(Self::Failed, |code| Errno::from_raw_os_error(code).into())
    }
}
