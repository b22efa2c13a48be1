//! The session and its terminal: what is read from it, what is typed into it, and when neither goes on.

use super::actor::Actor;
use super::client::HOLD_PATIENCE;
use super::command::Step;
use super::emulator::CaughtUp;
use super::plain::Origin;
use crate::terminal::{Piece, ReadOutcome, Size};
use bytes::{Buf, Bytes};
use shared_protocol::{ClientId, ErrorCode, Seq, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// Output taken from the terminal in one turn, in bytes: two full frames, so that requests are never far from their turn.
const TURN_BYTES: usize = 64 * 1024;

/// Input that waits for the program to read it, in bytes. More stays unacknowledged with the client.
const UNWRITTEN_BYTES: usize = 64 * 1024;

/// Input that may wait when the terminal answers a query, in bytes.
const ANSWER_BYTES: usize = 16 * 1024;

/// Unacknowledged output at which the terminal is read no further, in bytes.
const HOLD_ABOVE: u64 = 512 * 1024;

/// Unacknowledged output below which it is read again, in bytes: early enough that a full frame lies ready when a post is done.
const HOLD_BELOW: u64 = 384 * 1024;

/// How quiet the terminal must be until its settings are looked at: a prompt that comes and goes changes them twice.
const TTY_QUIET: Duration = Duration::from_millis(20);

/// They are looked at again, ever less often, up to this long after the last sign of life.
const TTY_LAST: Duration = Duration::from_millis(2500);

impl Actor {
    /// Takes what the terminal has, up to a turn's worth.
    pub(super) fn read_output(&mut self) {
        let mut buffer = [0; 4 * 1024];
        let mut taken = 0;
        while taken < TURN_BYTES && !self.output_over {
            match self.pty.read(&mut buffer) {
                Ok(ReadOutcome::Bytes(count)) => {
                    taken += count;
                    self.printed(&buffer[..count]);
                }
                Ok(ReadOutcome::Empty) => break,
                Ok(ReadOutcome::End) => self.output_over = true,
                Err(error) => {
                    tracing::warn!(session = %self.id, %error, "the terminal cannot be read");
                    self.output_over = true;
                }
            }
        }
        if taken > 0 {
            let now = Instant::now();
            self.metrics.streams.output.inc_by(taken as u64);
            self.echo.output_read(now, &self.metrics.streams.echo);
            self.life.activity(now);
            self.watch_tty(now);
        }
    }

    /// Output, or what the service itself has to say among it: into the stream, and onto the session's own screen.
    pub(super) fn print(&mut self, bytes: &[u8]) {
        self.emulator.printed(self.log.end(), bytes);
        self.log.push_bytes(bytes);
    }

    fn printed(&mut self, bytes: &[u8]) {
        let (end, now) = (self.log.end(), Instant::now());
        for client in self.clients.values_mut().filter(|client| client.sending.acked == end) {
            client.sending.progress = now;
        }
        // A result must stand behind the output that it sums up, so marks act after their output is logged.
        let mut marked = Vec::new();
        let commands = &mut self.commands;
        self.marks.scan(bytes, |piece| match piece {
            Piece::Text(text) => commands.text(text),
            Piece::Mark(mark) => marked.extend(commands.mark(mark, now)),
        });
        self.print(bytes);
        self.screens.schedule_save(now);
        self.take_steps(marked);
    }

    /// Carries out what running commands ask for.
    pub(super) fn take_steps(&mut self, steps: Vec<Step<Origin>>) {
        for step in steps {
            match step {
                Step::Type(bytes) => self.type_in(None, Seq(0), bytes),
                Step::Finished(finished) => self.command_finished(finished),
                Step::Busy(origin) => {
                    self.command_refused(origin, ErrorCode::Busy, "the shell is not at an empty prompt");
                }
            }
        }
    }

    /// Puts input behind what waits already, and writes what the terminal takes.
    pub(super) fn type_in(&mut self, who: Option<&ClientId>, seq: Seq, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if who.is_some() {
            self.echo.input_written(Instant::now());
        }
        self.unwritten_bytes += bytes.len();
        self.unwritten.push_back((who.cloned(), seq, bytes));
        self.write_input();
    }

    pub(super) fn write_input(&mut self) {
        while let Some((_, _, bytes)) = self.unwritten.front_mut() {
            match self.pty.write(bytes) {
                Ok(0) if !bytes.is_empty() => break,
                Ok(count) => {
                    self.metrics.streams.input.inc_by(count as u64);
                    bytes.advance(count);
                    self.unwritten_bytes -= count;
                    if bytes.is_empty() {
                        self.unwritten.pop_front();
                    }
                }
                Err(error) => {
                    // The last process has closed the terminal: nobody will ever read this.
                    tracing::debug!(session = %self.id, %error, "the terminal takes no input");
                    self.unwritten.clear();
                    self.unwritten_bytes = 0;
                }
            }
        }
        self.watch_tty(Instant::now());
    }

    /// Takes back what this client typed up to `until` and the terminal has not taken.
    pub(super) fn discard_input(&mut self, who: &ClientId, until: Seq) {
        self.unwritten.retain(|(typist, seq, _)| typist.as_ref() != Some(who) || *seq > until);
        self.unwritten_bytes = self.unwritten.iter().map(|(_, _, bytes)| bytes.len()).sum();
    }

    /// Whether the next message in order may be applied.
    pub(super) fn takes_input(&self) -> bool {
        self.unwritten_bytes < UNWRITTEN_BYTES && !self.commands.is_typing() && self.ending.is_none()
    }

    /// Gives the terminal a size, in its true place in the stream.
    pub(super) fn resize(&mut self, size: Size) {
        if size == self.size {
            return;
        }
        self.read_output();
        if let Err(error) = self.pty.resize(size) {
            tracing::warn!(session = %self.id, %error, "the terminal cannot be resized");
            return;
        }
        self.size = size;
        let caught_up = self.emulator.resize(size);
        self.emulated(caught_up);
        self.log.push_event(StreamEvent::Size { cols: size.cols, rows: size.rows });
    }

    /// Lets the emulator parse what was printed, types its answers, and tells of a new title.
    pub(super) fn catch_up(&mut self) {
        let caught_up = self.emulator.catch_up();
        self.emulated(caught_up);
    }

    fn emulated(&mut self, caught_up: CaughtUp) {
        // A program that asks and never reads gets no answers any more: they would wait for ever, and before the user's keys.
        let room = self.unwritten_bytes + caught_up.answers.len() <= ANSWER_BYTES;
        if !caught_up.answers.is_empty() && room && !self.is_over() {
            self.type_in(None, Seq(0), caught_up.answers);
        }
        if let Some(title) = caught_up.title {
            self.log.push_event(StreamEvent::Title { title });
        }
    }

    /// Looks at the terminal's settings soon.
    fn watch_tty(&mut self, now: Instant) {
        self.tty_patience = TTY_QUIET;
        self.tty_check = Some(now + TTY_QUIET);
    }

    pub(super) fn check_tty(&mut self) {
        // A program may change them without a word, some time after it was started.
        self.tty_patience *= 5;
        self.tty_check = (self.tty_patience <= TTY_LAST).then(|| Instant::now() + self.tty_patience);
        let tty = self.pty.tty();
        if tty != self.tty && !self.is_over() {
            self.tty = tty;
            self.log.push_event(StreamEvent::Tty(tty));
        }
    }

    /// Holds the program back while a followed controller is behind, but not for one that makes no progress.
    pub(super) fn hold_back(&mut self) {
        let (end, now) = (self.log.end(), Instant::now());
        let limit = if self.held_back { HOLD_BELOW } else { HOLD_ABOVE };
        let before = self.held_back;
        self.held_back = !self.is_over()
            && self.clients.values_mut().any(|client| {
                client.may_hold_back()
                    && end.0 - client.sending.acked.0 > limit
                    && now < client.sending.progress + HOLD_PATIENCE
                    && client.is_followed(now)
            });
        if self.held_back && !before {
            self.metrics.streams.backpressure_pauses.inc();
        }
    }
}
