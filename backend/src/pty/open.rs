//! Real terminals: portable-pty opens them and starts the shell; reading and writing is ours, by readiness on a duplicate of
//! the master, so that no session needs a thread.

use super::children::Awaited;
use super::descriptor::{nonblocking_duplicate, peer, readiness, signal_foreground};
use super::marked::MarkedProcesses;
use super::quarters::{Quartered, Quarters};
use super::{Exit, Nonce, Overuse, Processes, Pty, ReadOutcome, Ready, ShellSpec, Shells, Size, Want};
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, waitid};
use rustix::termios::{LocalModes, QueueSelector, tcflush};
use shared_protocol::server::Tty;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Starts shells as the service's own user: no isolation between sessions.
#[derive(Debug, Clone, Copy, Default)]
pub struct PtyShells;

impl Shells for PtyShells {
    fn start(&self, spec: &ShellSpec) -> io::Result<Box<dyn Pty>> {
        let mut command = CommandBuilder::new(&spec.shell);
        command.arg("-l");
        command.env_clear();
        for (name, value) in &spec.environment {
            command.env(name, value);
        }
        command.cwd(&spec.directory);
        let shell = spawn(spec.size, command)?;
        Ok(Box::new(KernelPty::new(shell, Owner::Marked(spec.nonce.clone()))?))
    }

    fn isolation(&self) -> &'static str {
        "none"
    }
}

/// A program on a terminal of its own.
pub(super) struct Spawned {
    pub master: Box<dyn MasterPty + Send>,
    pub child: Awaited,
    /// Readable once the program is over.
    pub handle: OwnedFd,
}

/// Starts a program on a new terminal.
pub(super) fn spawn(size: Size, command: CommandBuilder) -> io::Result<Spawned> {
    let pair = native_pty_system().openpty(pty_size(size)).map_err(io::Error::other)?;
    let (mut child, awaited) = Awaited::spawn(|| {
        let child = pair.slave.spawn_command(command).map_err(io::Error::other)?;
        let id = child.process_id();
        Ok((child, id))
    })?;
    // Our copy of the slave would keep the terminal open after its last process.
    drop(pair.slave);
    let handle = pidfd_open(awaited.pid(), PidfdFlags::empty()).inspect_err(|_| {
        // Nobody would ever end it.
        let _ = child.kill();
    })?;
    Ok(Spawned { master: pair.master, child: awaited, handle })
}

/// How the processes of a terminal are found.
pub(super) enum Owner {
    /// By what stands in their environment.
    Marked(Nonce),
    /// By their user.
    Quartered(Arc<Quarters>),
}

fn pty_size(size: Size) -> PtySize {
    PtySize { rows: size.rows, cols: size.cols, pixel_width: 0, pixel_height: 0 }
}

/// The name that a person knows, for the signals that end a shell.
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

pub(super) struct KernelPty {
    io: AsyncFd<OwnedFd>,
    /// A pidfd: readable once the shell is over.
    ended: AsyncFd<OwnedFd>,
    end_told: bool,
    master: Box<dyn MasterPty + Send>,
    child: Awaited,
    owner: Owner,
}

impl KernelPty {
    /// Takes charge of a shell. Call it within the runtime.
    pub(super) fn new(shell: Spawned, owner: Owner) -> io::Result<Self> {
        let Spawned { master, child, handle } = shell;
        let raw = master.as_raw_fd().ok_or_else(|| io::Error::other("the terminal has no descriptor"))?;
        Ok(Self {
            io: readiness(nonblocking_duplicate(raw)?, Interest::READABLE | Interest::WRITABLE)?,
            ended: readiness(handle, Interest::READABLE)?,
            end_told: false,
            master,
            child,
            owner,
        })
    }
}

impl Pty for KernelPty {
    fn poll_ready(&mut self, context: &mut Context<'_>, want: Want) -> Poll<Ready> {
        // Before the end that it may bring.
        if let Owner::Quartered(quarters) = &self.owner
            && quarters.poll_news(context).is_ready()
        {
            return Poll::Ready(Ready::Overuse);
        }
        // An error of the reactor means that the runtime is going down: reading reports it as the end.
        if want.write && self.io.poll_write_ready(context).is_ready() {
            return Poll::Ready(Ready::Writable);
        }
        if want.read && self.io.poll_read_ready(context).is_ready() {
            return Poll::Ready(Ready::Readable);
        }
        if !self.end_told && self.ended.poll_read_ready(context).is_ready() {
            self.end_told = true;
            return Poll::Ready(Ready::Exited);
        }
        Poll::Pending
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<ReadOutcome> {
        let mut short = None;
        let result = self.io.try_io(Interest::READABLE, |fd| {
            let count = rustix::io::read(fd, &mut *buffer)?;
            if (1..buffer.len()).contains(&count) {
                // The terminal is empty, and what comes next is an edge that wakes again: no second read has to find that out.
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
        let result = self.io.try_io(Interest::WRITABLE, |fd| rustix::io::write(fd, bytes).map_err(io::Error::from));
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            other => other,
        }
    }

    fn resize(&mut self, size: Size) -> io::Result<()> {
        self.master.resize(pty_size(size)).map_err(io::Error::other)
    }

    fn interrupt(&mut self) -> bool {
        let settings = rustix::termios::tcgetattr(self.io.get_ref());
        if !settings.is_ok_and(|settings| settings.local_modes.contains(LocalModes::ISIG)) {
            return false;
        }
        // Flushing needs the other side: on the master it would drop output. A terminal that is gone needs no interrupt.
        match peer(self.io.get_ref()).and_then(|slave| Ok(tcflush(slave, QueueSelector::IFlush)?)) {
            Ok(()) => {}
            Err(error) => tracing::debug!(%error, "unread input was not dropped"),
        }
        match signal_foreground(self.io.get_ref(), Signal::INT) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "the foreground program was not signalled");
                false
            }
        }
    }

    fn tty(&self) -> Tty {
        // The master reports the slave's settings; a terminal that is gone has none.
        rustix::termios::tcgetattr(self.io.get_ref()).map_or(Tty::default(), |settings| Tty {
            echo: settings.local_modes.contains(LocalModes::ECHO),
            canonical: settings.local_modes.contains(LocalModes::ICANON),
        })
    }

    fn exit(&mut self) -> Option<Exit> {
        // Not portable-pty's own wait: it keeps the signal's text only, and no number.
        let ended = WaitId::PidFd(self.ended.get_ref().as_fd());
        let status = waitid(ended, WaitIdOptions::EXITED | WaitIdOptions::NOHANG).ok().flatten()?;
        Some(match status.terminating_signal() {
            Some(signal) => Exit { code: 128 + signal, signal: Some(signal_name(signal)) },
            None => Exit { code: status.exit_status().unwrap_or_default(), signal: None },
        })
    }

    fn overuse(&self) -> Option<Overuse> {
        match &self.owner {
            Owner::Marked(_) => None,
            Owner::Quartered(quarters) => quarters.overused(),
        }
    }

    fn processes(&self) -> Box<dyn Processes> {
        match &self.owner {
            Owner::Marked(nonce) => Box::new(MarkedProcesses::new(self.child.pid(), nonce)),
            Owner::Quartered(quarters) => Box::new(Quartered(Arc::clone(quarters))),
        }
    }
}
