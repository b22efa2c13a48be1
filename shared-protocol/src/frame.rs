//! Encoding of bytes in JSON: as text, as base64, or compressed.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// Terminal bytes in one of three lossless encodings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// UTF-8 text of whole characters.
    Data(String),
    /// Base64 of the bytes.
    B64(String),
    /// Base64 of the bytes compressed with raw deflate; only for clients that support it.
    Z(String),
}

impl Payload {
    /// The shorter of text and base64, measured in JSON.
    pub fn encode(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if json_text_len(text) <= base64_len(bytes.len()) => Self::Data(text.to_owned()),
            _ => Self::B64(STANDARD.encode(bytes)),
        }
    }

    /// The bytes of `data` and `b64`; `None` for invalid base64 and for `z`, which needs an inflater.
    pub fn decode(&self) -> Option<Vec<u8>> {
        match self {
            Self::Data(text) => Some(text.as_bytes().to_vec()),
            Self::B64(text) => STANDARD.decode(text).ok(),
            Self::Z(_) => None,
        }
    }
}

/// Length of `bytes` bytes in padded base64.
pub const fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Length of a text in a JSON string as `serde_json` writes it, in bytes without the quotes.
pub fn json_text_len(text: &str) -> usize {
    json_len(text.as_bytes())
}

fn json_len(text: &[u8]) -> usize {
    text.iter().map(|byte| usize::from(JSON_BYTE_LEN[usize::from(*byte)])).sum()
}

/// Length of the longest prefix of a text that takes at most `room` bytes in a JSON string.
fn fitting_as_text(text: &[u8], mut room: usize) -> usize {
    let mut end = 0;
    while end < text.len() {
        // This many bytes always fit. Close to the limit the loop advances byte by byte.
        let next = (room / MAX_ESCAPE_BYTES).clamp(1, text.len() - end);
        let length = json_len(&text[end..end + next]);
        if length > room {
            break;
        }
        (end, room) = (end + next, room - length);
    }
    end
}

/// Length of an escaped control character, such as `\u001b`.
const MAX_ESCAPE_BYTES: usize = 6;

/// Length of each byte in a JSON string. A table, because every byte of output is looked up, most of them twice.
const JSON_BYTE_LEN: [u8; 256] = {
    let mut lengths = [1; 256];
    let mut byte = 0;
    while byte < 256 {
        lengths[byte] = match byte as u8 {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
            0..0x20 => MAX_ESCAPE_BYTES as u8,
            _ => 1,
        };
        byte += 1;
    }
    lengths
};

/// The longest prefix of `bytes` whose [`Payload::encode`] fits into `room` bytes of JSON, cut on a character boundary where the
/// bytes are UTF-8.
///
/// Three quarters of `room` always fit as base64; a longer prefix is tried as text.
pub fn fitting_prefix(bytes: &[u8], room: usize) -> &[u8] {
    let as_base64 = (room / 4 * 3).min(bytes.len());
    let max = room.min(bytes.len());
    let text_end = match std::str::from_utf8(&bytes[..max]) {
        Ok(_) => max,
        // An incomplete character at the end does not prevent text before it.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => 0,
    };
    let mut end = fitting_as_text(&bytes[..text_end], room);
    while end > 0 && end < bytes.len() && !is_boundary(bytes, end) {
        end -= 1;
    }
    if end >= as_base64 {
        return &bytes[..end];
    }
    let mut end = as_base64;
    while end > as_base64.saturating_sub(3) && end > 0 && end < bytes.len() && !is_boundary(bytes, end) {
        end -= 1;
    }
    &bytes[..end]
}

/// The longest prefix of `text` that takes at most `room` bytes in a JSON string.
pub fn fitting_text(text: &str, room: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(at, c)| {
        used += json_text_len(&text[*at..*at + c.len_utf8()]);
        used > room
    });
    end.map_or(text, |(end, _)| &text[..end])
}

/// True if no character continues at `at`.
fn is_boundary(bytes: &[u8], at: usize) -> bool {
    bytes[at] & 0xc0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_encoded_as_text_and_other_bytes_as_base64() {
        assert_eq!(Payload::encode("grüße\r\n".as_bytes()), Payload::Data("grüße\r\n".into()));
        assert_eq!(Payload::encode(&[0xff, 0x00]), Payload::B64("/wA=".into()));
        assert_eq!(Payload::encode(&[0; 30]), Payload::B64(STANDARD.encode([0; 30])), "text would be longer");
    }

    #[test]
    fn a_prefix_ends_on_a_character_boundary() {
        let text = "日本語".repeat(100);
        let cut = fitting_prefix(text.as_bytes(), 100);
        assert!(std::str::from_utf8(cut).is_ok());
        assert_eq!(cut.len(), 99);
    }

    fn bytes_or_text() -> impl Strategy<Value = Vec<u8>> {
        let text = "[ -~\\n\\r\\x1b日é\u{1f600}]{0,2000}".prop_map(String::into_bytes);
        prop_oneof![proptest::collection::vec(any::<u8>(), 0..4000), text]
    }

    proptest! {
        #[test]
        fn every_prefix_fits_and_round_trips(bytes in bytes_or_text(), room in 64usize..2000) {
            let cut = fitting_prefix(&bytes, room);
            prop_assert!(bytes.is_empty() || !cut.is_empty());
            let payload = Payload::encode(cut);
            let (Payload::Data(text) | Payload::B64(text) | Payload::Z(text)) = &payload;
            prop_assert!(serde_json::to_string(text).unwrap().len() <= room + 2);
            prop_assert_eq!(payload.decode().unwrap(), cut);
        }

        #[test]
        fn a_fitting_text_is_the_longest(text in "[ -~\\n\\r\\x1b日é\u{1f600}]{0,200}", room in 0usize..300) {
            let cut = fitting_text(&text, room);
            prop_assert!(json_text_len(cut) <= room);
            let next = text[cut.len()..].chars().next();
            prop_assert!(next.is_none_or(|c| json_text_len(cut) + json_text_len(&c.to_string()) > room));
        }
    }
}
