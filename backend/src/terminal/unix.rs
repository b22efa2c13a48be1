//! Real terminals. portable-pty opens them and starts the shell; reads and writes go through a non-blocking duplicate of the
//! master, so that no session needs a thread.

use super::integration::prints_marks;
use super::line_discipline;
use super::process_tree::TaggedProcesses;
use super::procfs::initial_environment;
use super::pty::{
    Exit, Interest, InterruptKey, ProcessGroup, Pty, PtyEvent, ReadOutcome, ShellSpawner, ShellSpec, Size,
};
use super::reaper::TrackedChild;
use super::sys::{nonblocking_duplicate, readiness};
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, waitid};
use rustix::termios::{LocalModes, tcgetattr};
use shared_protocol::server::Tty;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::Interest as FdInterest;
use tokio::io::unix::AsyncFd;

/// Starts shells as the service's own user, without isolation between sessions.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnixSpawner;

impl ShellSpawner for UnixSpawner {
    fn spawn(&self, spec: &ShellSpec) -> io::Result<Box<dyn Pty>> {
        let command: Vec<&OsStr> = spec.command().into_iter().map(OsStr::new).collect();
        let environment = spec.whole_environment();
        let spawn = |directory: &Path| UnixShell::spawn(spec.size, &command, &environment, directory);
        // The system tells whether it can be entered, and portable-pty takes home in place of one that is missing.
        let asked = spec.asked_directory.as_ref().and_then(|asked| spawn(&spec.directory.join(asked)).ok());
        let shell = asked.map_or_else(|| spawn(&spec.directory), Ok)?;
        let processes = TaggedProcesses::new(shell.child.pid(), &spec.nonce);
        Ok(Box::new(UnixPty::new(shell, Arc::new(processes.with_files(spec.directory.clone())))?))
    }

    fn isolation(&self) -> &'static str {
        "none"
    }
}

pub(crate) struct UnixShell {
    pub master: Box<dyn MasterPty + Send>,
    pub child: TrackedChild,
    /// Pidfd of the program: readable once it ended.
    pub pidfd: OwnedFd,
}

impl UnixShell {
    pub(crate) fn spawn(
        size: Size,
        command: &[&OsStr],
        environment: &BTreeMap<String, String>,
        directory: &Path,
    ) -> io::Result<Self> {
        let mut command = CommandBuilder::from_argv(command.iter().map(|part| (*part).to_owned()).collect());
        command.env_clear();
        for (name, value) in environment {
            command.env(name, value);
        }
        command.cwd(directory);
        let pair = native_pty_system().openpty(pty_size(size)).map_err(io::Error::other)?;
        let raw = pair.master.as_raw_fd().ok_or_else(|| io::Error::other("the terminal has no descriptor"))?;
        line_discipline::set_up(&nonblocking_duplicate(raw)?)?;
        let (mut child, tracked) = TrackedChild::spawn(|| {
            let child = pair.slave.spawn_command(command).map_err(io::Error::other)?;
            let id = child.process_id();
            Ok((child, id))
        })?;
        // This copy of the slave would keep the terminal open after its last process.
        drop(pair.slave);
        let pidfd = pidfd_open(tracked.pid(), PidfdFlags::empty()).inspect_err(|_| {
            // Without a pidfd the session cannot end it.
            let _ = child.kill();
        })?;
        Ok(Self { master: pair.master, child: tracked, pidfd })
    }
}

fn pty_size(size: Size) -> PtySize {
    PtySize { rows: size.rows, cols: size.cols, pixel_width: 0, pixel_height: 0 }
}

fn signal_name(signal: i32) -> String {
    const NAMES: [(Signal, &str); 10] = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
    ];
    let known = NAMES.iter().find(|(known, _)| known.as_raw() == signal);
    known.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

/// A [`Pty`] on a kernel PTY.
pub(crate) struct UnixPty {
    /// Waits for output only: each key that a program takes makes room again, and that would wake the session.
    io: AsyncFd<OwnedFd>,
    /// Waits for room; `None` unless input waits for some.
    room: Option<AsyncFd<OwnedFd>>,
    /// Pidfd of the shell: readable once it ended.
    ended: AsyncFd<OwnedFd>,
    /// True once [`PtyEvent::Exited`] was reported.
    end_reported: bool,
    master: Box<dyn MasterPty + Send>,
    /// The shell; this keeps it from the reaper.
    child: TrackedChild,
    processes: Arc<dyn ProcessGroup>,
}

