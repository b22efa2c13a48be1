//! A rate-limited emulator: frames count as received, and are acknowledged, once they are parsed.

use shared_protocol::{Payload, ServerFrame, ServerMessage};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes that a page buffers in its emulator. A snapshot replaces queued output beyond them.
const BUFFERED_BYTES: u32 = 128 * 1024;

/// Frames that wait to be parsed.
#[derive(Debug, Default)]
pub(super) struct Emulator {
    /// Bytes per second; unlimited without it.
    pub(super) rate: Option<u32>,
    /// Frames with the time at which each is parsed.
    queue: VecDeque<(Instant, ServerFrame)>,
}

impl Emulator {
    /// Queues a frame, or returns it if it is parsed immediately.
    pub(super) fn push(&mut self, frame: ServerFrame, now: Instant) -> Option<ServerFrame> {
        let Some(rate) = self.rate else { return Some(frame) };
        let time = |bytes: u32| Duration::from_secs_f64(f64::from(bytes) / f64::from(rate));
        let mut start = self.queue.back().map_or(now, |(at, _)| now.max(*at));
        let bytes = match &frame.message {
            ServerMessage::Output(output) => output.len,
            ServerMessage::Snapshot(snapshot) => {
                let buffered = now + time(BUFFERED_BYTES);
                self.queue.retain(|(at, frame)| *at <= buffered || !matches!(frame.message, ServerMessage::Output(_)));
                start = start.min(buffered);
                match &snapshot.payload {
                    Payload::Data(text) | Payload::B64(text) | Payload::Z(text) => text.len() as u32,
                }
            }
            // In order, without parse time.
            ServerMessage::Event(_) => 0,
            _ => return Some(frame),
        };
        self.queue.push_back((start + time(bytes), frame));
        None
    }

    /// Time at which the next frame is parsed.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.front().map(|(at, _)| *at)
    }

    /// The next parsed frame.
    pub(super) fn parsed(&mut self, now: Instant) -> Option<ServerFrame> {
        self.queue.pop_front_if(|(at, _)| *at <= now).map(|(_, frame)| frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared_protocol::server::Output;
    use shared_protocol::{Epoch, Pos};

    fn output(pos: u64, text: &str) -> ServerFrame {
        let payload = Payload::Data(text.to_owned());
        let output = Output { epoch: Epoch(1), pos: Pos(pos), len: text.len() as u32, payload };
        ServerMessage::Output(output).into()
    }

    #[test]
    fn frames_are_parsed_sequentially() {
        let now = Instant::now();
        let mut emulator = Emulator { rate: Some(1000), ..Emulator::default() };
        assert_eq!(emulator.push(output(0, "ten bytes."), now), None);
        assert_eq!(emulator.push(output(10, "5 byt"), now), None);
        let after = |ms| now + Duration::from_millis(ms);
        assert_eq!(emulator.next(), Some(after(10)));
        assert_eq!(emulator.parsed(after(9)), None);
        assert_eq!(emulator.parsed(after(10)), Some(output(0, "ten bytes.")));
        assert_eq!((emulator.parsed(after(14)), emulator.next()), (None, Some(after(15))));
        assert_eq!(emulator.parsed(after(20)), Some(output(10, "5 byt")));
    }

    #[test]
    fn a_snapshot_replaces_output_beyond_the_buffer() {
        let now = Instant::now();
        let mut emulator = Emulator { rate: Some(BUFFERED_BYTES), ..Emulator::default() };
        let long = "x".repeat(BUFFERED_BYTES as usize);
        for at in 0..3 {
            assert_eq!(emulator.push(output(at * u64::from(BUFFERED_BYTES), &long), now), None);
        }
        let snapshot: ServerFrame = serde_json::from_value(json!({
            "type": "snapshot", "epoch": 1, "pos": 4 * BUFFERED_BYTES, "id": 1, "part": 0, "parts": 1, "scope": "screen",
            "cols": 80, "rows": 24, "skipped": 0, "data": "",
        }))
        .unwrap();
        assert_eq!(emulator.push(snapshot.clone(), now), None);
        let soon = now + Duration::from_secs(1);
        assert_eq!(emulator.parsed(soon), Some(output(0, &long)));
        assert_eq!(emulator.parsed(soon), Some(snapshot));
        assert_eq!(emulator.next(), None);
    }

    #[test]
    fn without_a_rate_frames_are_parsed_immediately() {
        let mut emulator = Emulator::default();
        assert_eq!(emulator.push(output(0, "all"), Instant::now()), Some(output(0, "all")));
        assert_eq!(emulator.next(), None);
    }
}
