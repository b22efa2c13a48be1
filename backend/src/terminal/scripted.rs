//! A terminal that a test plays: the test sets the output and reads the input. It has no process, so a test can move time.

use super::check::{Check, CheckError, CheckGuard, CheckReport};
use super::pty::{
    Exit, Interest, InterruptKey, ProcessGroup, Pty, PtyEvent, ReadOutcome, ShellSpawner, ShellSpec, Size,
};
use super::quota::QuotaExceeded;
use crate::metrics::CheckOutcome;
use async_trait::async_trait;
use parking_lot::Mutex;
use shared_protocol::server::Tty;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[derive(Default)]
struct State {
    output: VecDeque<u8>,
    /// Input so far.
    input: Vec<u8>,
    /// Room for input, in bytes; 0 while the program does not read.
    room: usize,
    sizes: Vec<Size>,
    tty: Tty,
    exit: Option<Exit>,
    exit_reported: bool,
    waker: Option<Waker>,
    /// Bytes read so far.
    taken: usize,
    nonce: String,
    /// Effect of Ctrl-C; `None` if it is a key like any other.
    interrupt_key: Option<InterruptKey>,
    interrupts: usize,
    /// True if the shell prints no marks.
    unmarked: bool,
    /// Memory of the service for this session, in bytes, as often as it was told.
    held: Vec<u64>,
    /// The quota exceeded, if any.
    exceeded: Option<QuotaExceeded>,
    /// True until a change of it was reported.
    quota_changed: bool,
}

/// A scripted terminal: a clone is the test's end.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<State>>);

impl Script {
    /// Bytes that the service said it holds for this session, the latest last.
    pub fn held(&self) -> Vec<u64> {
        self.0.lock().held.clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock();
        change(&mut state);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Adds output.
    pub fn print(&self, bytes: impl AsRef<[u8]>) {
        self.change(|state| state.output.extend(bytes.as_ref()));
    }

    /// Adds a prompt mark of the shell: `B`, `C`, `D;0`, `P`.
    pub fn mark(&self, mark: &str) {
        let nonce = self.0.lock().nonce.clone();
        self.print(format!("\x1b]133;{mark};tg={nonce}\x07"));
    }

    /// Adds the mark that tells a line: its kind (`line`, `unsure`, `none`), and the working directory.
    pub fn tell_line(&self, kind: &str, directory: &str, line: &str) {
        let nonce = self.0.lock().nonce.clone();
        self.print(format!("\x1b]133;E;tg={nonce};{kind};{directory};{line}\x07"));
    }

    /// Sets the room for input, in bytes.
    pub fn set_room(&self, bytes: usize) {
        self.change(|state| state.room = bytes);
    }

    /// Sets the input modes.
    pub fn set_tty(&self, tty: Tty) {
        self.change(|state| state.tty = tty);
    }

    /// Ends the shell.
    pub fn exit(&self, code: i32) {
        self.change(|state| state.exit = Some(Exit { code, signal: None }));
    }

    /// Sets the quota that is exceeded.
    pub fn exceed(&self, exceeded: Option<QuotaExceeded>) {
        self.change(|state| (state.exceeded, state.quota_changed) = (exceeded, true));
    }

    /// Sets the effect of Ctrl-C.
    pub fn set_interrupt_key(&self, key: Option<InterruptKey>) {
        self.change(|state| state.interrupt_key = key);
    }

    /// Replaces the shell by a program that prints no marks.
    pub fn replace_shell(&self) {
        self.change(|state| state.unmarked = true);
    }

    /// Number of interrupts so far.
    pub fn interrupts(&self) -> usize {
        self.0.lock().interrupts
    }

    /// Input so far.
    pub fn input(&self) -> Vec<u8> {
        self.0.lock().input.clone()
    }

    /// Sizes so far, the initial one first.
    pub fn sizes(&self) -> Vec<Size> {
        self.0.lock().sizes.clone()
    }

    /// Number of bytes that the session read so far; back-pressure stops it.
    pub fn taken(&self) -> usize {
        self.0.lock().taken
    }

    fn end(&self, code: i32, signal: &str) {
        self.change(|state| {
            state.exit.get_or_insert(Exit { code, signal: Some(signal.into()) });
        });
    }
}

/// Starts scripted terminals.
#[derive(Clone, Default)]
pub struct ScriptedSpawner(Arc<Mutex<Vec<Script>>>);

impl ScriptedSpawner {
    /// The test's end of the newest terminal.
    pub fn last(&self) -> Option<Script> {
        self.0.lock().last().cloned()
    }
}

impl ShellSpawner for ScriptedSpawner {
    fn spawn(&self, spec: &ShellSpec) -> io::Result<Box<dyn Pty>> {
        let nonce = spec.nonce.of_marks().to_owned();
        let state = State { room: usize::MAX, sizes: vec![spec.size], nonce, ..State::default() };
        let script = Script(Arc::new(Mutex::new(state)));
        self.0.lock().push(script.clone());
        Ok(Box::new(script))
    }

