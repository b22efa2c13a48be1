//! Scanner for the shell's prompt marks (OSC 133) and its bracketed-paste switch, in output that arrives in arbitrary pieces.

use super::integration::Nonce;
use super::typed_line::TypedLine;

/// Longest body of a mark, in bytes; a longer sequence is text.
const MAX_MARK_BYTES: usize = 128;

/// The same of the mark that tells a line, behind its tag: line and directory of 8 KiB each, every byte escaped.
const MAX_LINE_MARK_BYTES: usize = 3 * 2 * 8 * 1024 + MAX_MARK_BYTES;

/// A state change that the shell reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptMark {
    /// B: the shell waits for a command at its prompt. Repeated when the line editor redraws the prompt.
    PromptReady,
    /// P: the command is incomplete, and the shell waits for another line.
    Continuation,
    /// C: the command runs.
    CommandStarted,
    /// D: the command ended with this exit code.
    CommandFinished(i32),
    /// N: the shell can mark none of its prompts.
    Unmarked,
    /// M: the line editor keeps an incomplete command and asks for no other line, and sets title and colours once a command has
    /// begun.
    LongLines,
    /// The line editor switched bracketed paste on or off.
    BracketedPaste(bool),
    /// A mark that says nothing.
    Unknown,
}

/// A piece of scanned output.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Output other than marks. The possible start of a mark is held back until the next bytes decide.
    Text(&'a [u8]),
    /// A complete mark, and the bytes of it that stay in the output: of bracketed paste all, of the others none, because they
    /// hold the tag.
    Mark(PromptMark, &'static [u8]),
    /// E: the line that begins. Nothing of it stays in the output.
    Line(TypedLine),
}

/// Scanner that keeps the start of a possible mark between calls.
#[derive(Debug)]
pub struct PromptMarkScanner {
    /// End of every mark of this shell.
    tag: Vec<u8>,
    /// Unfinished escape sequence that may be a mark, or empty.
    partial: Vec<u8>,
    /// Number of the last prompt that told an exit code.
    prompt: Option<u64>,
}

impl PromptMarkScanner {
    /// A scanner for the marks with this nonce.
    pub fn new(nonce: &Nonce) -> Self {
        Self { tag: format!(";tg={}", nonce.of_marks()).into_bytes(), partial: Vec::new(), prompt: None }
    }

    /// Scans the next output and calls `piece` for each part, in order.
    pub fn scan(&mut self, bytes: &[u8], mut piece: impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while let Some((&first, after)) = rest.split_first() {
            if self.partial.is_empty() {
                let text = next_candidate(rest);
                if text > 0 {
                    piece(Piece::Text(&rest[..text]));
                    rest = &rest[text..];
                    continue;
                }
            }
            self.partial.push(first);
            match verdict(&self.partial, &self.tag, &mut self.prompt) {
                Verdict::Incomplete => rest = after,
                Verdict::Mark(mark, shown) => {
                    self.partial.clear();
                    piece(Piece::Mark(mark, shown));
                    rest = after;
                }
                Verdict::Line(line) => {
                    // Much longer than all others.
                    self.partial = Vec::new();
                    piece(line.map_or(Piece::Mark(PromptMark::Unknown, b""), Piece::Line));
                    rest = after;
                }
                Verdict::Text => {
                    // The byte that broke the sequence may begin the next one.
                    self.partial.pop();
                    piece(Piece::Text(&self.partial));
                    self.partial.clear();
                }
            }
        }
    }

    /// Ends the output: returns the start of a mark that was held back, unless the tag is in it.
    pub fn finish(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.partial);
        if memchr::memmem::find(&held, &self.tag).is_some() { Vec::new() } else { held }
    }
}

