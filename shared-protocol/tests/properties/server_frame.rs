//! Properties of every text that parses as a frame of the service. Used by the fuzzer too.

use shared_protocol::server::{Output, Snapshot};
use shared_protocol::{Payload, ServerFrame, ServerMessage, limits};

/// Parses a frame, and checks that it round-trips and that its payload decodes or is refused.
pub(crate) fn holds(text: &[u8]) -> Option<ServerFrame> {
    let frame: ServerFrame = serde_json::from_slice(text).ok()?;
    let again: ServerFrame = serde_json::from_str(&frame.to_json()).expect("a parsed frame can be parsed again");
    assert_eq!(again, frame);
    assert!(frame.head.unwrap_or_default().0 <= limits::MAX_NUMBER);
    assert!(frame.ack_seq.unwrap_or_default().0 <= limits::MAX_NUMBER);
    if let ServerMessage::Output(Output { payload, .. }) | ServerMessage::Snapshot(Snapshot { payload, .. }) =
        &frame.message
    {
        match (payload, payload.decode()) {
            (Payload::Data(text), bytes) => assert_eq!(bytes.as_deref(), Some(text.as_bytes())),
            (Payload::B64(text), Some(bytes)) => assert!(bytes.len() <= text.len()),
            (Payload::B64(_) | Payload::Z(_), bytes) => assert_eq!(bytes, None),
        }
    }
    Some(frame)
}
