//! The bytes reserved for a frame's envelope are enough for the largest one.

use shared_protocol::frame::Payload;
use shared_protocol::limits::{ENVELOPE_BYTES, FRAME_BYTES, MAX_NUMBER};
use shared_protocol::server::{Output, Room, Snapshot, SnapshotScope};
use shared_protocol::{Epoch, Pos, Seq, ServerFrame, ServerMessage};

/// Length of a frame with the largest numbers.
fn largest_len(message: ServerMessage) -> usize {
    ServerFrame { message, head: Some(Pos(MAX_NUMBER)), ack_seq: Some(Seq(MAX_NUMBER)), prompt: true }.to_json().len()
}

#[test]
fn a_full_payload_fits_with_the_largest_envelope() {
    for payload in [Payload::Data, Payload::B64, Payload::Z] {
        let payload = payload("x".repeat(FRAME_BYTES - ENVELOPE_BYTES));
        let (epoch, pos) = (Epoch(MAX_NUMBER), Pos(MAX_NUMBER));
        let output = Output { epoch, pos, len: u32::MAX, payload: payload.clone() };
        assert!(largest_len(ServerMessage::Output(output)) <= FRAME_BYTES);
        let snapshot = Snapshot {
            epoch,
            pos,
            id: u32::MAX,
            part: u16::MAX,
            parts: u16::MAX,
            scope: SnapshotScope::Screen,
            cols: u16::MAX,
            rows: u16::MAX,
            payload,
            skipped: u64::MAX,
            events: vec![],
            room: Room::default(),
        };
        assert!(largest_len(ServerMessage::Snapshot(snapshot)) <= FRAME_BYTES);
    }
}
