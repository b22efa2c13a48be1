//! Metrics of terminals and their clients: bytes, frames, messages, and recovery from loss and slow clients.

use super::families::{EnumFamily, Families};
use super::guard::GaugeGuard;
use super::labels::{FrameKind, MessageType, RetransmissionCause, SnapshotCause};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use shared_protocol::{ErrorCode, ServerMessage};

/// Seconds: the kernel alone takes 10 µs, and people notice 0.1 s.
const ECHO_BUCKETS: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// Terminals and their clients.
#[derive(Debug)]
pub struct StreamMetrics {
    /// Bytes read from terminals.
    pub output: Counter,
    /// Bytes written to terminals.
    pub input: Counter,
    frames: EnumFamily<FrameKind, Counter>,
    frame_bytes: EnumFamily<FrameKind, Counter>,
    messages: EnumFamily<MessageType, Counter>,
    /// Pending long polls.
    pub followers: Gauge,
    /// Clients notified of a missing input message.
    pub input_gaps: Counter,
    /// Ranges of the stream sent again.
    pub retransmissions: EnumFamily<RetransmissionCause, Counter>,
    /// Snapshots sent instead of the stream.
    pub snapshots: EnumFamily<SnapshotCause, Counter>,
    /// Times that a program was paused.
    pub backpressure_pauses: Counter,
    /// Time from input to the next output.
    pub echo: Histogram,
    errors: EnumFamily<ErrorCode, Counter>,
}

impl StreamMetrics {
    pub(super) fn new(families: &mut Families) -> Self {
        Self {
            output: families.bytes("terminal_output", "Bytes of output read from terminals"),
            input: families.bytes("terminal_input", "Bytes of input written to terminals"),
            frames: families.enumerate("frames_sent", "kind", None, "Frames made for clients, by kind"),
            frame_bytes: families.enumerate(
                "frames_sent",
                "kind",
                Some(Unit::Bytes),
                "Size of the frames made for clients as JSON text in bytes, by kind",
            ),
            messages: families.enumerate("messages_received", "type", None, "Messages from clients, by type"),
            followers: families.gauge("followers_waiting", "Long polls that wait for a client's next frame"),
            input_gaps: families.counter("input_gaps", "Clients notified that an input message did not arrive in time"),
            retransmissions: families.enumerate(
                "retransmissions",
                "cause",
                None,
                "Ranges of the stream sent again: the client asked, or its acknowledgement was overdue",
            ),
            snapshots: families.enumerate("snapshots", "cause", None, "Snapshots sent instead of the stream, by cause"),
            backpressure_pauses: families.counter(
                "backpressure_pauses",
                "Times that a program was paused because its controlling page was behind",
            ),
            echo: families.seconds(
                "echo",
                "Time from input to the next output of a terminal, in seconds; one measurement at a time per session",
                ECHO_BUCKETS,
            ),
            errors: families.enumerate("errors", "code", None, "Error responses and error frames, by code"),
        }
    }

    /// Records a frame made for a client, of this size as JSON.
    pub fn record_frame(&self, message: &ServerMessage, bytes: usize) {
        let kind = FrameKind::from(message);
        self.frames.of(kind).inc();
        self.frame_bytes.of(kind).inc_by(bytes as u64);
        if let ServerMessage::Error(error) = message {
            self.record_error(error.code);
        }
    }

    /// Records a message from a client.
    pub fn record_message(&self, kind: impl Into<MessageType>) {
        self.messages.of(kind.into()).inc();
    }

    /// Records an error response or error frame.
    pub fn record_error(&self, code: ErrorCode) {
        self.errors.of(code).inc();
    }

    /// Counts a pending long poll until the guard is dropped.
    pub fn waiting(&self) -> GaugeGuard {
        GaugeGuard::new(&self.followers)
    }
}
