//! Properties of every frame that a browser may send. Used by the fuzzer too.

use shared_protocol::client::{self, Envelope, Inbound, ParseError};
use shared_protocol::server::{EchoReply, ErrorMessage, Pong, UnknownCommand};
use shared_protocol::{ClientMessage, Epoch, ErrorCode, Payload, Pos, Seq, ServerFrame, ServerMessage, limits};

/// Parses a frame, and checks that the message round-trips and that its reply fits into a frame.
pub(crate) fn holds(body: &[u8]) -> Result<Envelope, ParseError> {
    let parsed = client::parse(body);
    let reply = match &parsed {
        Err(malformed) => {
            assert!(matches!(malformed.code, ErrorCode::BadMessage | ErrorCode::BadField | ErrorCode::TooLarge));
            Some(ServerMessage::Error(ErrorMessage::new(malformed.code, malformed.message.clone())))
        }
        Ok(Envelope { inbound: Inbound::Message(message), .. }) => reply_to(message),
        Ok(Envelope { inbound: Inbound::Unknown { kind }, .. }) => {
            Some(ServerMessage::UnknownCommand(UnknownCommand { received: kind.clone(), epoch: None }))
        }
        Ok(_) => None,
    };
    if let Some(mut message) = reply {
        message.set_epoch(Epoch(limits::MAX_NUMBER));
        let frame = ServerFrame {
            message,
            head: Some(Pos(limits::MAX_NUMBER)),
            ack_seq: Some(Seq(limits::MAX_NUMBER)),
            prompt: true,
        };
        assert!(frame.to_json().len() <= limits::FRAME_BYTES);
    }
    parsed
}

/// Checks a parsed message; returns its reply, if that repeats the message's content.
fn reply_to(message: &ClientMessage) -> Option<ServerMessage> {
    let again = client::parse(message.to_json().as_bytes()).expect("a parsed message can be parsed again");
    assert_eq!(again.inbound, Inbound::Message(message.clone()));
    let bounded = |number: u64| assert!(number <= limits::MAX_NUMBER, "{number} is not a safe integer");
    if let Some((seq, epoch)) = message.order() {
        assert!(seq.0 > 0);
        bounded(seq.0);
        bounded(epoch.0);
    }
    let timestamp = limits::MAX_NUMBER;
    match message {
        ClientMessage::Attach(client::Attach { cols, rows, .. })
        | ClientMessage::Resize(client::Resize { cols, rows, .. }) => {
            assert!(limits::COLS.contains(cols) && limits::ROWS.contains(rows));
            None
        }
        ClientMessage::Input(input) => {
            assert!(input.keys.clone().into_bytes().is_some(), "invalid base64 is refused");
            None
        }
        ClientMessage::UploadPart(part) => {
            let bytes = Payload::B64(part.b64.clone()).decode().expect("invalid base64 is refused");
            assert!((1..=limits::FILE_PART_BYTES).contains(&bytes.len()));
            bounded(part.at);
            None
        }
        ClientMessage::DownloadPart(part) => {
            bounded(part.at);
            None
        }
        ClientMessage::Ack(client::Ack { pos, .. }) | ClientMessage::Follow(client::Follow { pos, .. }) => {
            bounded(pos.0);
            None
        }
        ClientMessage::Ping(ping) => {
            let (gateway_ms, service_ms) = (Some(timestamp), Some(timestamp));
            let t = ping.t.clone();
            Some(ServerMessage::Pong(Pong { t, timestamp, gateway_ms, service_ms, dispatch: None, epoch: None }))
        }
        ClientMessage::Echo(echo) => {
            let received = echo.fields.clone().into();
            Some(ServerMessage::Echo(EchoReply { received, timestamp, epoch: None }))
        }
        _ => None,
    }
}
