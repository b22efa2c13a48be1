//! Plain output: text, line ends, tabs and colours. It asks for nothing and names nothing, and once it has scrolled out of the
//! history it leaves nothing behind but the pen. So it can wait unparsed.

use memchr::{memchr_iter, memmem, memrchr_iter};

/// Size of the pieces that are checked at once, in bytes: a vector register of every x86-64.
const STEP: usize = 16;

/// Plain output that no emulator has parsed yet. It may end within a sequence or a character.
#[derive(Debug, Default)]
pub(crate) struct PlainText {
    bytes: Vec<u8>,
    state: State,
}

/// Place of the next byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Behind the first byte of a character that may be a control character (U+0080 to U+009F).
    Latin,
    /// Behind ESC.
    Escape,
    /// Inside a control sequence.
    Sequence,
}

impl PlainText {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes in memory.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends the leading bytes that are plain, and returns their number.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let count = self.plain_prefix(bytes);
        self.bytes.extend_from_slice(&bytes[..count]);
        count
    }

    fn plain_prefix(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if self.state == State::Text {
                at += text_run(&bytes[at..]);
                if at == bytes.len() {
                    break;
                }
            }
            self.state = match (self.state, bytes[at]) {
                (State::Text, 0x1b) => State::Escape,
                (State::Text, 0xc2) => State::Latin,
                (State::Escape, b'[') | (State::Sequence, b'0'..=b';') => State::Sequence,
                (State::Sequence, b'm') | (State::Latin, 0xa0..=0xbf) => State::Text,
                // Not its second byte: it counts by itself.
                (State::Latin, ..0x80 | 0xc0..) => {
                    self.state = State::Text;
                    continue;
                }
                _ => {
                    self.state = State::Text;
                    return at;
                }
            };
            at += 1;
        }
        at
    }

    /// Takes everything out.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.state = State::Text;
        std::mem::take(&mut self.bytes)
    }

    /// Puts back what was taken out, but for the first `read` bytes.
    pub(crate) fn put_back(&mut self, mut bytes: Vec<u8>, read: usize) {
        bytes.drain(..read);
        self.bytes = bytes;
    }

    /// Position behind the last line end that is followed by at least `lines` more.
    pub(crate) fn line_start(&self, lines: usize) -> Option<usize> {
        let mut ends = memrchr_iter(b'\n', &self.bytes).skip(lines);
        ends.find(|end| end.checked_sub(1).is_some_and(|at| self.bytes[at] == b'\r')).map(|end| end + 1)
    }

    /// Calls `colour` for sequences of colours before `end` that have together the same effect as all of them.
    pub(crate) fn colours_before(&self, end: usize, mut colour: impl FnMut(&[u8])) {
        let bytes = &self.bytes[..end];
        let is_reset = |at: &usize| matches!(bytes[*at..], [_, b'[', b'm', ..] | [_, b'[', b'0', b'm' | b';', ..]);
        let from = memrchr_iter(0x1b, bytes).find(is_reset).unwrap_or(0);
        for at in memchr_iter(0x1b, &bytes[from..]).map(|at| from + at) {
            let end = memmem::find(&bytes[at..], b"m").map_or(bytes.len(), |last| at + last + 1);
            colour(&bytes[at..end]);
        }
    }

    /// Drops everything before `start`.
    pub(crate) fn forget_before(&mut self, start: usize) {
        self.bytes.drain(..start);
    }
}

/// The number of leading bytes of text, line ends and tabs.
fn text_run(bytes: &[u8]) -> usize {
    let is_text =
        |byte: &u8| (*byte >= 0x20 && *byte != 0x7f && *byte != 0xc2) || matches!(byte, b'\t' | b'\n' | b'\r');
    let whole = bytes.chunks_exact(STEP).take_while(|chunk| chunk.iter().fold(true, |all, byte| all & is_text(byte)));
    let run = whole.count() * STEP;
    run + bytes[run..].iter().take_while(|byte| is_text(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_output_ends_where_something_is_asked_or_moved() {
        for (output, rest) in [
            ("text\r\n\tü漢\u{a0}", ""),
            ("\x1b[0;38:5:1mred\x1b[m", ""),
            ("an open end \x1b[1", ""),
            ("a\x1b[6n", "n"),
            ("a\x1b[?25l", "?25l"),
            ("a\x1b]2;title\x07", "]2;title\x07"),
            ("a\x1b\x1b[m", "\x1b[m"),
            ("a\u{8}b", "\u{8}b"),
            ("a\u{7f}", "\u{7f}"),
            ("a\x1b[3\r", "\r"),
        ] {
            for cut in 0..=output.len() {
                let (mut text, (first, second)) = (PlainText::default(), output.as_bytes().split_at(cut));
                let mut taken = text.push(first);
                if taken == cut {
                    taken += text.push(second);
                }
                assert_eq!(&output.as_bytes()[taken..], rest.as_bytes(), "{output:?} cut at {cut}");
                assert_eq!(text.bytes(), &output.as_bytes()[..taken]);
            }
        }
        let mut text = PlainText::default();
        assert_eq!(text.push(b"\xc2\xc2\x9bm"), 2, "a control sequence in one character");
        assert_eq!(text.take(), b"\xc2\xc2");
    }

    #[test]
    fn lines_are_counted_and_colours_kept() {
        let mut text = PlainText::default();
        text.push(b"\x1b[1ma\r\n\x1b[0;3mb\r\n\x1b[4mc\nd\r\ne");
        assert_eq!(text.line_start(2), Some(16));
        assert_eq!(text.line_start(1), Some(16), "a line feed alone leaves the column");
        assert_eq!(text.line_start(9), None);
        let mut colours = Vec::new();
        text.colours_before(16, |colour| colours.extend(colour));
        assert_eq!(String::from_utf8(colours).unwrap(), "\x1b[0;3m");
        text.forget_before(16);
        assert_eq!(text.bytes(), b"\x1b[4mc\nd\r\ne");
    }
}