/// Classifies the bytes of a sequence so far. `prompt` is the number of the last prompt that told an exit code.
fn verdict(have: &[u8], tag: &[u8], prompt: &mut Option<u64>) -> Verdict {
    const OSC: &[u8] = b"\x1b]133;";
    const PASTE: &[u8] = b"\x1b[?2004";
    if have.len() <= PASTE.len() && PASTE.starts_with(have) {
        return Verdict::Incomplete;
    }
    if let Some(rest) = have.strip_prefix(PASTE) {
        return match rest {
            b"h" => Verdict::Mark(PromptMark::BracketedPaste(true), b"\x1b[?2004h"),
            b"l" => Verdict::Mark(PromptMark::BracketedPaste(false), b"\x1b[?2004l"),
            _ => Verdict::Text,
        };
    }
    if have.len() <= OSC.len() {
        return if OSC.starts_with(have) { Verdict::Incomplete } else { Verdict::Text };
    }
    let Some(rest) = have.strip_prefix(OSC) else { return Verdict::Text };
    if let Some(line) = rest.strip_prefix(b"E").and_then(|rest| rest.strip_prefix(tag)) {
        return line_verdict(line);
    }
    let body = match rest {
        [body @ .., 0x07] | [body @ .., 0x1b, b'\\'] => body,
        _ if rest.len() > MAX_MARK_BYTES => return Verdict::Text,
        // Possibly the first half of the terminator.
        [before @ .., 0x1b] if !before.contains(&0x1b) => return Verdict::Incomplete,
        _ if rest.contains(&0x1b) => return Verdict::Text,
        _ => return Verdict::Incomplete,
    };
    let Some(body) = body.strip_suffix(tag) else { return Verdict::Text };
    let mark = match body {
        b"B" => PromptMark::PromptReady,
        b"P" => PromptMark::Continuation,
        // bash may add a number.
        b"C" | [b'C', b';', ..] => PromptMark::CommandStarted,
        b"N" => PromptMark::Unmarked,
        b"M" => PromptMark::LongLines,
        _ => finished(body, prompt).unwrap_or(PromptMark::Unknown),
    };
    Verdict::Mark(mark, b"")
}

/// The same for a line behind its tag. Only a shell that knows the tag comes this far, so that no one else has output held back
/// for so long; and because the tag comes first, a mark that is broken or endless is left out with it.
fn line_verdict(line: &[u8]) -> Verdict {
    match line {
        [b';', body @ .., 0x07] | [b';', body @ .., 0x1b, b'\\'] => Verdict::Line(TypedLine::parse(body)),
        [.., 0x07] | [.., 0x1b, _] => Verdict::Line(None),
        _ if line.len() > MAX_LINE_MARK_BYTES => Verdict::Line(None),
        _ => Verdict::Incomplete,
    }
}

/// `D;code`, or `D;code;prompt` at the beginning of a prompt. `None` for a prompt that is drawn again.
fn finished(body: &[u8], prompt: &mut Option<u64>) -> Option<PromptMark> {
    let text = std::str::from_utf8(body.strip_prefix(b"D;")?).ok()?;
    let Some((code, number)) = text.split_once(';') else { return text.parse().ok().map(PromptMark::CommandFinished) };
    let (code, number) = (code.parse().ok()?, number.parse().ok()?);
    (prompt.replace(number) != Some(number)).then_some(PromptMark::CommandFinished(code))
}

/// Offset of the next possible mark. The first bytes of most escape sequences already exclude one.
fn next_candidate(bytes: &[u8]) -> usize {
    let may_be_one = |at: &usize| matches!(bytes[at + 1..], [] | [b'[' | b']'] | [b'[', b'?', ..] | [b']', b'1', ..]);
    memchr::memchr_iter(0x1b, bytes).find(may_be_one).unwrap_or(bytes.len())
}

