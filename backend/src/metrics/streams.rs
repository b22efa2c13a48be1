//! What runs through sessions: bytes, frames and messages, and what had to be done because something was lost or slow.

use super::families::{Each, Families};
use super::guard::Guard;
use super::labels::{Frame, Heard, Repair, Skip};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use shared_protocol::{ErrorCode, ServerMessage};

/// Seconds: the kernel alone takes 10 µs, and a tenth of a second is felt.
const ECHO: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// Terminals and their clients.
#[derive(Debug)]
pub struct Streams {
    /// Bytes that programs printed.
    pub output: Counter,
    /// Bytes that terminals took.
    pub input: Counter,
    frames: Each<Frame, Counter>,
    frame_bytes: Each<Frame, Counter>,
    messages: Each<Heard, Counter>,
    /// Requests that wait for a frame.
    pub followers: Gauge,
    /// Clients that were told of a missing message.
    pub input_gaps: Counter,
    /// Parts of the stream that were sent again.
    pub repairs: Each<Repair, Counter>,
    /// Screens instead of the stream.
    pub skips: Each<Skip, Counter>,
    /// Programs that were held back.
    pub hold_backs: Counter,
    /// From input to the first output after it.
    pub echo: Histogram,
    refusals: Each<ErrorCode, Counter>,
}

impl Streams {
    pub(super) fn new(families: &mut Families) -> Self {
        Self {
            output: families.bytes("terminal_output", "Bytes of output read from terminals"),
            input: families.bytes("terminal_input", "Bytes of input written to terminals"),
            frames: families.each("frames_sent", "kind", None, "Frames made for clients, by what they are"),
            frame_bytes: families.each(
                "frames_sent",
                "kind",
                Some(Unit::Bytes),
                "Size of the frames made for clients as JSON text in bytes, by what they are",
            ),
            messages: families.each("messages_received", "type", None, "Messages from clients, by type"),
            followers: families.gauge("followers_waiting", "Requests that wait for a client's next frame (long polls)"),
            input_gaps: families.counter("input_gaps", "Clients told that an input message did not arrive in time"),
            repairs: families.each(
                "repairs",
                "cause",
                None,
                "Times that a part of the stream was sent again: the client asked, or its acknowledgement was overdue",
            ),
            skips: families.each("skips", "cause", None, "Snapshots that a client got instead of the stream, by cause"),
            hold_backs: families.counter(
                "hold_backs",
                "Times that a program was made to wait because the page that controls it was behind",
            ),
            echo: families.seconds(
                "echo",
                "Time from input given to a terminal to the first output after it, in seconds; one measurement at a time for each session",
                ECHO,
            ),
            refusals: families.each(
                "refusals",
                "code",
                None,
                "Refusals by error code: answers with an error status, and error frames",
            ),
        }
    }

    /// A frame of this size goes to a client.
    pub fn sent(&self, message: &ServerMessage, bytes: usize) {
        let kind = Frame::from(message);
        self.frames.of(kind).inc();
        self.frame_bytes.of(kind).inc_by(bytes as u64);
        if let ServerMessage::Error(error) = message {
            self.refused(error.code);
        }
    }

    /// A message of this type came.
    pub fn heard(&self, kind: impl Into<Heard>) {
        self.messages.of(kind.into()).inc();
    }

    /// Something was refused.
    pub fn refused(&self, code: ErrorCode) {
        self.refusals.of(code).inc();
    }

    /// A request waits for a frame for as long as the guard lives.
    pub fn waiting(&self) -> Guard {
        Guard::new(&self.followers)
    }
}
