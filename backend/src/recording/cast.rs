//! Encodes what happens in a session as lines of asciicast v3. Pure: times are arguments, in ms since the recording's start.
//! Source: <https://docs.asciinema.org/manual/asciicast/v3/>

use super::buffer::PIECE_BYTES;
use super::keys::PartKey;
use serde_json::json;
use shared_protocol::Epoch;

/// Time within which outputs become one event, in ms: one frame of a player. It bounds the events of an hour, and so the
/// time in which a player opens it.
const FRAME: u64 = 16;

/// Size at which a part is written, in bytes: 32 writes for 1 MiB.
pub const PART_BYTES: usize = 32 * 1024;

/// The longest part, in bytes: its size, and the longest line of a piece of output.
pub(super) const MAX_PART_BYTES: usize = PART_BYTES + longest_line(PIECE_BYTES);

/// The longest line of an event whose text has so many bytes: a control character has six in JSON. The rest is shorter than 128.
const fn longest_line(text: usize) -> usize {
    6 * text + 128
}

/// End of the line of an event.
const LINE_END: &str = "\"]\n";

/// Encodes events, each with the time since the one before; the first of a part with the time since the part's start.
///
/// Invariant: the times of all events add up to the time of the last one, to the millisecond.
#[derive(Debug)]
pub struct Encoder {
    epoch: Epoch,
    /// Number of the current part, from 1.
    number: u32,
    /// Time of the part's start.
    start: u64,
    /// Time of the last event.
    end: u64,
    /// Begin of a character whose other bytes have not been printed yet.
    incomplete: Vec<u8>,
    lines: Vec<u8>,
    /// True while the last line is one of output, which may get more.
    is_open: bool,
}

impl Encoder {
    /// An encoder for the output of one epoch, which begins at this time.
    pub fn new(epoch: Epoch, start: u64) -> Self {
        Self { epoch, number: 1, start, end: start, incomplete: Vec::new(), lines: Vec::new(), is_open: false }
    }

    /// Length of the part so far, in bytes.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Memory of the part, in bytes.
    pub(super) fn held(&self) -> usize {
        self.lines.capacity()
    }

    /// True if an event whose text has so many bytes may make the part too long.
    pub(super) fn is_full_for(&self, text: usize) -> bool {
        !self.lines.is_empty() && self.lines.len() + longest_line(text) > MAX_PART_BYTES
    }

    /// True if the part has no event yet.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Output. Bytes that are no UTF-8 become U+FFFD; a character may come in pieces.
    pub fn output(&mut self, at: u64, bytes: &[u8]) {
        let mut all = std::mem::take(&mut self.incomplete);
        all.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&all[all.len().saturating_sub(3)..]) {
            Ok(_) => all.len(),
            Err(_) => complete(&all),
        };
        self.incomplete = all.split_off(whole);
        if all.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&all);
        if self.is_open && at < self.end + FRAME {
            let end = self.lines.len() - LINE_END.len();
            self.lines.truncate(end);
            write_text(&mut self.lines, &text);
            // The text goes on: without the quotation mark before it.
            self.lines.remove(end);
        } else {
            self.event(at, "o", &text);
            self.is_open = true;
        }
    }

    /// Typed input.
    pub fn input(&mut self, at: u64, bytes: &[u8]) {
        self.event(at, "i", &String::from_utf8_lossy(bytes));
    }

    /// The terminal has this size from now on.
    pub fn resize(&mut self, at: u64, cols: u16, rows: u16) {
        self.event(at, "r", &format!("{cols}x{rows}"));
    }

    /// A note for the reader.
    pub fn marker(&mut self, at: u64, text: &str) {
        self.event(at, "m", text);
    }

    /// The end of the session, with the shell's exit code.
    pub fn exit(&mut self, at: u64, code: i32) {
        self.event(at, "x", &code.to_string());
    }

    fn event(&mut self, at: u64, code: &str, data: &str) {
        let at = at.max(self.end);
        // At once: a vector that grows has its old memory beside its new, and more than it needs.
        self.lines.reserve_exact(MAX_PART_BYTES.saturating_sub(self.lines.len()));
        write_event(&mut self.lines, at - self.end, code, data);
        self.end = at;
        self.is_open = false;
    }

    /// Ends the part: its key, and its lines.
    pub(super) fn take_part(&mut self) -> (PartKey, Vec<u8>) {
        let key = PartKey { epoch: self.epoch, number: self.number, start: self.start, end: self.end };
        (self.number, self.start, self.is_open) = (self.number + 1, self.end, false);
        (key, std::mem::take(&mut self.lines))
    }
}

/// Length of the text without an incomplete character at its end.
fn complete(bytes: &[u8]) -> usize {
    let begin = bytes.len().saturating_sub(3);
    let last = bytes[begin..].iter().rposition(|byte| *byte >= 0xc0).map_or(bytes.len(), |at| begin + at);
    match std::str::from_utf8(&bytes[last..]) {
        // The text may go on with what is missing.
        Err(error) if error.error_len().is_none() => last,
        _ => bytes.len(),
    }
}

/// The line of one event, this many ms after the one before.
pub(super) fn event_line(after_ms: u64, code: &str, data: &str) -> Vec<u8> {
    let mut line = Vec::new();
    write_event(&mut line, after_ms, code, data);
    line
}

/// Adds the line of an event. Written in place: a text beside its line would be memory of the recording, too.
fn write_event(lines: &mut Vec<u8>, after_ms: u64, code: &str, data: &str) {
    let (seconds, ms) = (after_ms / 1000, after_ms % 1000);
    lines.extend_from_slice(format!("[{seconds}.{ms:03}, \"{code}\", ").as_bytes());
    write_text(lines, data);
}

