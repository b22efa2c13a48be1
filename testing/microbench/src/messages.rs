//! Parsing a page's messages.

use crate::Work;
use shared_protocol::client::{Ack, Follow, Input, Keys, parse};
use shared_protocol::{ClientMessage, Epoch, Pos, Seq};

const EPOCH: Epoch = Epoch(1_772_000_000_000);

fn reading(message: &ClientMessage) -> Work {
    let json = message.to_json().into_bytes();
    Work::new(json.len(), move || parse(&json))
}

/// Typed or pasted text.
pub(crate) fn input(text: &[u8]) -> Work {
    let keys = Keys::Data(String::from_utf8(text.to_vec()).expect("text"));
    reading(&ClientMessage::Input(Input {
        seq: Seq(4_321),
        epoch: EPOCH,
        keys,
        ack: None,
        loan: None,
        predicted: false,
    }))
}

/// An acknowledgement of output.
pub(crate) fn ack() -> Work {
    reading(&ClientMessage::Ack(Ack { epoch: EPOCH, pos: Pos(123_456_789) }))
}

/// A page's word that it is looked at.
pub(crate) fn follow() -> Work {
    reading(&ClientMessage::Follow(Follow { epoch: EPOCH, pos: Pos(123_456_789), repair: false }))
}
