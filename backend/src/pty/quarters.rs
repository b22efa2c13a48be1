//! Where a session lives when it is kept apart: a uid that is nobody else's, a home and a directory for temporary files. The
//! type is the guard: whatever happens to the session, its processes end and its files go when it is dropped.

use super::Processes;
use super::helper;
use super::processes::{signal_if_of, signal_user, wait_for_end};
use super::sweep::Task;
use super::uids::{Uids, lock_file};
use super::watch::{Files, Overuse};
use async_trait::async_trait;
use futures_util::task::AtomicWaker;
use rustix::fd::OwnedFd;
use rustix::process::{Pid, Signal, pidfd_send_signal};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// What new users find in their home.
const SKELETON: &str = "/etc/skel";

/// The directories of a session.
const DIRECTORIES: [&str; 3] = ["home", "tmp", "run"];

/// Time to end processes; the helper itself gives up sooner.
const KILL_PATIENCE: Duration = Duration::from_secs(8);

/// Time to remove files: a million small ones take some ten seconds.
const CLEAN_PATIENCE: Duration = Duration::from_secs(60);

/// What all quarters of a service have in common.
#[derive(Debug)]
pub(super) struct Ground {
    /// The service's own program.
    program: PathBuf,
    /// Everyone may pass through, nobody but root may look around.
    sessions: PathBuf,
    /// For root alone.
    private: PathBuf,
    uids: Uids,
    /// A user that no process of a session ever is.
    keeper: u32,
}

impl Ground {
    /// Makes the directories.
    pub(super) fn new(program: PathBuf, state: &Path, uids: std::ops::RangeInclusive<u32>) -> io::Result<Self> {
        let (sessions, private) = (state.join("sessions"), state.join("private"));
        if !state.exists() {
            std::fs::create_dir_all(state).map_err(|error| about(state, &error))?;
            open_to(state, 0o711)?;
        }
        for (directory, mode) in [(&sessions, 0o711), (&private, 0o700)] {
            std::fs::create_dir_all(directory).map_err(|error| about(directory, &error))?;
            open_to(directory, mode)?;
        }
        let keeper = *uids.start();
        let uids = Uids::new(keeper + 1..=*uids.end(), &private);
        Ok(Self { program, sessions, private, uids, keeper })
    }

    /// Sweeps up after sessions of a service that is gone: it was killed, and what it ran was not.
    pub(super) fn sweep_up(self: &Arc<Self>) -> io::Result<usize> {
        let mut left = Vec::new();
        let making = lock_file(&self.making())?;
        making.lock()?;
        for entry in std::fs::read_dir(&self.sessions)? {
            let place = entry?.path();
            let uid = place.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            let (Some(uid), Ok(lock)) = (uid, File::open(&place)) else { continue };
            // Otherwise it is another service's, which is alive.
            if lock.try_lock().is_ok() {
                left.push(Quarters::there(self, uid, place, Some(lock), true));
            }
        }
        drop(making);
        for quarters in &left {
            quarters.kill();
            quarters.clean_now();
        }
        Ok(left.len())
    }

    /// Locked while quarters are made but not locked yet.
    fn making(&self) -> PathBuf {
        self.private.join("making.lock")
    }
}