enum Verdict {
    Incomplete,
    Text,
    Mark(PromptMark, &'static [u8]),
    /// A line, or nothing where the mark is broken.
    Line(Option<TypedLine>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanner() -> PromptMarkScanner {
        PromptMarkScanner::new(&Nonce::new([0; 16]))
    }

    const TAG: &str = ";tg=0000000000000000\x07";

    fn scan(output: &[u8]) -> (Vec<u8>, Vec<PromptMark>) {
        let (mut text, mut marks) = (Vec::new(), Vec::new());
        scanner().scan(output, |piece| match piece {
            Piece::Text(piece) => text.extend_from_slice(piece),
            Piece::Mark(mark, shown) => {
                text.extend_from_slice(shown);
                marks.push(mark);
            }
            Piece::Line(line) => panic!("{line:?}"),
        });
        (text, marks)
    }

    #[test]
    fn marks_are_found_and_left_out_of_the_text() {
        let output = format!("\x1b[?2004l\r\x1b]133;C{TAG}a\x1b[31mb\x1b]133;D;2{TAG}\x1b]133;P{TAG}$ \x1b]133;B{TAG}");
        let (text, marks) = scan(output.as_bytes());
        assert_eq!(String::from_utf8(text).unwrap(), "\x1b[?2004l\ra\x1b[31mb$ ");
        use PromptMark::{BracketedPaste, CommandFinished, CommandStarted, Continuation, PromptReady};
        let expected = [BracketedPaste(false), CommandStarted, CommandFinished(2), Continuation, PromptReady];
        assert_eq!(marks, expected);
    }

    #[test]
    fn another_tag_or_another_osc_is_text() {
        let output = "\x1b]133;B;tg=1111111111111111\x07\x1b]0;title\x07\x1b]133;B\x07x";
        let (text, marks) = scan(output.as_bytes());
        assert_eq!((text.as_slice(), marks.len()), (output.as_bytes(), 0));
    }

    #[test]
    fn what_holds_the_tag_is_no_text_even_if_it_says_nothing() {
        let (text, marks) = scan(format!("a\x1b]133;D;$?{TAG}b\x1b]133;Z{TAG}c").as_bytes());
        assert_eq!((text.as_slice(), marks), (&b"abc"[..], vec![PromptMark::Unknown; 2]));
    }

    #[test]
    fn a_prompt_that_is_drawn_again_tells_no_new_exit_code() {
        let output = ["D;1", "D;1;4", "D;1;4", "D;0;5", "D;0;4"].map(|body| format!("\x1b]133;{body}{TAG}")).concat();
        use PromptMark::{CommandFinished, Unknown};
        let expected = [CommandFinished(1), CommandFinished(1), Unknown, CommandFinished(0), CommandFinished(0)];
        assert_eq!(scan(output.as_bytes()).1, expected);
    }

    #[test]
    fn a_started_mark_at_the_end_is_output() {
        let mut scanner = scanner();
        scanner.scan(b"\x1b]133;B", |piece| panic!("{piece:?}"));
        assert_eq!((scanner.finish(), scanner.finish()), (b"\x1b]133;B".to_vec(), Vec::new()));
        scanner.scan(format!("{LINE}line;/;ls").as_bytes(), |piece| panic!("{piece:?}"));
        assert_eq!(scanner.finish(), b"", "it names the tag");
    }

    #[test]
    fn an_endless_mark_is_given_up() {
        for filling in [b'x', 0x1b] {
            let (mut scanner, mut passed) = (scanner(), 0);
            let mut count = |piece: Piece<'_>| match piece {
                Piece::Text(text) => passed += text.len(),
                other => panic!("{other:?}"),
            };
            scanner.scan(b"\x1b]133;", &mut count);
            scanner.scan(&[filling; 4096], &mut count);
            assert!(passed >= 4096 - MAX_MARK_BYTES && scanner.partial.len() <= MAX_MARK_BYTES);
        }
    }

    /// Text, lines and number of marks without a line in this output, which comes byte by byte.
    fn scan_lines(output: &[u8]) -> (Vec<u8>, Vec<TypedLine>, usize) {
        let (mut scanner, mut text, mut lines, mut unknown) = (scanner(), Vec::new(), Vec::new(), 0);
        for byte in output.chunks(1) {
            scanner.scan(byte, |piece| match piece {
                Piece::Text(piece) => text.extend_from_slice(piece),
                Piece::Line(line) => lines.push(line),
                Piece::Mark(mark, _) => unknown += usize::from(mark == PromptMark::Unknown),
            });
        }
        assert!(scanner.partial.capacity() <= 2 * MAX_MARK_BYTES, "the room for a long line is given back");
        (text, lines, unknown)
    }

    const LINE: &str = "\x1b]133;E;tg=0000000000000000;";

    #[test]
    fn a_line_is_found_and_nothing_of_it_stays_in_the_output() {
        use crate::terminal::LineText;
        let long = "x".repeat(8000);
        for end in ["\x07", "\x1b\\"] {
            let output = format!("a{LINE}line;/tmp;{long}{end}\x1b]133;C;503{TAG}b");
            let (text, lines, unknown) = scan_lines(output.as_bytes());
            let expected = TypedLine { text: LineText::Known(long.clone()), directory: "/tmp".into() };
            assert_eq!((text.as_slice(), lines, unknown), (&b"ab"[..], vec![expected], 0));
        }
        assert_eq!(scan(format!("\x1b]133;C;503{TAG}").as_bytes()).1, [PromptMark::CommandStarted]);
    }

    #[test]
    fn a_line_that_is_broken_or_endless_shows_no_tag() {
        for output in [format!("{LINE}line;/;ls\x1b[31m"), format!("{LINE}line\x07"), LINE.replace("0;", "0\x07")] {
            let (text, lines, unknown) = scan_lines(output.as_bytes());
            assert!(lines.is_empty() && unknown == 1 && memchr::memmem::find(&text, b"tg=").is_none(), "{output:?}");
        }
        let endless = format!("{LINE}line;/;{}", "x".repeat(2 * MAX_LINE_MARK_BYTES));
        let (text, _, unknown) = scan_lines(endless.as_bytes());
        assert!(unknown == 1 && text.len() > MAX_LINE_MARK_BYTES - 100 && text.iter().all(|byte| *byte == b'x'));
        // Another tag is text at once, as for every mark.
        let foreign = format!("{}{}", LINE.replace('0', "1"), "x".repeat(MAX_MARK_BYTES));
        assert_eq!(scan_lines(foreign.as_bytes()).0, foreign.as_bytes());
    }
}
