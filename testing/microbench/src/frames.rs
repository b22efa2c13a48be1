//! Encoding output into frames, and decoding it in a client.

use crate::Work;
use backend::session::deflate::{Effort, deflate};
use serde_json::from_str;
use shared_protocol::frame::{Payload, fitting_prefix};
use shared_protocol::limits::{ENVELOPE_BYTES, FRAME_BYTES};
use shared_protocol::server::{InputAck, Output};
use shared_protocol::{Epoch, Pos, Seq, ServerFrame, ServerMessage};

/// Room for the bytes of one frame, as JSON text.
pub(crate) const ROOM: usize = FRAME_BYTES - ENVELOPE_BYTES;

/// A frame with the positions of stream and input, as the service sends it.
fn frame(message: ServerMessage) -> ServerFrame {
    ServerFrame { message, head: Some(Pos(123_456_789)), ack_seq: Some(Seq(4_321)), prompt: false }
}

fn output(payload: Payload, len: usize) -> ServerFrame {
    let (epoch, pos) = (Epoch(1_772_000_000_000), Pos(123_400_000));
    frame(ServerMessage::Output(Output { epoch, pos, len: len as u32, payload }))
}

fn encoded(bytes: &[u8]) -> String {
    let fitting = fitting_prefix(bytes, ROOM);
    output(Payload::encode(fitting), fitting.len()).to_json()
}

/// Encodes the bytes that fit into a frame, as text or base64.
pub(crate) fn encode(bytes: Vec<u8>) -> Work {
    let length = fitting_prefix(&bytes, ROOM).len();
    Work::new(length, move || encoded(&bytes))
}

/// Encodes the bytes that fit into a frame, deflated.
pub(crate) fn encode_deflated(bytes: Vec<u8>) -> Work {
    let (_, length) = deflate(&bytes, ROOM, Effort::Thorough).expect("deflates");
    Work::new(length, move || {
        let (payload, length) = deflate(&bytes, ROOM, Effort::Thorough).expect("deflates");
        output(payload, length).to_json()
    })
}

/// Encodes a frame that only acknowledges.
pub(crate) fn acknowledge() -> Work {
    Work::new(0, || frame(ServerMessage::InputAck(InputAck { epoch: Epoch(1_772_000_000_000) })).to_json())
}

/// Decodes a frame full of these bytes.
pub(crate) fn decode(bytes: &[u8]) -> Work {
    let json = encoded(bytes);
    Work::new(json.len(), move || {
        let frame: ServerFrame = from_str(&json).expect("a frame");
        let ServerMessage::Output(output) = frame.message else { return None };
        output.payload.decode()
    })
}
