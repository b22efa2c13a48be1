//! The directory that holds all sandboxes of a service, and the uids for new ones. Owners and permissions of directories do not
//! depend on the umask.

use super::Context;
use super::accounts::Accounts;
use super::shared_directories;
use super::uid_pool::{UidPool, lock_file};
use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Component, Path, PathBuf};

/// Name of the home in the directory of a sandbox.
pub(super) const HOME: &str = "home";

#[derive(Debug)]
pub(super) struct SandboxRoot {
    pub program: PathBuf,
    /// Parent of the sandboxes: any user may pass through, and only root may list it.
    sessions: PathBuf,
    /// Lock that excludes concurrent kills.
    pub kill_lock: PathBuf,
    /// Lock that is held while a directory exists but is not locked yet.
    creation_lock: PathBuf,
    uids: UidPool,
    pub accounts: Accounts,
    /// Directories in which every user may make files.
    pub shared_directories: Vec<PathBuf>,
    /// Sends the signals of cleanup; no session has it.
    pub signal_uid: u32,
}

#[derive(Debug)]
pub(super) struct SandboxDirectory {
    pub uid: u32,
    pub path: PathBuf,
    /// Locked while the service that made it is alive.
    pub lock: File,
}

impl SandboxRoot {
    pub(super) fn new(program: PathBuf, state: &Path, uids: RangeInclusive<u32>) -> io::Result<Self> {
        let (sessions, private) = (state.join("sessions"), state.join("private"));
        if !state.exists() {
            ensure(state, 0o711)?;
        }
        ensure(&sessions, 0o711)?;
        ensure(&private, 0o700)?;
        let signal_uid = *uids.start();
        let uids = UidPool::new(signal_uid + 1..=*uids.end(), &private);
        let [kill_lock, creation_lock] = ["sweep.lock", "making.lock"].map(|name| private.join(name));
        Ok(Self {
            program,
            sessions,
            kill_lock,
            creation_lock,
            uids,
            accounts: Accounts::default(),
            shared_directories: shared_directories::find(state),
            signal_uid,
        })
    }

    pub(super) fn create(&self) -> io::Result<SandboxDirectory> {
        let uid = self.uids.take()?;
        let path = self.sessions.join(uid.to_string());
        let creating = lock_file(&self.creation_lock)?;
        creating.lock_shared()?;
        // Through this directory only the session's user may pass, even if it opens its home to others.
        make(&path, 0o710, 0, uid)?;
        let lock = File::open(&path)?;
        lock.lock()?;
        Ok(SandboxDirectory { uid, path, lock })
    }

    /// The place below the home of a sandbox that a path below the home of any sandbox stands for. Each has a home of its own,
    /// and begins with the same files.
    pub(super) fn below_home<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let mut parts = path.strip_prefix(&self.sessions).ok()?.components();
        let is_home = parts.nth(1) == Some(Component::Normal(HOME.as_ref()));
        let below = parts.as_path();
        let stays = below.components().all(|part| matches!(part, Component::Normal(_)));
        (is_home && stays).then_some(below)
    }

    /// The first uid that no session has had.
    pub(super) fn next_uid(&self) -> io::Result<u32> {
        self.uids.next()
    }

    /// True for the uids of all sessions, past and future.
    pub(super) fn is_session(&self, uid: u32) -> bool {
        self.uids.contains(uid)
    }

    /// True if a uid below [`Self::next_uid`] is no live session's.
    pub(super) fn has_ended(&self, uid: u32) -> bool {
        self.is_session(uid) && matches!(self.sessions.join(uid.to_string()).try_exists(), Ok(false))
    }

    /// Directories of services that were killed. Directories of live services are locked.
    pub(super) fn leftovers(&self) -> io::Result<Vec<SandboxDirectory>> {
        let mut left = Vec::new();
        let creating = lock_file(&self.creation_lock)?;
        creating.lock()?;
        for entry in std::fs::read_dir(&self.sessions)? {
            let path = entry?.path();
            let uid = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            let (Some(uid), Ok(lock)) = (uid, File::open(&path)) else { continue };
            if lock.try_lock().is_ok() {
                left.push(SandboxDirectory { uid, path, lock });
            }
        }
        Ok(left)
    }
}

/// Makes a directory. Fails if it exists: its uid would then not be unused.
pub(super) fn make(path: &Path, mode: u32, uid: u32, gid: u32) -> io::Result<()> {
    let made = DirBuilder::new().mode(0o700).create(path);
    made.and_then(|()| set_owner_and_mode(path, mode, uid, gid)).context(path.display())
}

/// Makes a directory of root and its parents, or corrects the permissions of an existing one.
fn ensure(path: &Path, mode: u32) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_home_stands_for_the_same_one_in_every_home() {
        let state = tempfile::tempdir().unwrap();
        let root = SandboxRoot::new("/".into(), state.path(), 30_000..=30_009).unwrap();
        let below = |path: &str| {
            let path = state.path().join("sessions").join(path);
            root.below_home(&path).map(Path::to_path_buf)
        };
        assert_eq!(below("30001/home"), Some("".into()));
        assert_eq!(below("30001/home/lab 7/src"), Some("lab 7/src".into()));
        for other in ["30001", "30001/tmp/lab", "home/lab", "30001/home/../tmp", "../private", "30001/homes/lab", ""] {
            assert_eq!(below(other), None, "{other}");
        }
        assert_eq!(root.below_home(Path::new("/home/lab")), None);
    }
}
