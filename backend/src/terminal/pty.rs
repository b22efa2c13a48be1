//! The traits between a session and its terminal, and the values that cross them.

use super::check::{Check, CheckError, CheckReport};
use super::integration::Nonce;
use super::preparation::Preparation;
use super::quota::{QuotaExceeded, SessionLimits};
use super::transfer::{FileError, StartedHelper};
use async_trait::async_trait;
use shared_protocol::limits;
use shared_protocol::server::Tty;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Width and height in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Size {
    /// The size for a window, with fewer rows if it has more cells than a terminal may.
    pub fn of_window(cols: u16, rows: u16) -> Self {
        let most = limits::CELLS / u32::from(cols.max(1));
        Self { cols, rows: rows.min(u16::try_from(most).unwrap_or(u16::MAX)) }
    }
}

/// A shell to start.
#[derive(Debug, Clone)]
pub struct ShellSpec {
    /// Program of the shell; it starts as a login shell.
    pub shell: String,
    /// Its whole environment; it inherits nothing from the service.
    pub environment: BTreeMap<String, String>,
    /// Working directory.
    pub directory: PathBuf,
    /// Working directory that is asked for, in place of that one where the session's user may enter it.
    pub asked_directory: Option<PathBuf>,
    /// The steps before the shell.
    pub preparation: Preparation,
    /// Limits of this session.
    pub limits: SessionLimits,
    /// Initial size.
    pub size: Size,
    /// Tags of the session's processes, by which all are found at its end, and of the shell's marks.
    pub nonce: Nonce,
}

/// Events that a caller of [`Pty::poll_event`] waits for, besides the shell's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// Output; off while back-pressure holds it.
    pub read: bool,
    /// Room for input.
    pub write: bool,
}

/// A change of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PtyEvent {
    /// [`Pty::read`] has output.
    Readable,
    /// [`Pty::write`] has room.
    Writable,
    /// The shell ended; its last output can still be read.
    Exited,
    /// [`ProcessGroup::quota_exceeded`] changed.
    QuotaChanged,
}

/// Effect of Ctrl-C where it makes a signal, as the terminal's settings have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterruptKey {
    /// The terminal drops unread input (no NOFLSH).
    pub flushes: bool,
    /// The terminal continues output that Ctrl-S stopped (IXON).
    pub continues: bool,
    /// The terminal's echo: `^C`, with ECHO but without ECHOCTL the byte itself, or nothing.
    pub echo: &'static [u8],
}

/// Result of a read that never blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOutcome {
    /// Number of bytes read.
    Bytes(usize),
    /// No output at the moment.
    Empty,
    /// End of file: every process closed the terminal.
    End,
}

/// Exit status of a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Code as a shell reports it: 128 + n for signal n.
    pub code: i32,
    /// Name of the signal that ended it.
    pub signal: Option<String>,
}

/// A terminal with its shell. No method blocks.
pub trait Pty: Send {
    /// Waits for an event of interest, a quota change, or the end of the shell (reported once). Cancel-safe.
    fn poll_event(&mut self, context: &mut Context<'_>, interest: Interest) -> Poll<PtyEvent>;
    /// Reads output.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<ReadOutcome>;
    /// Writes input and returns the number of bytes taken: 0 when there is no room.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Sets the size, which sends SIGWINCH to the foreground program.
    fn resize(&mut self, size: Size) -> io::Result<()>;
    /// The effect of Ctrl-C; `None` where it is a key like any other.
    fn interrupt_key(&self) -> Option<InterruptKey>;
    /// Does what Ctrl-C does, except for its echo, even if no program reads input.
    fn interrupt(&mut self, key: InterruptKey);
    /// False if the shell is one that prints no marks, or was replaced by another program (`exec`).
    fn prints_marks(&self) -> bool;
    /// Input modes of the terminal.
    fn tty(&self) -> Tty;
    /// Exit status of the shell; `None` while it runs.
    fn exit(&mut self) -> Option<Exit>;
    /// The processes of this terminal, for use from another task.
    fn processes(&self) -> Arc<dyn ProcessGroup>;
}

/// All processes that a shell started, including detached ones. A method fails if its background work panics or the runtime
/// shuts down.
#[async_trait]
pub trait ProcessGroup: Send + Sync {
    /// Sends SIGHUP, and SIGCONT so that stopped processes receive it.
    async fn hang_up(&self) -> io::Result<()>;
    /// Sends SIGKILL. Returns the number of processes found, which is 0 once all are gone.
    async fn kill(&self) -> io::Result<usize>;
    /// Removes the files and shared memory that the processes left. Call it after [`Self::kill`] returned 0. Without a sandbox
    /// only those of the integration scripts: no other file then belongs to the session alone.
    async fn clean(&self) -> io::Result<()> {
        Ok(())
    }
    /// Tells what the service itself holds for the session, in bytes: it counts against the quota of memory, where there is one.
    fn set_held_by_service(&self, _bytes: u64) {}
    /// Ready once [`Self::quota_exceeded`] changed.
    fn poll_quota_change(&self, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
    /// The quota exceeded, if any. Above the hard limit the processes are already being killed.
    fn quota_exceeded(&self) -> Option<QuotaExceeded> {
        None
    }
    /// Runs a script beside the shell; only a sandbox can. Goes on if the caller stops waiting.
    async fn check(&self, _check: Check) -> Result<CheckReport, CheckError> {
        Err(CheckError::NotIsolated)
    }
    /// Starts a helper that carries a file as the user of these processes.
    async fn file_helper(&self) -> Result<StartedHelper, FileError> {
        Err(FileError::Unsupported)
    }
    /// Bytes that the quota of files has room for; `None` without a quota.
    fn disk_left(&self) -> Option<u64> {
        None
    }
}

/// Starts shells.
pub trait ShellSpawner: Send + Sync {
    /// Opens a terminal and starts a shell in it. Blocks on a fork; call it within the runtime.
    fn spawn(&self, spec: &ShellSpec) -> io::Result<Box<dyn Pty>>;
    /// Isolation between sessions, for diagnostics.
    fn isolation(&self) -> &'static str;
}
