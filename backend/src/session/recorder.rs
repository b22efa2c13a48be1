//! The session's side of its recording: reads the log behind the task's work, as the emulator does, and hands to the writer as
//! much as that has room for, without a wait. A gap stands for everything that the log dropped before; the whole screen follows
//! it.

use super::output_log::{LogPiece, OutputLog};
use super::terminal::Terminal;
use super::typed_input::Typed;
use crate::recording::{ActiveRecording, Buffer, Happening, RESET, SCREEN_BYTES, pieces};
use shared_protocol::server::{Recording, RecordingState, SnapshotScope};
use shared_protocol::{Pos, StreamEvent};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Marker of a gap.
const GAP: &str = "Output is missing here: the store of recordings was behind.";

/// Marker where a gap ends without the screen.
const NO_SCREEN: &str = "The screen is missing here: it was too large. Later output is drawn on an empty one.";

/// Time between two looks whether a gap can end: a screen is work.
const GAP_INTERVAL: Duration = Duration::from_secs(1);

/// Marker of any number of keys.
const HIDDEN_KEYS: &str = "Typing is not recorded here.";

/// Marker of a command whose line is hidden.
const HIDDEN_COMMAND: &str = "A command that is hidden.";

/// Hands a session's stream to the writer of its recording.
pub(super) struct Recorder {
    /// As people are told; none for a session that is not to be recorded.
    told: Option<Recording>,
    /// None if nothing is written.
    active: Option<Active>,
}

struct Active {
    buffer: Arc<Buffer>,
    /// Time of a moment, in ms since the recording's start.
    clock: Box<dyn Fn(Instant) -> u64 + Send + Sync>,
    /// Position up to which the recording has the stream.
    read: Pos,
    /// True while the recording has not what the log has.
    in_gap: bool,
    /// Time of the next look whether a gap can end.
    next_look: Instant,
    /// True while the marker of keys that are not recorded is due.
    hides_keys: bool,
}

impl Recorder {
    /// For a session that is not to be recorded.
    pub(super) fn off() -> Self {
        Self { told: None, active: None }
    }

    /// For a session that is to be recorded, and is where `recording` could begin. `told` is what people hear then.
    pub(super) fn new(told: Recording, recording: Option<&ActiveRecording>) -> Self {
        let active = recording.map(|recording| Active {
            buffer: Arc::clone(&recording.buffer),
            clock: Box::new(recording.clock()),
            read: Pos(0),
            in_gap: false,
            next_look: Instant::now(),
            hides_keys: false,
        });
        let is_written = active.as_ref().is_some_and(|active| !active.buffer.is_full());
        let state = if is_written { RecordingState::On } else { RecordingState::Off };
        Self { told: Some(Recording { state, ..told }), active }
    }

    /// Whether the session is recorded, as people are told.
    pub(super) fn told(&self) -> Option<Recording> {
        self.told
    }

    /// True if what people type is written, too.
    pub(super) fn has_input(&self) -> bool {
        self.is_on() && self.told.is_some_and(|told| told.input)
    }

    /// True if something is written.
    pub(super) fn is_on(&self) -> bool {
        self.active.is_some()
    }

    /// Waits until the writer takes more of what the log has.
    pub(super) async fn has_room_again(&self) {
        match &self.active {
            Some(active) => active.buffer.has_room_again().await,
            None => pending().await,
        }
    }

    /// The session is over: no output comes, and the log goes. From now on all of it waits for the writer.
    pub(super) fn take_all(&self) {
        if let Some(active) = &self.active {
            active.buffer.take_all();
        }
    }

    /// Memory of what the writer has not stored, in bytes.
    pub(super) fn held(&self) -> usize {
        self.active.as_ref().map_or(0, |active| active.buffer.held())
    }

    /// Time at which a gap may end, in which the terminal may be silent.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let active = self.active.as_ref().filter(|active| active.in_gap && !active.buffer.is_full())?;
        Some(active.next_look)
    }

    /// Hands over what the log got since the last call. True if people must be told of a change.
    pub(super) fn follow(&mut self, log: &mut OutputLog, terminal: &mut Terminal) -> bool {
        let Some(active) = &mut self.active else { return false };
        // Before the output of this turn, and before the exit, behind which there is nothing.
        for (at, typed) in terminal.typed() {
            active.typed(at, typed);
        }
        active.follow(log, terminal);
        match &mut self.told {
            Some(told) if active.buffer.is_full() => {
                std::mem::replace(&mut told.state, RecordingState::Off) == RecordingState::On
            }
            _ => false,
        }
    }
}

