//! Every process there is, and those of a user, which are a session's where each has a user of its own.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;
use tokio::time::Instant;

/// A process as `/proc` shows it at one moment.
#[derive(Debug)]
pub(super) struct Process {
    pub pid: Pid,
    /// "state ppid pgrp session …", as in its `stat`.
    fields: String,
}

impl Process {
    pub(super) fn read(pid: Pid) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        // "pid (name) state ppid pgrp session …"; the name may hold anything, so count from its last parenthesis.
        let end = memchr::memmem::rfind(&stat, b") ")?;
        Some(Self { pid, fields: String::from_utf8(stat.get(end + 2..)?.to_vec()).ok()? })
    }

    fn number(&self, field: usize) -> Option<Pid> {
        self.fields.split(' ').nth(field)?.parse().ok().and_then(Pid::from_raw)
    }

    /// Over, and waiting to be waited for.
    pub(super) fn is_zombie(&self) -> bool {
        self.fields.starts_with(['Z', 'X'])
    }

    pub(super) fn parent(&self) -> Option<Pid> {
        self.number(1)
    }

    /// The kernel's session: the process that began it.
    pub(super) fn session(&self) -> Option<Pid> {
        self.number(3)
    }
}

/// The numbers of all processes.
pub(super) fn ids() -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
}

/// All processes that can be seen.
pub(super) fn all() -> impl Iterator<Item = Process> {
    ids().filter_map(Process::read)
}

/// The living processes of a user.
pub(super) fn of_user(uid: u32) -> impl Iterator<Item = Process> {
    ids().filter(move |pid| owner(*pid) == Some(uid)).filter_map(Process::read).filter(|process| !process.is_zombie())
}

/// The effective user; zombies have one too.
pub(super) fn owner(pid: Pid) -> Option<u32> {
    std::fs::metadata(format!("/proc/{}", pid.as_raw_nonzero())).ok().map(|folder| folder.uid())
}

/// Signals every process of a user, one after the other: some may be missed, and none of another's is hit.
pub(super) fn signal_user(uid: u32, signals: &[Signal]) {
    for process in of_user(uid) {
        signal_if_of(uid, process.pid, signals);
    }
}

/// Signals a process, if it is this user's.
pub(super) fn signal_if_of(uid: u32, pid: Pid, signals: &[Signal]) {
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    // The number may be another's by now; the handle cannot become so.
    if owner(pid) == Some(uid) {
        for signal in signals {
            // A process that ended meanwhile needs no signal.
            let _ = pidfd_send_signal(&handle, *signal);
        }
    }
}

/// Waits until a process is over, up to a deadline.
pub(super) fn wait_for_end(handle: impl std::os::fd::AsFd, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&patience)) {
            Ok(ready) if ready > 0 => return true,
            Ok(_) if left > Duration::ZERO => {}
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

/// Waits until no process of a user is alive, up to a deadline. Returns how many are.
pub(super) fn wait_for_user(uid: u32, deadline: Instant) -> usize {
    loop {
        let left: Vec<Process> = of_user(uid).collect();
        let Some(first) = left.first() else { return 0 };
        if let Ok(handle) = pidfd_open(first.pid, PidfdFlags::empty())
            && owner(first.pid) == Some(uid)
            && !wait_for_end(&handle, deadline)
        {
            return left.len();
        }
        if deadline <= Instant::now() {
            return left.len();
        }
    }
}
