//! The session's side of its recording: reads the log behind the task's work, as the emulator does, and hands everything to the
//! writer without a wait. What the writer has no room for becomes a gap, behind which the screen stands anew.

use super::output_log::{LogPiece, OutputLog};
use super::terminal::Terminal;
use crate::recording::{ActiveRecording, Buffer, Happening, RESET};
use shared_protocol::server::{Recording, RecordingState, SnapshotScope};
use shared_protocol::{Pos, StreamEvent};
use std::sync::Arc;
use tokio::time::Instant;

/// Marker of a gap.
const GAP: &str = "Output is missing here: the store of recordings was behind.";

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
    clock: Box<dyn Fn(Instant) -> u64 + Send>,
    /// Position up to which the recording has the stream.
    read: Pos,
    /// True while the recording has not what the log has.
    in_gap: bool,
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
        });
        let is_written = active.as_ref().is_some_and(|active| !active.buffer.is_full());
        let state = if is_written { RecordingState::On } else { RecordingState::Off };
        Self { told: Some(Recording { state, ..told }), active }
    }

    /// Whether the session is recorded, as people are told.
    pub(super) fn told(&self) -> Option<Recording> {
        self.told
    }

    /// Memory that waits for the writer, in bytes.
    pub(super) fn held(&self) -> usize {
        self.active.as_ref().map_or(0, |active| active.buffer.held())
    }

    /// Hands over what the log got since the last call. True if people must be told of a change.
    pub(super) fn follow(&mut self, log: &mut OutputLog, terminal: &mut Terminal) -> bool {
        let Some(active) = &mut self.active else { return false };
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
        if self.read == log.end() {
            return;
        }
        let at = (self.clock)(Instant::now());
        if self.in_gap && !self.end_gap(at, log, terminal) {
            return;
        }
        if self.read < log.start() {
            return self.begin_gap(at, log);
        }
        for (_, piece) in log.pieces_from(self.read) {
            let happening = match piece {
                LogPiece::Bytes(bytes) => Some(Happening::Output(bytes.to_vec())),
                LogPiece::Event(event) => happening(event),
            };
            if happening.is_some_and(|happening| !self.buffer.push(at, happening)) {
                return self.begin_gap(at, log);
            }
        }
        self.read = log.end();
    }

    fn begin_gap(&mut self, at: u64, log: &OutputLog) {
        self.in_gap = true;
        self.buffer.push_gap(at, GAP);
        self.skip(at, log);
    }

    /// Passes over the rest of the log, but for the session's end.
    fn skip(&mut self, at: u64, log: &OutputLog) {
        for (_, event) in log.events_from(self.read) {
            if let Some(exit @ Happening::Exit(_)) = happening(event) {
                self.buffer.push(at, exit);
            }
        }
        self.read = log.end();
    }

    /// Goes on with the screen if the writer has caught up. False while it has not.
    fn end_gap(&mut self, at: u64, log: &mut OutputLog, terminal: &mut Terminal) -> bool {
        let screen = self.buffer.has_room().then(|| terminal.snapshot(SnapshotScope::Screen, Pos(0), log)).flatten();
        let Some(screen) = screen else {
            self.skip(at, log);
            return false;
        };
        let size = Happening::Resize { cols: screen.size.cols, rows: screen.size.rows };
        let data = [RESET, screen.data.as_slice()].concat();
        if !self.buffer.push(at, size) || !self.buffer.push(at, Happening::Output(data)) {
            self.skip(at, log);
            return false;
        }
        (self.in_gap, self.read) = (false, self.read.max(screen.pos));
        true
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
            Some(Happening::Marker("The shell was lost with its instance."))
        }
        StreamEvent::Exit { exit_code, .. } => Some(Happening::Exit(*exit_code)),
        _ => None,
    }
}
