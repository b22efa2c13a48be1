//! A terminal that a test plays: it sees what is written and says what is read. No process, so time can be moved freely.

use super::{Exit, Processes, Pty, ReadOutcome, Ready, ShellSpec, Shells, Size, Want};
use async_trait::async_trait;
use shared_protocol::server::Tty;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Default)]
struct State {
    output: VecDeque<u8>,
    input: Vec<u8>,
    /// Room for input that is left; what a program that does not read leaves is none.
    room: usize,
    sizes: Vec<Size>,
    tty: Tty,
    exit: Option<Exit>,
    exit_told: bool,
    hung_up: bool,
    waker: Option<Waker>,
    /// Bytes read so far, to see back-pressure.
    taken: usize,
    nonce: String,
    signals: bool,
    interrupts: usize,
}

/// The test's end of a scripted terminal. Clones speak of the same terminal.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<State>>);

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// The program prints.
    pub fn print(&self, bytes: impl AsRef<[u8]>) {
        self.change(|state| state.output.extend(bytes.as_ref()));
    }

    /// The shell prints one of its marks: `B`, `C`, `D;0`, `P`.
    pub fn mark(&self, mark: &str) {
        let nonce = self.state().nonce.clone();
        self.print(format!("\x1b]133;{mark};tg={nonce}\x07"));
    }

    /// The program takes at most so many more bytes of input.
    pub fn set_room(&self, bytes: usize) {
        self.change(|state| state.room = bytes);
    }

    /// The program changes how input is treated.
    pub fn set_tty(&self, tty: Tty) {
        self.change(|state| state.tty = tty);
    }

    /// The shell ends.
    pub fn exit(&self, code: i32) {
        self.change(|state| state.exit = Some(Exit { code, signal: None }));
    }

    /// Whether the terminal makes signals of keys.
    pub fn set_signals(&self, on: bool) {
        self.change(|state| state.signals = on);
    }

    /// Interrupts so far.
    pub fn interrupts(&self) -> usize {
        self.state().interrupts
    }

    /// What was written so far.
    pub fn input(&self) -> Vec<u8> {
        self.state().input.clone()
    }

    /// The sizes that were set, the first included.
    pub fn sizes(&self) -> Vec<Size> {
        self.state().sizes.clone()
    }

    /// How much was read so far, in bytes.
    pub fn taken(&self) -> usize {
        self.state().taken
    }
}

/// Starts scripted terminals.
#[derive(Clone, Default)]
pub struct ScriptedShells(Arc<Mutex<Vec<Script>>>);

impl ScriptedShells {
    /// The test's end of the terminal that was started last.
    pub fn last(&self) -> Option<Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }
}

impl Shells for ScriptedShells {
    fn start(&self, spec: &ShellSpec) -> io::Result<Box<dyn Pty>> {
        let nonce = spec.nonce.as_str().to_owned();
        let state = State { room: usize::MAX, sizes: vec![spec.size], nonce, ..State::default() };
        let script = Script(Arc::new(Mutex::new(state)));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(script.clone());
        Ok(Box::new(ScriptedPty(script)))
    }

    fn isolation(&self) -> &'static str {
        "none"
    }
}

struct ScriptedPty(Script);

impl Pty for ScriptedPty {
    fn poll_ready(&mut self, context: &mut Context<'_>, want: Want) -> Poll<Ready> {
        let mut state = self.0.state();
        if want.write && state.room > 0 {
            return Poll::Ready(Ready::Writable);
        }
        if want.read && !state.output.is_empty() {
            return Poll::Ready(Ready::Readable);
        }
        if state.exit.is_some() && !state.exit_told {
            state.exit_told = true;
            return Poll::Ready(Ready::Exited);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<ReadOutcome> {
        let mut state = self.0.state();
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
        let mut state = self.0.state();
        let count = bytes.len().min(state.room);
        state.room -= count;
        state.input.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn resize(&mut self, size: Size) -> io::Result<()> {
        self.0.state().sizes.push(size);
        Ok(())
    }

    fn interrupt(&mut self) -> bool {
        let mut state = self.0.state();
        state.interrupts += usize::from(state.signals);
        state.signals
    }

    fn tty(&self) -> Tty {
        self.0.state().tty
    }

    fn exit(&mut self) -> Option<Exit> {
        self.0.state().exit.clone()
    }

    fn processes(&self) -> Box<dyn Processes> {
        Box::new(ScriptedProcesses(self.0.clone()))
    }
}

struct ScriptedProcesses(Script);

#[async_trait]
impl Processes for ScriptedProcesses {
    async fn hang_up(&self) -> io::Result<()> {
        self.0.change(|state| {
            state.hung_up = true;
            state.exit.get_or_insert(Exit { code: 129, signal: Some("SIGHUP".into()) });
        });
        Ok(())
    }

    async fn kill(&self) -> io::Result<usize> {
        self.0.change(|state| {
            state.exit.get_or_insert(Exit { code: 137, signal: Some("SIGKILL".into()) });
        });
        Ok(0)
    }
}
