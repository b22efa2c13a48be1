//! The emulator of a page: it takes its time for what it shows, and what it has not parsed yet is neither seen nor acknowledged.

use shared_protocol::{Payload, ServerFrame, ServerMessage};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes that a page hands to its emulator ahead of time. What waits behind them is dropped when a snapshot takes its place.
const HANDED_BYTES: u32 = 128 * 1024;

/// What came and waits to be parsed.
#[derive(Debug, Default)]
pub(super) struct Emulator {
    /// Bytes in a second; without it, everything is parsed at once.
    pub(super) rate: Option<u32>,
    waiting: VecDeque<(Instant, ServerFrame)>,
}

impl Emulator {
    /// Takes a frame. Gives it back when it needs no time.
    pub(super) fn take(&mut self, frame: ServerFrame, now: Instant) -> Option<ServerFrame> {
        let Some(rate) = self.rate else { return Some(frame) };
        let time = |bytes: u32| Duration::from_secs_f64(f64::from(bytes) / f64::from(rate));
        let mut free = self.waiting.back().map_or(now, |(at, _)| now.max(*at));
        let bytes = match &frame.message {
            ServerMessage::Output(output) => output.len,
            ServerMessage::Snapshot(snapshot) => {
                let handed = now + time(HANDED_BYTES);
                self.waiting.retain(|(at, frame)| *at <= handed || !matches!(frame.message, ServerMessage::Output(_)));
                free = free.min(handed);
                match &snapshot.payload {
                    Payload::Data(text) | Payload::B64(text) | Payload::Z(text) => text.len() as u32,
                }
            }
            // In its turn, and for nothing.
            ServerMessage::Event(_) => 0,
            _ => return Some(frame),
        };
        self.waiting.push_back((free + time(bytes), frame));
        None
    }

    /// When the next frame will be parsed.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _)| *at)
    }

    /// A frame that is parsed by now.
    pub(super) fn parsed(&mut self, now: Instant) -> Option<ServerFrame> {
        self.waiting.pop_front_if(|(at, _)| *at <= now).map(|(_, frame)| frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::server::{Output, Snapshot, SnapshotScope};
    use shared_protocol::{Epoch, Pos};

    fn output(pos: u64, text: &str) -> ServerFrame {
        let payload = Payload::Data(text.to_owned());
        let output = Output { epoch: Epoch(1), pos: Pos(pos), len: text.len() as u32, payload };
        ServerMessage::Output(output).into()
    }

    #[test]
    fn one_frame_is_parsed_after_the_other() {
        let now = Instant::now();
        let mut emulator = Emulator { rate: Some(1000), ..Emulator::default() };
        assert_eq!(emulator.take(output(0, "ten bytes."), now), None);
        assert_eq!(emulator.take(output(10, "5 byt"), now), None);
        let after = |ms| now + Duration::from_millis(ms);
        assert_eq!(emulator.next(), Some(after(10)));
        assert_eq!(emulator.parsed(after(9)), None);
        assert_eq!(emulator.parsed(after(10)), Some(output(0, "ten bytes.")));
        assert_eq!((emulator.parsed(after(14)), emulator.next()), (None, Some(after(15))));
        assert_eq!(emulator.parsed(after(20)), Some(output(10, "5 byt")));
    }

    #[test]
    fn a_snapshot_waits_only_for_what_was_handed_over() {
        let now = Instant::now();
        let mut emulator = Emulator { rate: Some(HANDED_BYTES), ..Emulator::default() };
        let long = "x".repeat(HANDED_BYTES as usize);
        for at in 0..3 {
            assert_eq!(emulator.take(output(at * u64::from(HANDED_BYTES), &long), now), None);
        }
        let snapshot = Snapshot {
            epoch: Epoch(1),
            pos: Pos(4 * u64::from(HANDED_BYTES)),
            id: 1,
            part: 0,
            parts: 1,
            scope: SnapshotScope::Screen,
            cols: 80,
            rows: 24,
            skipped: 0,
            events: Vec::new(),
            payload: Payload::Data(String::new()),
        };
        let snapshot = ServerFrame::from(ServerMessage::Snapshot(snapshot));
        assert_eq!(emulator.take(snapshot.clone(), now), None);
        let soon = now + Duration::from_secs(1);
        assert_eq!(emulator.parsed(soon), Some(output(0, &long)));
        assert_eq!(emulator.parsed(soon), Some(snapshot));
        assert_eq!(emulator.next(), None);
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut emulator = Emulator::default();
        assert_eq!(emulator.take(output(0, "all"), Instant::now()), Some(output(0, "all")));
        assert_eq!(emulator.next(), None);
    }
}
