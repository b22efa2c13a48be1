//! The session's terminal: reads and writes, settings, the commands typed into it, and the emulator that
//! follows it. It writes output and its own events into the log, in their true order, and returns everything that concerns other
//! parts of the session as [`TerminalEvent`]s.

use super::command::Commands;
use super::command_log::CommandLog;
use super::emulator::{Emulator, ScreenSnapshot};
use super::one_shot::Origin;
use super::output_log::OutputLog;
use super::pending_input::PendingInput;
use super::prompt::Prompt;
use super::settings_watch::SettingsWatch;
use super::typed_input::TypedInput;
use crate::clock::Clock;
use crate::metrics::{EchoTimer, Metrics};
use crate::terminal::{
    Exit, Interest, InterruptKey, Nonce, Piece, ProcessGroup, PromptMarkScanner, Pty, PtyEvent, ReadOutcome,
    ShellDirectory, Size,
};
use shared_protocol::server::{ShellCommand, SnapshotScope};
use shared_protocol::{ClientId, ErrorCode, Pos, Seq, SessionId, StreamEvent};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::Instant;

/// Output read in one turn, in bytes: two full frames, so that requests never wait long for their turn.
const TURN_BYTES: usize = 64 * 1024;

/// Work of the emulator in one turn, in cells: more than a turn's text needs. About a millisecond.
const TURN_WORK: usize = 256 * 1024;

/// The same for a snapshot, and for a title in a shell's last output: all text that may wait.
const SNAPSHOT_WORK: usize = 8 * TURN_WORK;

/// Input that waits for the program to read it, in bytes. More stays unacknowledged with the client.
const PENDING_INPUT_BYTES: usize = 64 * 1024;

/// A change in the terminal that concerns other parts of the session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TerminalEvent {
    /// Output was appended to the log, from this position on.
    Output { from: Pos },
    /// The one-shot command with this key ended.
    OneShotFinished { key: u64, result: String, truncated: bool, code: i32 },
    /// The shell could not take a command: no empty prompt came in time, too many commands wait (`BUSY`), or it does not mark
    /// its prompts (`NO_PROMPT_MARKS`).
    CommandRejected(Origin, ErrorCode),
    /// A command has ended at the prompt.
    CommandEnded(ShellCommand),
}

/// One session's terminal.
///
/// Invariants: the log holds exactly the bytes that were read without the shell's marks, the echo of an interrupt, and notices
/// of the service; the emulator reads them there, possibly later. A command's result stands in the log behind the output that it
/// sums up. After [`Self::exited`] nothing is written.
pub(super) struct Terminal {
    /// For logs.
    session: SessionId,
    pty: Box<dyn Pty>,
    /// Size of the pty and of the emulator.
    pub(super) size: Size,
    /// Its settings, as clients know them.
    pub(super) settings: SettingsWatch,
    marks: PromptMarkScanner,
    pub(super) prompt: Prompt,
    commands: Commands<Origin>,
    /// The commands that people run.
    pub(super) command_log: CommandLog,
    /// True if the log has events of them.
    pub(super) tells_commands: bool,
    pub(super) emulator: Emulator,
    /// Where the shell is.
    pub(super) directory: ShellDirectory,
    /// True if a snapshot waits for the emulator, or an event of the emulator for its frame.
    is_awaited: bool,
    pending: PendingInput,
    /// True after the end of the output: nothing more is read.
    pub(super) at_end: bool,
    /// True after the shell's exit was announced: nothing more is written.
    closed: bool,
    /// The keys that may be recorded; none where typing is not.
    typed: Option<TypedInput>,
    echo: EchoTimer,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

impl Terminal {
    /// `scrollback` is in lines above the screen.
    pub(super) fn new(
        session: SessionId,
        pty: Box<dyn Pty>,
        nonce: &Nonce,
        size: Size,
        scrollback: usize,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let tty = pty.tty();
        Self {
            session,
            size,
            settings: SettingsWatch::new(tty),
            pty,
            prompt: Prompt::new(tty),
            marks: PromptMarkScanner::new(nonce),
            commands: Commands::default(),
            command_log: CommandLog::default(),
            tells_commands: false,
            emulator: Emulator::new(size, scrollback),
            directory: ShellDirectory::here(),
            is_awaited: false,
            pending: PendingInput::default(),
            at_end: false,
            closed: false,
            typed: None,
            echo: EchoTimer::default(),
            clock,
            metrics,
        }
    }

