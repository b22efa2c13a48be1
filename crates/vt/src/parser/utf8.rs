//! Decodes UTF-8 across calls. Drops invalid bytes exactly as xterm.js does: the browser shows nothing for them, not a
//! replacement character. A byte order mark counts as invalid.

/// A character that is not complete yet.
#[derive(Debug, Default)]
pub(crate) struct Utf8 {
    /// Its value so far.
    value: u32,
    /// Bytes received.
    have: u8,
    /// Bytes in all.
    need: u8,
}

/// Result of a byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// A code point: never a surrogate.
    Char(u32),
    /// More bytes are needed.
    Pending,
    /// The byte and the incomplete character before it are dropped.
    Nothing,
    /// The bytes before are invalid; read this byte again.
    Again,
}

impl Utf8 {
    /// Bytes of an incomplete character.
    pub(crate) fn pending(&self) -> usize {
        usize::from(self.have)
    }

    pub(crate) fn push(&mut self, byte: u8) -> Decoded {
        if self.have == 0 {
            return self.first(byte);
        }
        if byte & 0xc0 != 0x80 {
            self.have = 0;
            return Decoded::Again;
        }
        self.value = self.value << 6 | u32::from(byte & 0x3f);
        self.have += 1;
        if self.have < self.need {
            return Decoded::Pending;
        }
        self.have = 0;
        let valid = match self.need {
            2 => self.value >= 0x80,
            3 => self.value >= 0x800 && !(0xd800..=0xdfff).contains(&self.value) && self.value != 0xfeff,
            _ => (0x1_0000..=0x10_ffff).contains(&self.value),
        };
        if valid { Decoded::Char(self.value) } else { Decoded::Nothing }
    }

    fn first(&mut self, byte: u8) -> Decoded {
        let (need, bits) = match byte {
            0..=0x7f => return Decoded::Char(u32::from(byte)),
            0xc0..=0xdf => (2, byte & 0x1f),
            0xe0..=0xef => (3, byte & 0x0f),
            0xf0..=0xf7 => (4, byte & 0x07),
            _ => return Decoded::Nothing,
        };
        *self = Self { value: u32::from(bits), have: 1, need };
        Decoded::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> String {
        let mut utf8 = Utf8::default();
        let mut text = String::new();
        for byte in bytes {
            let mut decoded = utf8.push(*byte);
            if decoded == Decoded::Again {
                decoded = utf8.push(*byte);
            }
            if let Decoded::Char(c) = decoded {
                text.push(char::from_u32(c).unwrap());
            }
        }
        text
    }

    #[test]
    fn what_is_valid_arrives() {
        let text = "aé–…漢😀\u{10ffff}";
        assert_eq!(decode(text.as_bytes()), text);
    }

    #[test]
    fn what_is_not_is_dropped() {
        assert_eq!(decode(b"a\xe2\x80b\xffc\x80d"), "abcd");
        assert_eq!(decode(b"\xc0\x80\xe0\x80\x80\xed\xa0\x80\xf5\x80\x80\x80x"), "x");
        assert_eq!(decode("\u{feff}x".as_bytes()), "x");
        assert_eq!(decode(b"\xf0\x9f\x98\xe6\xbc\xa2"), "漢");
    }
}
