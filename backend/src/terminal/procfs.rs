//! Processes as `/proc` lists them: all, or those of a uid, which in a sandbox are one session's.

use super::sys::as_user;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Process {
    pub pid: Pid,
    /// The end of its `stat`: "state ppid pgrp session …".
    fields: String,
}

impl Process {
    pub(super) fn read(pid: Pid) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        // "pid (name) state ppid …". The name may contain parentheses, so parse after the last one.
        let end = memchr::memmem::rfind(&stat, b") ")?;
        Some(Self { pid, fields: String::from_utf8(stat.get(end + 2..)?.to_vec()).ok()? })
    }

    fn number(&self, field: usize) -> Option<i32> {
        self.fields.split(' ').nth(field)?.parse().ok()
    }

    /// True once it ended, until its parent waits for it. A process whose first thread has ended looks the same, but still has
    /// others.
    pub(super) fn is_zombie(&self) -> bool {
        self.fields.starts_with(['Z', 'X']) && self.number(17).is_none_or(|threads| threads <= 1)
    }

    pub(super) fn parent(&self) -> Option<Pid> {
        self.number(1).and_then(Pid::from_raw)
    }

    pub(super) fn session(&self) -> Option<Pid> {
        self.number(3).and_then(Pid::from_raw)
    }
}

pub(crate) fn pids() -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
}

pub(super) fn all() -> impl Iterator<Item = Process> {
    pids().filter_map(Process::read)
}

/// Processes of a user, without zombies.
pub(crate) fn of_user(uid: u32) -> impl Iterator<Item = Process> {
    pids().filter(move |pid| owner(*pid) == Some(uid)).filter_map(Process::read).filter(|process| !process.is_zombie())
}

/// Children of a process, zombies included.
pub(crate) fn children_of(parent: Pid) -> Vec<Pid> {
    all().filter(|process| process.parent() == Some(parent)).map(|process| process.pid).collect()
}

/// Effective uid of a process, zombies included.
pub(crate) fn owner(pid: Pid) -> Option<u32> {
    std::fs::metadata(format!("/proc/{}", pid.as_raw_nonzero())).ok().map(|folder| folder.uid())
}

/// Real uid of a process.
fn real_uid(pid: Pid) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    uids.split_whitespace().next()?.parse().ok()
}

/// Environment that a process was started with. `None` if it cannot be read.
pub(super) fn initial_environment(pid: Pid) -> Option<Vec<u8>> {
    as_user(owner(pid)?, || std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero()))).ok()
}

/// Signals the processes of a user one by one. It may miss a process that forks meanwhile, and never hits another user's.
pub(crate) fn signal_user(uid: u32, signals: &[Signal]) {
    for process in of_user(uid) {
        signal_if_owned(uid, process.pid, signals);
    }
}

/// Signals a process of a user. Spares a process of the service that kills as this user: it has only the effective uid.
pub(crate) fn signal_if_owned(uid: u32, pid: Pid, signals: &[Signal]) {
    signal_if(pid, signals, || owner(pid) == Some(uid) && real_uid(pid) == Some(uid));
}

/// Signals a process if `is_right` confirms it. Confirms after opening, because a pidfd, unlike a pid, is never reused.
pub(super) fn signal_if(pid: Pid, signals: &[Signal], is_right: impl FnOnce() -> bool) {
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if is_right() {
        for signal in signals {
            // Fails if the process ended meanwhile.
            let _ = pidfd_send_signal(&pidfd, *signal);
        }
    }
}

/// Blocks until a process ended. Returns false if the deadline passes first.
pub(crate) fn wait_for_end(handle: impl std::os::fd::AsFd, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) if ready > 0 => return true,
            Ok(_) if left > Duration::ZERO => {}
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

/// Blocks until all processes of a user ended, up to a deadline. Returns the number still alive.
pub(crate) fn wait_for_user(uid: u32, deadline: Instant) -> usize {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Command, Stdio};

    /// Starts a process that runs this Perl code, which sets uids, and then waits.
    fn waiting(command: &mut Command, code: &str) -> std::process::Child {
        let script = format!("{code}; $| = 1; print 'r'; sleep 1000");
        let mut child = command.args(["-e", &script]).stdout(Stdio::piped()).spawn().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        child
    }

    #[test]
    fn a_process_that_only_acts_as_a_user_is_not_signalled_as_one_of_the_users() {
        let uid = 29_871;
        let mut own = waiting(Command::new("perl").uid(uid), "1");
        let mut acting = waiting(&mut Command::new("perl"), &format!("$> = {uid}"));
        let of = |child: &std::process::Child| Pid::from_child(child);
        assert_eq!((owner(of(&own)), owner(of(&acting))), (Some(uid), Some(uid)));
        signal_user(uid, &[Signal::HUP]);
        assert_eq!(own.wait().unwrap().signal(), Some(Signal::HUP.as_raw()));
        acting.kill().unwrap();
        assert_eq!(acting.wait().unwrap().signal(), Some(Signal::KILL.as_raw()));
    }
}