    fn isolation(&self) -> &'static str {
        "none"
    }
}

impl Pty for Script {
    fn poll_event(&mut self, context: &mut Context<'_>, interest: Interest) -> Poll<PtyEvent> {
        let mut state = self.0.lock();
        if std::mem::take(&mut state.quota_changed) {
            return Poll::Ready(PtyEvent::QuotaChanged);
        }
        if interest.write && state.room > 0 {
            return Poll::Ready(PtyEvent::Writable);
        }
        if interest.read && !state.output.is_empty() {
            return Poll::Ready(PtyEvent::Readable);
        }
        if state.exit.is_some() && !state.exit_reported {
            state.exit_reported = true;
            return Poll::Ready(PtyEvent::Exited);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<ReadOutcome> {
        let mut state = self.0.lock();
        let count = buffer.len().min(state.output.len());
        if count == 0 {
            return Ok(if state.exit.is_some() { ReadOutcome::End } else { ReadOutcome::Empty });
        }
        for (to, from) in buffer.iter_mut().zip(state.output.drain(..count)) {
            *to = from;
        }
        state.taken += count;
        Ok(ReadOutcome::Bytes(count))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        let count = bytes.len().min(state.room);
        state.room -= count;
        state.input.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn resize(&mut self, size: Size) -> io::Result<()> {
        self.0.lock().sizes.push(size);
        Ok(())
    }

    fn interrupt_key(&self) -> Option<InterruptKey> {
        self.0.lock().interrupt_key
    }

    fn interrupt(&mut self, _key: InterruptKey) {
        self.0.lock().interrupts += 1;
    }

    fn prints_marks(&self) -> bool {
        !self.0.lock().unmarked
    }

    fn tty(&self) -> Tty {
        self.0.lock().tty
    }

    fn exit(&mut self) -> Option<Exit> {
        self.0.lock().exit.clone()
    }

    fn processes(&self) -> Arc<dyn ProcessGroup> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl ProcessGroup for Script {
    async fn hang_up(&self) -> io::Result<()> {
        self.end(129, "SIGHUP");
        Ok(())
    }

    async fn kill(&self) -> io::Result<usize> {
        self.end(137, "SIGKILL");
        Ok(0)
    }

    fn set_held_by_service(&self, bytes: u64) {
        self.0.lock().held.push(bytes);
    }

    fn quota_exceeded(&self) -> Option<QuotaExceeded> {
        self.0.lock().exceeded
    }

    /// Passes, and says its script.
    async fn check(&self, check: Check) -> Result<CheckReport, CheckError> {
        Ok(CheckReport {
            outcome: CheckOutcome::Passed,
            exit_code: Some(0),
            reason: None,
            output: check.script,
            truncated: false,
            guard: CheckGuard::None,
        })
    }
}
