//! The task that owns one session: it waits for requests, for the terminal and for deadlines, one thing at a time, and then
//! answers whoever can be answered. No lock, because nothing of it is shared.

use super::budget::Budget;
use super::client::{Client, HOLD_PATIENCE};
use super::command::{Commands, Step};
use super::emulator::{CaughtUp, Emulator};
use super::lifecycle::Lifecycle;
use super::output_log::OutputLog;
use super::plain::{Origin, PlainCommands};
use super::{Limits, Request};
use crate::clock::Clock;
use crate::pty::{MarkScanner, Nonce, Piece, Pty, ReadOutcome, Ready, Size, Want};
use bytes::{Buf, Bytes};
use shared_protocol::server::Tty;
use shared_protocol::{ClientId, ConnectionId, EndReason, Epoch, ErrorCode, Seq, SessionId, StreamEvent};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Output taken from the terminal in one turn, in bytes: two full frames, so that requests are never far from their turn.
const TURN_BYTES: usize = 64 * 1024;

/// Input that waits for the program to read it, in bytes. More stays unacknowledged with the client.
const UNWRITTEN_BYTES: usize = 64 * 1024;

/// Unacknowledged output at which the terminal is read no further, in bytes.
const HOLD_ABOVE: u64 = 512 * 1024;

/// Unacknowledged output below which it is read again, in bytes. Well above the step of acknowledgements, or it would never come.
const HOLD_BELOW: u64 = 128 * 1024;

/// How quiet the terminal must be until its settings are looked at: a prompt that comes and goes changes them twice.
const TTY_QUIET: Duration = Duration::from_millis(20);

/// How long a session that is over goes on telling its clients so.
const LINGER: Duration = Duration::from_secs(10);

/// Time for processes to end by themselves after a hang-up.
const HANG_UP_GRACE: Duration = Duration::from_millis(1500);

/// A connection without a word for this long is gone, even if nobody said so: API Gateway closes it after 10 minutes.
pub(super) const SILENCE: Duration = Duration::from_secs(660);

/// What a session is made of.
pub(super) struct Parts {
    pub id: SessionId,
    pub epoch: Epoch,
    pub limits: Limits,
    pub clock: Arc<dyn Clock>,
    pub pty: Box<dyn Pty>,
    pub nonce: Nonce,
    pub size: Size,
}

/// A connection that speaks in this session.
pub(super) struct Connected {
    pub client: ClientId,
    pub seen: Instant,
    pub touched: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    /// The shell was told to hang up; it is killed at this time.
    HangingUp { kill_at: Instant },
    /// The shell is over; the task goes on until this time.
    Over { until: Instant },
}

pub(super) struct Actor {
    pub id: SessionId,
    pub epoch: Epoch,
    pub clock: Arc<dyn Clock>,
    pub pty: Box<dyn Pty>,
    pub size: Size,
    pub tty: Tty,
    pub log: OutputLog,
    pub commands: Commands<Origin>,
    pub clients: BTreeMap<ClientId, Client>,
    pub connections: HashMap<ConnectionId, Connected>,
    pub plain: PlainCommands,
    /// The client whose window the terminal has: the one who typed last.
    pub controller: Option<ClientId>,
    pub emulator: Emulator,
    pub snapshots: u32,
    pub life: Lifecycle,
    pub budget: Budget,
    pub ends_at_ms: u64,
    /// Input that was applied but not yet taken by the terminal, with the client that typed it.
    unwritten: VecDeque<(Option<ClientId>, Seq, Bytes)>,
    unwritten_bytes: usize,
    marks: MarkScanner,
    tty_check: Option<Instant>,
    held_back: bool,
    output_over: bool,
    ending: Option<Ending>,
    reason: EndReason,
}

impl Actor {
    pub(super) fn new(parts: Parts) -> Self {
        let now = Instant::now();
        Self {
            id: parts.id,
            epoch: parts.epoch,
            ends_at_ms: parts.clock.now_ms() + parts.limits.life.as_millis() as u64,
            clock: parts.clock,
            tty: parts.pty.tty(),
            pty: parts.pty,
            size: parts.size,
            log: OutputLog::default(),
            commands: Commands::default(),
            clients: BTreeMap::new(),
            connections: HashMap::new(),
            plain: PlainCommands::default(),
            controller: None,
            emulator: Emulator::new(parts.size, parts.limits.scrollback),
            snapshots: 0,
            life: Lifecycle::new(parts.limits, now),
            budget: Budget::new(parts.limits.output_rate, now),
            unwritten: VecDeque::new(),
            unwritten_bytes: 0,
            marks: MarkScanner::new(&parts.nonce),
            tty_check: None,
            held_back: false,
            output_over: false,
            ending: None,
            reason: EndReason::Exited,
        }
    }