/// Adds the text in quotation marks, and the end of its line.
fn write_text(lines: &mut Vec<u8>, text: &str) {
    // A text can always be encoded, and a vector takes all.
    let _ = serde_json::to_writer(&mut *lines, text);
    lines.extend_from_slice(b"]\n");
}

/// True for the line of a session's end.
pub(super) fn is_exit(line: &[u8]) -> bool {
    serde_json::from_slice::<(f64, String, String)>(line).is_ok_and(|(_, code, _)| code == "x")
}

/// The first line of a recording. `started` is in ms since 1970.
pub(super) fn header(cols: u16, rows: u16, started: u64) -> String {
    let term = json!({ "cols": cols, "rows": rows, "type": "xterm-256color" });
    format!("{}\n", json!({ "version": 3, "term": term, "timestamp": started / 1000 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(encoder: &mut Encoder) -> String {
        String::from_utf8(encoder.take_part().1).unwrap()
    }

    #[test]
    fn events_are_lines_with_the_time_since_the_one_before() {
        let mut encoder = Encoder::new(Epoch(7), 0);
        encoder.output(12, b"$ \x1b[1mls\x1b[0m\r\n\"\\\x07");
        encoder.input(1512, b"q\r");
        encoder.resize(1512, 100, 30);
        encoder.marker(61_512, "the instance was replaced");
        encoder.exit(61_513, 130);
        assert_eq!(
            lines(&mut encoder),
            concat!(
                r#"[0.012, "o", "$ \u001b[1mls\u001b[0m\r\n\"\\\u0007"]"#,
                "\n",
                r#"[1.500, "i", "q\r"]"#,
                "\n",
                r#"[0.000, "r", "100x30"]"#,
                "\n",
                r#"[60.000, "m", "the instance was replaced"]"#,
                "\n",
                r#"[0.001, "x", "130"]"#,
                "\n",
            )
        );
    }

    #[test]
    fn output_of_one_frame_is_one_event_at_the_time_of_its_first() {
        let mut encoder = Encoder::new(Epoch(7), 0);
        for at in 100..100 + 2 * FRAME {
            encoder.output(at, b"\"\xc3");
            encoder.output(at, b"\xa9");
        }
        encoder.resize(140, 100, 30);
        encoder.output(140, b"x");
        let (key, part) = encoder.take_part();
        encoder.output(141, b"y");
        let frame = "\\\"é".repeat(FRAME as usize);
        let expected = [
            format!(r#"[0.100, "o", "{frame}"]"#),
            format!(r#"[0.016, "o", "{frame}"]"#),
            r#"[0.024, "r", "100x30"]"#.into(),
            r#"[0.000, "o", "x"]"#.into(),
        ];
        assert_eq!(String::from_utf8(part).unwrap(), expected.map(|line| line + "\n").concat());
        assert_eq!(key.end, 140);
        assert_eq!(lines(&mut encoder), "[0.001, \"o\", \"y\"]\n", "a part that was taken has its end");
    }

    #[test]
    fn a_header_says_size_and_time() {
        let expected = r#"{"term":{"cols":80,"rows":24,"type":"xterm-256color"},"timestamp":1800000000,"version":3}"#;
        assert_eq!(header(80, 24, 1_800_000_000_999), format!("{expected}\n"));
    }

    #[test]
    fn a_character_may_come_in_pieces() {
        let text = "a♛é😀z";
        for cut in 0..=text.len() {
            for second in cut..=text.len() {
                let mut encoder = Encoder::new(Epoch(1), 0);
                for piece in [&text.as_bytes()[..cut], &text.as_bytes()[cut..second], &text.as_bytes()[second..]] {
                    encoder.output(0, piece);
                }
                let parts = lines(&mut encoder);
                let printed: String =
                    parts.lines().map(|line| serde_json::from_str::<(f64, String, String)>(line).unwrap().2).collect();
                assert_eq!(printed, text, "{cut} {second}");
            }
        }
    }

    #[test]
    fn other_bytes_are_replaced() {
        for (bytes, text) in
            [(&b"a\xffb"[..], "a\u{fffd}b"), (b"\xc3(", "\u{fffd}("), (b"\x80\x80", "\u{fffd}\u{fffd}")]
        {
            let mut encoder = Encoder::new(Epoch(1), 0);
            encoder.output(0, bytes);
            assert!(lines(&mut encoder).contains(text), "{bytes:?}");
        }
        let mut encoder = Encoder::new(Epoch(1), 0);
        encoder.output(0, b"\xe2\x99");
        assert!(encoder.is_empty(), "the rest may follow");
        encoder.output(1, b"x");
        assert_eq!(lines(&mut encoder), "[0.001, \"o\", \"\u{fffd}x\"]\n");
    }

    #[test]
    fn times_do_not_drift_and_never_go_back() {
        let mut encoder = Encoder::new(Epoch(1), 500);
        let mut total = 500;
        for n in 0..1000_u64 {
            encoder.marker(500 + n * 7 / 3, "x");
            if n % 10 == 0 {
                let (key, part) = encoder.take_part();
                assert_eq!((key.start, u64::from(key.number)), (total, n / 10 + 1));
                for line in String::from_utf8(part).unwrap().lines() {
                    let interval = line[1..].split(',').next().unwrap().replace('.', "");
                    total += interval.parse::<u64>().unwrap();
                }
                assert_eq!(key.end, total);
            }
        }
        encoder.output(3, b"the clock went back");
        assert_eq!(encoder.end, 500 + 999 * 7 / 3);
    }
}