impl Active {
    fn follow(&mut self, log: &mut OutputLog, terminal: &mut Terminal) {
        if self.read == log.end() && !self.in_gap {
            return;
        }
        let now = Instant::now();
        let at = (self.clock)(now);
        if self.in_gap && !self.end_gap(now, at, log, terminal) {
            return self.skip(at, log);
        }
        if self.read < log.start() {
            return self.begin_gap(at, log);
        }
        for (_, piece) in log.pieces_from(self.read) {
            let has_all = match piece {
                LogPiece::Bytes(bytes) => pieces(bytes).all(|piece| {
                    let has_room = self.buffer.push(at, Happening::Output(piece.to_vec()));
                    self.read = if has_room { self.read.after(piece.len() as u64) } else { self.read };
                    has_room
                }),
                LogPiece::Event(event) => {
                    let has_room = happening(event).is_none_or(|happening| self.buffer.push(at, happening));
                    self.read = if has_room { self.read.after(1) } else { self.read };
                    has_room
                }
            };
            if !has_all {
                // The rest waits in the log.
                return;
            }
        }
    }

    /// Writes what was typed. Behind what was printed meanwhile it stands with the time of that.
    fn typed(&mut self, at: Instant, typed: Typed) {
        self.hides_keys |= self.in_gap || typed == Typed::Hidden;
        if self.in_gap {
            return;
        }
        let at = (self.clock)(at);
        if self.hides_keys {
            self.hides_keys = !self.buffer.push(at, Happening::Marker(HIDDEN_KEYS.into()));
        }
        if let Typed::Keys(keys) = typed {
            self.hides_keys |= !self.buffer.push(at, Happening::Input(keys));
        }
    }

    fn begin_gap(&mut self, at: u64, log: &OutputLog) {
        self.in_gap = true;
        self.buffer.push_gap(at, GAP);
        self.skip(at, log);
    }

    /// Passes over the rest of the log, but for the session's end, behind which no screen stands.
    fn skip(&mut self, at: u64, log: &OutputLog) {
        for (_, event) in log.events_from(self.read) {
            self.in_gap &= !matches!(event, StreamEvent::Exit { .. });
            if let Some(exit @ Happening::Exit(_)) = happening(event) {
                self.buffer.push(at, exit);
            }
        }
        self.read = log.end();
    }

    /// Goes on with the screen if the writer has caught up. False while it has not.
    fn end_gap(&mut self, now: Instant, at: u64, log: &mut OutputLog, terminal: &mut Terminal) -> bool {
        if now < self.next_look || self.buffer.is_full() {
            return false;
        }
        self.next_look = now + GAP_INTERVAL;
        let screen = self.buffer.has_room().then(|| terminal.snapshot(SnapshotScope::Screen, Pos(0), log)).flatten();
        let Some(screen) = screen else { return false };
        let size = Happening::Resize { cols: screen.size.cols, rows: screen.size.rows };
        // One of very many colours may be too large.
        let is_whole = screen.data.len() <= SCREEN_BYTES;
        let data = if is_whole { [RESET, screen.data.as_slice()].concat() } else { RESET.to_vec() };
        if self.buffer.push_screen(at, size, &data) {
            self.in_gap = false;
            if is_whole {
                self.read = screen.pos;
            } else {
                self.buffer.push(at, Happening::Marker(NO_SCREEN.into()));
            }
        }
        !self.in_gap
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.buffer.close();
    }
}

/// An event as a recording has it; none for what is no part of the terminal, as chat.
fn happening(event: &StreamEvent) -> Option<Happening> {
    match event {
        StreamEvent::Size { cols, rows } => Some(Happening::Resize { cols: *cols, rows: *rows }),
        // Another shell goes on with the session.
        StreamEvent::Exit { reason, .. } if reason.is_loss() => {
            Some(Happening::Marker("The shell was lost with its instance.".into()))
        }
        StreamEvent::Exit { exit_code, .. } => Some(Happening::Exit(*exit_code)),
        StreamEvent::Command(command) if command.ended.is_none() => {
            Some(Happening::Marker(command.line.clone().map_or(HIDDEN_COMMAND.into(), Into::into)))
        }
        _ => None,
    }
}