    /// Memory of the emulator, of a command's output and of pending input, in bytes.
    pub(super) fn held(&self) -> usize {
        let typed = self.typed.as_ref().map_or(0, TypedInput::held);
        self.emulator.held() + self.commands.held() + self.command_log.held() + self.pending.bytes + typed
    }

    pub(super) fn processes(&self) -> Arc<dyn ProcessGroup> {
        self.pty.processes()
    }

    /// Waits for output (unless `paused` by backpressure), for room for pending input, or for the shell's end.
    pub(super) fn poll_event(&mut self, context: &mut Context<'_>, paused: bool) -> Poll<PtyEvent> {
        let read = !self.at_end && !paused;
        let write = !self.pending.queue.is_empty() && !self.closed;
        self.pty.poll_event(context, Interest { read, write })
    }

    pub(super) fn poll_exit(&mut self, context: &mut Context<'_>) -> Poll<PtyEvent> {
        self.pty.poll_event(context, Interest { read: false, write: false })
    }

    pub(super) fn has_exited(&mut self) -> bool {
        self.pty.exit().is_some()
    }

    /// Reads up to [`TURN_BYTES`] of output into the log.
    pub(super) fn read(&mut self, log: &mut OutputLog, events: &mut Vec<TerminalEvent>) {
        let mut buffer = [0; 4 * 1024];
        let (from, mut taken) = (log.end(), 0);
        while taken < TURN_BYTES && !self.at_end {
            match self.pty.read(&mut buffer) {
                Ok(ReadOutcome::Bytes(count)) => {
                    taken += count;
                    self.scan_output(&buffer[..count], log, events);
                }
                Ok(ReadOutcome::Empty) => break,
                Ok(ReadOutcome::End) => self.at_end = true,
                Err(error) => {
                    tracing::warn!(session = %self.session, %error, "the terminal cannot be read");
                    self.at_end = true;
                }
            }
        }
        if self.at_end {
            log.push_bytes(&self.marks.finish());
        }
        if log.end() > from {
            let now = Instant::now();
            self.metrics.streams.output.inc_by(log.end().0 - from.0);
            self.echo.output_read(now, &self.metrics.streams.echo);
            self.settings.schedule(now);
            events.push(TerminalEvent::Output { from });
        }
    }

    fn scan_output(&mut self, bytes: &[u8], log: &mut OutputLog, events: &mut Vec<TerminalEvent>) {
        let now = Instant::now();
        // Marks act after their output is logged: a result stands behind the output that it sums up.
        let mut steps = Vec::new();
        let (commands, prompt, pty, typed) = (&mut self.commands, &mut self.prompt, &self.pty, &mut self.typed);
        let (ran, tells, clock) = (&mut self.command_log, self.tells_commands, &self.clock);
        self.marks.scan(bytes, |piece| match piece {
            Piece::Text(text) => {
                log.push_bytes(text);
                commands.text(text);
                prompt.text();
                ran.text(text);
            }
            Piece::Mark(mark, shown) => {
                log.push_bytes(shown);
                prompt.mark(mark, || pty.tty());
                if let Some(typed) = typed {
                    typed.mark(mark, || pty.tty());
                }
                steps.extend(commands.mark(mark, now));
                if let Some(command) = ran.mark(mark, || clock.now_ms()) {
                    tell(command, tells, log, events);
                }
            }
            Piece::Line(line) => {
                if let Some(command) = ran.line(line) {
                    tell(command, tells, log, events);
                }
            }
        });
        self.run_steps(steps, log, events);
    }

    /// True if the next message in order may be applied.
    pub(super) fn accepts_input(&self) -> bool {
        self.pending.bytes < PENDING_INPUT_BYTES && !self.commands.is_typing()
    }

    /// Interrupts the foreground program, behind the output so far; drops the client's pending input up to `until`, unless the
    /// terminal's settings keep it. `None`, and nothing done, where Ctrl-C is a key like any other.
    pub(super) fn interrupt(
        &mut self,
        client: &ClientId,
        until: Seq,
        log: &mut OutputLog,
        events: &mut Vec<TerminalEvent>,
    ) -> Option<InterruptKey> {
        let key = self.pty.interrupt_key()?;
        if !self.is_behind(log) {
            self.read(log, events);
        }
        if key.flushes {
            self.pending.discard(client, until);
        }
        let from = log.end();
        self.scan_output(key.echo, log, events);
        if log.end() > from {
            events.push(TerminalEvent::Output { from });
        }
        self.pty.interrupt(key);
        self.commands.typed();
        self.prompt.typed();
        self.typed.iter_mut().for_each(TypedInput::interrupted);
        Some(key)
    }