/// Made with whatever umask there is, or long ago.
fn open_to(directory: &Path, mode: u32) -> io::Result<()> {
    let set = chown(directory, Some(0), Some(0));
    set.and_then(|()| std::fs::set_permissions(directory, Permissions::from_mode(mode)))
        .map_err(|error| about(directory, &error))
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// One session's.
#[derive(Debug)]
pub(super) struct Quarters {
    ground: Arc<Ground>,
    uid: u32,
    place: PathBuf,
    /// As long as it is held, the service is alive.
    lock: Option<File>,
    /// The shell, which is root's until the launcher has given up everything.
    shell: OnceLock<OwnedFd>,
    /// What files it has, as was last seen.
    files: Mutex<Files>,
    /// What it uses more of than it may, and whether that is news.
    overuse: Mutex<(Option<Overuse>, bool)>,
    waker: AtomicWaker,
    /// Held while its processes are signalled or its files removed.
    sweeping: Mutex<()>,
    /// Swept up, or somebody is at it.
    clean: AtomicBool,
}

impl Quarters {
    fn there(ground: &Arc<Ground>, uid: u32, place: PathBuf, lock: Option<File>, clean: bool) -> Self {
        Self {
            ground: Arc::clone(ground),
            uid,
            place,
            lock,
            shell: OnceLock::new(),
            files: Mutex::default(),
            overuse: Mutex::default(),
            waker: AtomicWaker::new(),
            sweeping: Mutex::default(),
            clean: clean.into(),
        }
    }

    /// New ones, for a user that was nobody before.
    pub(super) fn new(ground: &Arc<Ground>) -> io::Result<Self> {
        let uid = ground.uids.take()?;
        let place = ground.sessions.join(uid.to_string());
        let making = lock_file(&ground.making())?;
        making.lock_shared()?;
        // The session's user may pass through; whatever it does to its home, others may not.
        make(&place, 0o710, 0, uid).map_err(|error| about(&place, &error))?;
        let lock = File::open(&place)?;
        lock.lock()?;
        drop(making);
        let quarters = Self::there(ground, uid, place, Some(lock), false);
        for name in DIRECTORIES {
            make(&quarters.place.join(name), 0o700, uid, uid)?;
        }
        copy(Path::new(SKELETON), &quarters.home(), uid)?;
        Ok(quarters)
    }

    /// The user, and the group of the same number.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    pub(super) fn home(&self) -> PathBuf {
        self.place.join("home")
    }

    /// For temporary files.
    pub(super) fn temporary(&self) -> PathBuf {
        self.place.join("tmp")
    }

    /// For sockets and the like.
    pub(super) fn runtime(&self) -> PathBuf {
        self.place.join("run")
    }

    /// Says which process is the first of them.
    pub(super) fn occupy(&self, shell: &OwnedFd) -> io::Result<()> {
        // There is one shell to each.
        let _ = self.shell.set(shell.try_clone()?);
        Ok(())
    }

    /// All that the user's files are in, but for those where anyone may leave some.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        DIRECTORIES.iter().map(|name| self.place.join(name)).collect()
    }

    /// What files it has, from now on.
    pub(super) fn measured(&self, files: Files) {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    /// What files it has, as was last seen.
    pub(super) fn files(&self) -> Files {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn overuse(&self) -> MutexGuard<'_, (Option<Overuse>, bool)> {
        self.overuse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it uses more of than it may, from now on.
    pub(super) fn report(&self, overuse: Option<Overuse>) {
        let mut there = self.overuse();
        // Amounts change all the time; what matters is whether it is too much, or far too much.
        let matters = |overuse: Option<Overuse>| overuse.map(|overuse| overuse.is_far());
        let news = matters(there.0) != matters(overuse);
        *there = (overuse, there.1 || news);
        drop(there);
        if news {
            self.waker.wake();
        }
    }

    /// Ready once that has changed.
    pub(super) fn poll_news(&self, context: &Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        if std::mem::take(&mut self.overuse().1) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// What it uses more of than it may, as was last reported.
    pub(super) fn overused(&self) -> Option<Overuse> {
        self.overuse().0
    }

    /// Nothing is left of them.
    pub(super) fn is_gone(&self) -> bool {
        !self.place.exists()
    }

    fn helped(&self, task: &Task, patience: Duration) -> bool {
        match helper::run(&self.ground.program, &task.arguments(), patience) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(uid = self.uid, %error, "a session was not swept up");
                false
            }
        }
    }
}

/// Those that live there.
pub(super) struct Quartered(pub(super) Arc<Quarters>);