    /// Runs until the session is over. Returns why it ended.
    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Request>) -> EndReason {
        loop {
            let deadline = self.deadline();
            let want = Want {
                read: !self.output_over && !self.held_back,
                write: !self.unwritten.is_empty() && !self.is_over(),
            };
            tokio::select! {
                request = mailbox.recv() => match request {
                    Some(request) => self.request(request),
                    // Nobody can reach it any more.
                    None => self.end(EndReason::Closed),
                },
                ready = poll_fn(|context| self.pty.poll_ready(context, want)) => match ready {
                    Ready::Readable => self.read_output(),
                    Ready::Writable => self.write_input(),
                    Ready::Exited => self.exited(),
                },
                () = sleep_until(deadline) => self.tick(),
            }
            self.apply_input();
            self.send_frames();
            // After the frames: an echo waits for no emulator.
            self.catch_up();
            self.hold_back();
            if self.is_gone() {
                break;
            }
        }
        self.sweep().await;
        self.reason
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Deliver { speaker, inbound, reply } => self.deliver(speaker, inbound, reply),
            Request::Output { connection, ticket, wait, reply } => self.output(&connection, ticket, wait, reply),
            Request::Disconnect { connection } => self.disconnect(&connection),
            Request::End { reason } => self.end(reason),
        }
    }

    fn deadline(&self) -> Instant {
        let now = Instant::now();
        let ending = match self.ending {
            None => self.life.deadline(),
            Some(Ending::HangingUp { kill_at }) => kill_at,
            // Looks again now and then: a follower may be gone without a word.
            Some(Ending::Over { until }) => until.min(now + super::follower::GRANT_LIFE),
        };
        let held = self.held_back.then_some(now + HOLD_PATIENCE);
        let clients = self.clients.values().filter_map(Client::deadline);
        let silent = self.connections.values().map(|connected| connected.seen + SILENCE);
        clients
            .chain(silent)
            .chain([self.commands.deadline(), self.plain.deadline(), self.tty_check, held].into_iter().flatten())
            .fold(ending, Instant::min)
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.forget_silent(now);
        let steps = self.commands.tick(now);
        self.take_steps(steps);
        self.answer_slow_commands(now);
        self.report_gaps(now);
        if self.tty_check.is_some_and(|at| at <= now) {
            self.check_tty();
        }
        match self.ending {
            None => {
                if let Some(reason) = self.life.due(now) {
                    self.end(reason);
                }
            }
            Some(Ending::HangingUp { kill_at }) if kill_at <= now => {
                self.ending = Some(Ending::HangingUp { kill_at: now + HANG_UP_GRACE });
                let processes = self.pty.processes();
                tokio::task::spawn_blocking(move || processes.kill());
            }
            Some(_) => {}
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.ending, Some(Ending::Over { .. }))
    }

    /// Takes what the terminal has, up to a turn's worth.
    pub(super) fn read_output(&mut self) {
        let mut buffer = [0; 16 * 1024];
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
            self.life.activity(now);
            self.tty_check = Some(now + TTY_QUIET);
        }
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
        self.emulator.printed(end, bytes);
        self.log.push_bytes(bytes);
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
        self.unwritten_bytes += bytes.len();
        self.unwritten.push_back((who.cloned(), seq, bytes));
        self.write_input();
    }

    fn write_input(&mut self) {
        while let Some((_, _, bytes)) = self.unwritten.front_mut() {
            match self.pty.write(bytes) {
                Ok(0) if !bytes.is_empty() => break,
                Ok(count) => {
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
        self.tty_check = Some(Instant::now() + TTY_QUIET);
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
        if !caught_up.answers.is_empty() && !self.is_over() {
            self.type_in(None, Seq(0), caught_up.answers);
        }
        if let Some(title) = caught_up.title {
            self.log.push_event(StreamEvent::Title { title });
        }
    }

    fn check_tty(&mut self) {
        self.tty_check = None;
        let tty = self.pty.tty();
        if tty != self.tty && !self.is_over() {
            self.tty = tty;
            self.log.push_event(StreamEvent::Tty(tty));
        }
    }

    /// Holds the program back while a followed controller is behind, but not for one that makes no progress.
    fn hold_back(&mut self) {
        let (end, now) = (self.log.end(), Instant::now());
        let limit = if self.held_back { HOLD_BELOW } else { HOLD_ABOVE };
        self.held_back = !self.is_over()
            && self.clients.values_mut().any(|client| {
                client.may_hold_back()
                    && end.0 - client.sending.acked.0 > limit
                    && now < client.sending.progress + HOLD_PATIENCE
                    && client.is_followed(now)
            });
    }

    /// Asks the shell to end. What follows is the same as when it exits by itself.
    pub(super) fn end(&mut self, reason: EndReason) {
        if self.ending.is_some() {
            return;
        }
        self.reason = reason;
        self.ending = Some(Ending::HangingUp { kill_at: Instant::now() + HANG_UP_GRACE });
        let processes = self.pty.processes();
        tokio::task::spawn_blocking(move || processes.hang_up());
    }

    fn exited(&mut self) {
        let Some(exit) = self.pty.exit() else {
            tracing::warn!(session = %self.id, "the shell was said to be over but is not");
            return;
        };
        // What was printed last is still in the terminal; background processes may print for ever.
        self.read_output();
        self.output_over = true;
        let steps = self.commands.shell_ended(exit.code);
        self.take_steps(steps);
        tracing::info!(session = %self.id, code = exit.code, reason = ?self.reason, "session over");
        self.log.push_event(StreamEvent::Exit { exit_code: exit.code, signal: exit.signal, reason: self.reason });
        self.ending = Some(Ending::Over { until: Instant::now() + LINGER });
    }

    /// Whether it is over and everyone who listens has heard so.
    fn is_gone(&mut self) -> bool {
        let Some(Ending::Over { until }) = self.ending else { return false };
        let (end, now) = (self.log.end(), Instant::now());
        let waits = |client: &mut Client| !client.plain && client.sending.acked < end && client.is_followed(now);
        until <= now || !self.clients.values_mut().any(waits)
    }

    /// Ends every process that the shell left behind.
    async fn sweep(&mut self) {
        let processes = self.pty.processes();
        let swept = tokio::task::spawn_blocking(move || {
            // A process may start another while it is being looked for: look again until none is found.
            (0..10).find(|_| processes.kill() == 0)
        });
        if !matches!(swept.await, Ok(Some(_))) {
            tracing::warn!(session = %self.id, "processes of the session may be left");
        }
    }
}
