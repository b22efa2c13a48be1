//! Scanner for the shell's prompt marks (OSC 133) and its bracketed-paste switch, in output that arrives in arbitrary pieces.

use super::integration::Nonce;

/// Longest body of a mark, in bytes; a longer sequence is text.
const MAX_MARK_BYTES: usize = 128;

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
    /// The line editor switched bracketed paste on or off.
    BracketedPaste(bool),
}

/// A piece of scanned output.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Output other than marks. The possible start of a mark is held back until the next bytes decide.
    Text(&'a [u8]),
    /// A complete mark.
    Mark(PromptMark),
}

/// Scanner that keeps the start of a possible mark between calls.
#[derive(Debug)]
pub struct PromptMarkScanner {
    /// End of every mark of this shell.
    tag: Vec<u8>,
    /// Unfinished escape sequence that may be a mark, or empty.
    partial: Vec<u8>,
}

impl PromptMarkScanner {
    /// A scanner for the marks with this nonce.
    pub fn new(nonce: &Nonce) -> Self {
        Self { tag: format!(";tg={}", nonce.as_str()).into_bytes(), partial: Vec::new() }
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
            match self.verdict() {
                Verdict::Incomplete => rest = after,
                Verdict::Mark(mark) => {
                    self.partial.clear();
                    piece(Piece::Mark(mark));
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

    fn verdict(&self) -> Verdict {
        const OSC: &[u8] = b"\x1b]133;";
        const PASTE: &[u8] = b"\x1b[?2004";
        let have = self.partial.as_slice();
        if have.len() <= PASTE.len() && PASTE.starts_with(have) {
            return Verdict::Incomplete;
        }
        if let Some(rest) = have.strip_prefix(PASTE) {
            return match rest {
                b"h" => Verdict::Mark(PromptMark::BracketedPaste(true)),
                b"l" => Verdict::Mark(PromptMark::BracketedPaste(false)),
                _ => Verdict::Text,
            };
        }
        if have.len() <= OSC.len() {
            return if OSC.starts_with(have) { Verdict::Incomplete } else { Verdict::Text };
        }
        let Some(rest) = have.strip_prefix(OSC) else { return Verdict::Text };
        let body = match rest {
            [body @ .., 0x07] | [body @ .., 0x1b, b'\\'] => body,
            _ if rest.len() > MAX_MARK_BYTES => return Verdict::Text,
            // Possibly the first half of the terminator.
            [before @ .., 0x1b] if !before.contains(&0x1b) => return Verdict::Incomplete,
            _ if rest.contains(&0x1b) => return Verdict::Text,
            _ => return Verdict::Incomplete,
        };
        self.mark(body).map_or(Verdict::Text, Verdict::Mark)
    }

    fn mark(&self, body: &[u8]) -> Option<PromptMark> {
        match body.strip_suffix(self.tag.as_slice())? {
            b"B" => Some(PromptMark::PromptReady),
            b"P" => Some(PromptMark::Continuation),
            b"C" => Some(PromptMark::CommandStarted),
            done => {
                let code = std::str::from_utf8(done.strip_prefix(b"D;")?).ok()?;
                code.parse().ok().map(PromptMark::CommandFinished)
            }
        }
    }
}

/// Offset of the next possible mark. The first bytes of most escape sequences already exclude one.
fn next_candidate(bytes: &[u8]) -> usize {
    let may_be_one = |at: &usize| matches!(bytes[at + 1..], [] | [b'[' | b']'] | [b'[', b'?', ..] | [b']', b'1', ..]);
    memchr::memchr_iter(0x1b, bytes).find(may_be_one).unwrap_or(bytes.len())
}

enum Verdict {
    Incomplete,
    Text,
    Mark(PromptMark),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanner() -> PromptMarkScanner {
        PromptMarkScanner::new(&Nonce::new([0; 8]))
    }

    const TAG: &str = ";tg=0000000000000000\x07";

    fn scan(output: &[u8]) -> (Vec<u8>, Vec<PromptMark>) {
        let (mut text, mut marks) = (Vec::new(), Vec::new());
        scanner().scan(output, |piece| match piece {
            Piece::Text(piece) => text.extend_from_slice(piece),
            Piece::Mark(mark) => marks.push(mark),
        });
        (text, marks)
    }

    #[test]
    fn marks_are_found_and_left_out_of_the_text() {
        let output = format!("\x1b[?2004l\r\x1b]133;C{TAG}a\x1b[31mb\x1b]133;D;2{TAG}\x1b]133;P{TAG}$ \x1b]133;B{TAG}");
        let (text, marks) = scan(output.as_bytes());
        assert_eq!(String::from_utf8(text).unwrap(), "\ra\x1b[31mb$ ");
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
    fn an_endless_mark_is_given_up() {
        for filling in [b'x', 0x1b] {
            let (mut scanner, mut passed) = (scanner(), 0);
            let mut count = |piece: Piece<'_>| match piece {
                Piece::Text(text) => passed += text.len(),
                Piece::Mark(mark) => panic!("{mark:?}"),
            };
            scanner.scan(b"\x1b]133;", &mut count);
            scanner.scan(&[filling; 4096], &mut count);
            assert!(passed >= 4096 - MAX_MARK_BYTES && scanner.partial.len() <= MAX_MARK_BYTES);
        }
    }
}
