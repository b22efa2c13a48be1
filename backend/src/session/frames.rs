//! Encoding of frames, which are at most 32 KB of JSON.

use super::deflate::{Effort, WORTH_DEFLATING, deflate};
use bytes::Bytes;
use shared_protocol::frame::{Payload, fitting_prefix};
use shared_protocol::limits::{ENVELOPE_BYTES, FRAME_BYTES};
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ErrorCode, ServerFrame};

/// Room for the payload of one frame, in bytes of JSON text.
pub(super) const PAYLOAD_BYTES: usize = FRAME_BYTES - ENVELOPE_BYTES;

/// JSON text of a frame. Only an echo of a client's own words can be too long; an error replaces it.
pub(super) fn encode(frame: &ServerFrame) -> Bytes {
    let json = frame.to_json();
    if json.len() <= FRAME_BYTES {
        return Bytes::from(json);
    }
    let error = ErrorMessage::new(ErrorCode::TooLarge, "the answer would be larger than a frame");
    Bytes::from(ServerFrame { message: error.into(), ..frame.clone() }.to_json())
}

/// Packs the longest prefix of `bytes` that fits into a frame. Returns its length too.
pub(super) fn pack(bytes: &[u8], effort: Option<Effort>) -> (Payload, usize) {
    if let Some(effort) = effort
        && bytes.len() >= WORTH_DEFLATING
        && let Some(packed) = deflate(bytes, PAYLOAD_BYTES, effort)
    {
        return packed;
    }
    let bytes = fitting_prefix(bytes, PAYLOAD_BYTES);
    (Payload::encode(bytes), bytes.len())
}

/// Packs all of `data` into as many payloads as it takes, and at least one.
pub(super) fn pack_all(mut data: &[u8], effort: Option<Effort>) -> Vec<Payload> {
    let mut payloads = Vec::new();
    while !data.is_empty() || payloads.is_empty() {
        let (payload, length) = pack(data, effort);
        payloads.push(payload);
        data = &data[length..];
    }
    payloads
}