impl UnixPty {
    /// Takes ownership of a shell. Call it within the runtime.
    pub(crate) fn new(shell: UnixShell, processes: Arc<dyn ProcessGroup>) -> io::Result<Self> {
        let UnixShell { master, child, pidfd } = shell;
        let raw = master.as_raw_fd().ok_or_else(|| io::Error::other("the terminal has no descriptor"))?;
        Ok(Self {
            io: readiness(nonblocking_duplicate(raw)?, FdInterest::READABLE)?,
            room: None,
            ended: readiness(pidfd, FdInterest::READABLE)?,
            end_reported: false,
            master,
            child,
            processes,
        })
    }
}

impl Pty for UnixPty {
    fn poll_event(&mut self, context: &mut Context<'_>, interest: Interest) -> Poll<PtyEvent> {
        // First: an exceeded hard limit is announced before the exit that it causes.
        if self.processes.poll_quota_change(context).is_ready() {
            return Poll::Ready(PtyEvent::QuotaChanged);
        }
        // An error of the reactor means that the runtime shuts down; the read that follows reports it.
        if !interest.write {
            self.room = None;
        } else if self.room.as_ref().is_none_or(|room| room.poll_write_ready(context).is_ready()) {
            return Poll::Ready(PtyEvent::Writable);
        }
        if interest.read && self.io.poll_read_ready(context).is_ready() {
            return Poll::Ready(PtyEvent::Readable);
        }
        if !self.end_reported && self.ended.poll_read_ready(context).is_ready() {
            self.end_reported = true;
            return Poll::Ready(PtyEvent::Exited);
        }
        Poll::Pending
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<ReadOutcome> {
        let mut short = None;
        let result = self.io.try_io(FdInterest::READABLE, |fd| {
            let count = rustix::io::read(fd, &mut *buffer)?;
            if (1..buffer.len()).contains(&count) {
                // A short read empties the terminal; clearing the readiness here saves the read that would find nothing.
                short = Some(count);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(count)
        });
        match result {
            Ok(0) => Ok(ReadOutcome::End),
            Ok(count) => Ok(ReadOutcome::Bytes(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Ok(short.map_or(ReadOutcome::Empty, ReadOutcome::Bytes))
            }
            // Linux reports EIO on the master once no process has the terminal open.
            Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => Ok(ReadOutcome::End),
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = |fd: &OwnedFd| rustix::io::write(fd, bytes).map_err(io::Error::from);
        let result = match &self.room {
            Some(room) => room.try_io(FdInterest::WRITABLE, write),
            None => write(self.io.get_ref()),
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if self.room.is_none() {
                    // epoll knows a duplicate as a descriptor of its own.
                    self.room = Some(readiness(self.io.get_ref().try_clone()?, FdInterest::WRITABLE)?);
                }
                Ok(0)
            }
            other => other,
        }
    }

    fn resize(&mut self, size: Size) -> io::Result<()> {
        self.master.resize(pty_size(size)).map_err(io::Error::other)
    }

    fn interrupt_key(&self) -> Option<InterruptKey> {
        line_discipline::interrupt_key(&tcgetattr(self.io.get_ref()).ok()?)
    }

    fn interrupt(&mut self, key: InterruptKey) {
        if let Err(error) = line_discipline::interrupt(self.io.get_ref(), key) {
            tracing::debug!(%error, "the foreground program was not signalled");
        }
    }

    fn prints_marks(&self) -> bool {
        prints_marks(|| {
            // Until it starts the shell, the child is a copy of the service: portable-pty does not wait for it.
            let is_own =
                |environment: &Vec<u8>| std::fs::read("/proc/self/environ").is_ok_and(|own| own == *environment);
            initial_environment(self.child.pid()).filter(|environment| !is_own(environment))
        })
    }

    fn tty(&self) -> Tty {
        // The master reports the slave's modes, until the terminal is gone.
        tcgetattr(self.io.get_ref()).map_or(Tty::default(), |settings| Tty {
            echo: settings.local_modes.contains(LocalModes::ECHO),
            canonical: settings.local_modes.contains(LocalModes::ICANON),
        })
    }

    fn exit(&mut self) -> Option<Exit> {
        // portable-pty's own wait keeps the text of a signal, not its number.
        let ended = WaitId::PidFd(self.ended.get_ref().as_fd());
        let status = waitid(ended, WaitIdOptions::EXITED | WaitIdOptions::NOHANG).ok().flatten()?;
        Some(match status.terminating_signal() {
            Some(signal) => Exit { code: 128 + signal, signal: Some(signal_name(signal)) },
            None => Exit { code: status.exit_status().unwrap_or_default(), signal: None },
        })
    }

    fn processes(&self) -> Arc<dyn ProcessGroup> {
        Arc::clone(&self.processes)
    }
}