    /// Changes the size, in its true place in the stream.
    pub(super) fn resize(&mut self, size: Size, log: &mut OutputLog, events: &mut Vec<TerminalEvent>) {
        if size == self.size {
            return;
        }
        if !self.is_behind(log) {
            self.read(log, events);
        }
        if let Err(error) = self.pty.resize(size) {
            tracing::warn!(session = %self.session, %error, "the terminal cannot be resized");
            return;
        }
        self.size = size;
        log.push_event(StreamEvent::Size { cols: size.cols, rows: size.rows });
    }

    /// True while the emulator has not read all of the log. Nothing more is read from the terminal meanwhile.
    pub(super) fn is_behind(&self, log: &OutputLog) -> bool {
        self.emulator.read() < log.end()
    }

    /// Lets the emulator read the output so far, as much as one turn may cost; writes its query replies and announces a new
    /// title. Returns the work, in cells.
    pub(super) fn catch_up(&mut self, log: &mut OutputLog) -> usize {
        self.catch_up_within(TURN_WORK, log)
    }

    fn catch_up_within(&mut self, work: usize, log: &mut OutputLog) -> usize {
        let mut budget = work;
        let caught_up = self.emulator.catch_up(log, self.size, &mut budget);
        self.apply_emulator(caught_up, log);
        work - budget
    }

    /// The screen, as late in the stream as its work allows. None while that is before `from`, where a page is already.
    pub(super) fn snapshot(&mut self, scope: SnapshotScope, from: Pos, log: &mut OutputLog) -> Option<ScreenSnapshot> {
        self.catch_up_within(SNAPSHOT_WORK, log);
        let is_behind = self.emulator.read() < from;
        self.is_awaited |= is_behind;
        (!is_behind).then(|| self.emulator.snapshot(scope))
    }

    /// True if a snapshot was put off, or an event came behind the frames, since the last call: another turn sends it.
    pub(super) fn take_awaited(&mut self) -> bool {
        std::mem::take(&mut self.is_awaited)
    }

    /// The visible screen, as lines that any terminal can print.
    pub(super) fn render_visible(&mut self) -> Vec<u8> {
        self.emulator.render_visible()
    }

    fn announce_tty(&mut self, log: &mut OutputLog) {
        if !self.closed
            && let Some(tty) = self.settings.changed(self.pty.tty())
        {
            log.push_event(StreamEvent::Tty(tty));
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let typed = self.typed.as_ref().and_then(TypedInput::deadline);
        [self.commands.deadline(), self.settings.deadline(), typed].into_iter().flatten().min()
    }

    /// Gives up on overdue commands, and checks the settings when due.
    pub(super) fn tick(&mut self, now: Instant, log: &mut OutputLog, events: &mut Vec<TerminalEvent>) {
        let steps = self.commands.tick(now);
        self.run_steps(steps, log, events);
        if self.settings.is_due(now) {
            self.announce_tty(log);
        }
    }

    /// Reads the last output of a shell that exited, and ends its commands. `None` if the shell still runs.
    pub(super) fn exited(&mut self, log: &mut OutputLog, events: &mut Vec<TerminalEvent>) -> Option<Exit> {
        let exit = self.pty.exit()?;
        // Background processes may print for ever: this is the last that is read.
        self.read(log, events);
        self.at_end = true;
        log.push_bytes(&self.marks.finish());
        let steps = self.commands.shell_ended(exit.code);
        self.run_steps(steps, log, events);
        if let Some(command) = self.command_log.shell_ended(exit.code, self.clock.now_ms()) {
            tell(command, self.tells_commands, log, events);
        }
        // The exit is the last event of its epoch: a title in the last output comes before it.
        self.catch_up_within(SNAPSHOT_WORK, log);
        self.closed = true;
        Some(exit)
    }
}

/// Tells of a command that begins or has ended, where it does so in the output.
fn tell(command: ShellCommand, in_log: bool, log: &mut OutputLog, events: &mut Vec<TerminalEvent>) {
    let is_over = command.ended.is_some();
    if in_log {
        log.push_event(StreamEvent::Command(if is_over { command.end() } else { command.clone() }));
    }
    if is_over {
        events.push(TerminalEvent::CommandEnded(command));
    }
}

mod commands;
mod emulation;
mod input;
mod offer;
mod withdraw;

#[cfg(test)]
mod tests;
