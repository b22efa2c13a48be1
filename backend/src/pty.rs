//! Terminals with a shell in them, behind a narrow trait: the real ones on the kernel's PTYs, and a scripted one for tests.
//! Knows nothing of sessions, clients or stores.

mod children;
mod descriptor;
mod helper;
mod integration;
mod isolation;
pub mod launch;
mod marked;
mod marks;
mod open;
mod processes;
mod quarters;
pub mod scripted;
pub mod sweep;
mod uids;
mod watch;

pub use children::collect_orphans;
pub use integration::{Nonce, environment};
pub use isolation::{IsolatedShells, IsolationSettings, Network, OWN_PROGRAM};
pub use marks::{Mark, MarkScanner, Piece};
pub use open::PtyShells;
pub use watch::Overuse;

use async_trait::async_trait;
use shared_protocol::server::Tty;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::task::{Context, Poll};

/// Width and height in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct ShellSpec {
    /// Program of the shell; it is started as a login shell.
    pub shell: String,
    /// Its whole environment; nothing of the service's own leaks in.
    pub environment: BTreeMap<String, String>,
    /// Where it starts.
    pub directory: PathBuf,
    /// Its first size.
    pub size: Size,
    /// Stands in the environment of every process of the session, so that all can be found at its end.
    pub nonce: Nonce,
}

/// What the owner waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Output, unless back-pressure holds it.
    pub read: bool,
    /// Room for input.
    pub write: bool,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// [`Pty::read`] has something.
    Readable,
    /// [`Pty::write`] has room.
    Writable,
    /// The shell is over; what it printed last can still be read.
    Exited,
    /// [`Pty::overuse`] has changed.
    Overuse,
}

/// Outcome of a read that never blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOutcome {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now.
    Empty,
    /// Nothing ever again: every process has closed the terminal.
    End,
}

/// How a shell ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// As a shell reports it: 128 + n for signal n.
    pub code: i32,
    /// The signal's name.
    pub signal: Option<String>,
}

/// One terminal with its shell. Nothing here blocks.
pub trait Pty: Send {
    /// Waits for one of the things that are wanted, or for the end of the shell (told once). Can be dropped at any time.
    fn poll_ready(&mut self, context: &mut Context<'_>, want: Want) -> Poll<Ready>;
    /// Takes output.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<ReadOutcome>;
    /// Gives input; 0 when there is no room.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Sets the size and tells the foreground program (SIGWINCH).
    fn resize(&mut self, size: Size) -> io::Result<()>;
    /// Signals the foreground program like Ctrl-C, ahead of input that nobody reads, which is dropped. False, and nothing done,
    /// where the terminal makes no signals of keys (raw mode).
    fn interrupt(&mut self) -> bool;
    /// How the terminal treats input now.
    fn tty(&self) -> Tty;
    /// How the shell ended; `None` while it runs.
    fn exit(&mut self) -> Option<Exit>;
    /// What its processes use more of than they may. Where that is far too much they are being ended already.
    fn overuse(&self) -> Option<Overuse> {
        None
    }
    /// The processes of this terminal, to signal from elsewhere: finding them takes a walk through `/proc`.
    fn processes(&self) -> Box<dyn Processes>;
}

/// All processes that a shell started, however they detached themselves. Fails when the work panics, or the runtime ends.
#[async_trait]
pub trait Processes: Send + Sync {
    /// Asks them to end (SIGHUP, and SIGCONT for the stopped).
    async fn hang_up(&self) -> io::Result<()>;
    /// Ends them (SIGKILL). Returns how many were still there.
    async fn kill(&self) -> io::Result<usize>;
    /// Removes what they left: files, shared memory. Call it once none is there. Without isolation there is nothing that is
    /// surely theirs.
    async fn clean(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts shells.
pub trait Shells: Send + Sync {
    /// Opens a terminal and starts the shell in it. Takes a fork: call it where blocking is allowed.
    fn start(&self, spec: &ShellSpec) -> io::Result<Box<dyn Pty>>;
    /// How sessions are kept apart, for diagnostics.
    fn isolation(&self) -> &'static str;
}