#[async_trait]
impl Processes for Quartered {
    async fn hang_up(&self) -> io::Result<()> {
        let quarters = Arc::clone(&self.0);
        Ok(spawn_blocking(move || quarters.hang_up()).await?)
    }

    async fn kill(&self) -> io::Result<usize> {
        let quarters = Arc::clone(&self.0);
        Ok(spawn_blocking(move || quarters.kill()).await?)
    }

    async fn clean(&self) -> io::Result<()> {
        let quarters = Arc::clone(&self.0);
        Ok(spawn_blocking(move || quarters.clean()).await?)
    }
}

impl Quarters {
    /// Asks every process of the user to end. Blocks.
    fn hang_up(&self) {
        let _alone = self.alone();
        signal_user(self.uid, &[Signal::HUP, Signal::CONT]);
    }

    /// Ends every process of the user; returns 0 when none is left. Blocks.
    pub(super) fn kill(&self) -> usize {
        let alone = self.alone();
        self.kill_while(&alone)
    }

    /// The same, unless somebody is at it; `first` before everyone else.
    pub(super) fn kill_soon(&self, first: Option<Pid>) {
        let Ok(alone) = self.sweeping.try_lock() else { return };
        if self.clean.load(Ordering::Acquire) {
            return;
        }
        if let Some(first) = first {
            signal_if_of(self.uid, first, &[Signal::KILL]);
        }
        self.kill_while(&alone);
    }

    /// One thing at a time: what cleans up is a process of the user, too, while it does.
    fn alone(&self) -> MutexGuard<'_, ()> {
        self.sweeping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kill_while(&self, _alone: &MutexGuard<'_, ()>) -> usize {
        if let Some(shell) = self.shell.get() {
            // One that is over already needs no signal.
            let _ = pidfd_send_signal(shell, Signal::KILL);
            wait_for_end(shell, Instant::now() + KILL_PATIENCE);
        }
        let (keeper, lock) = (self.ground.keeper, self.ground.private.join("sweep.lock"));
        usize::from(!self.helped(&Task::Kill { uid: self.uid, keeper, lock }, KILL_PATIENCE))
    }

    /// Removes what they left, once. Blocks.
    pub(super) fn clean(&self) {
        if !self.clean.swap(true, Ordering::AcqRel) {
            self.clean_now();
        }
    }

    fn clean_now(&self) {
        let _alone = self.alone();
        let directories = self.directories();
        self.helped(&Task::Clean { uid: self.uid, directories: directories.clone() }, CLEAN_PATIENCE);
        // Empty by now, and in a directory where only root makes and removes.
        for directory in directories.iter().chain([&self.place]) {
            if let Err(error) = std::fs::remove_dir(directory)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(uid = self.uid, %error, "a directory of a session is left");
                return;
            }
        }
    }
}

impl Drop for Quarters {
    fn drop(&mut self) {
        if *self.clean.get_mut() {
            return;
        }
        // The session's task was lost. What follows blocks, and this may be a thread of the runtime.
        let place = std::mem::take(&mut self.place);
        let left = Self::there(&self.ground, self.uid, place, self.lock.take(), true);
        if let Some(shell) = self.shell.take() {
            // It was just made.
            let _ = left.shell.set(shell);
        }
        let sweep = std::thread::Builder::new().name("sweep".into()).spawn(move || {
            left.kill();
            left.clean_now();
        });
        if let Err(error) = sweep {
            tracing::error!(uid = self.uid, %error, "a session was not swept up; the next start of the service does it");
        }
    }
}

fn make(path: &Path, mode: u32, uid: u32, gid: u32) -> io::Result<()> {
    // Fails when it is there: then the uid was someone's.
    std::fs::DirBuilder::new().mode(0o700).create(path)?;
    chown(path, Some(uid), Some(gid))?;
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Copies files and directories to a place that nobody else can reach yet.
fn copy(from: &Path, to: &Path, uid: u32) -> io::Result<()> {
    let entries = match std::fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(about(from, &error)),
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
