//! The body of the E mark, in which the shell tells a line that begins: decoded and made safe to show.

use shared_protocol::limits::{COMMAND_BYTES, DIRECTORY_BYTES};

/// A line, and where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedLine {
    /// The line.
    pub text: LineText,
    /// Working directory of the shell, at most [`DIRECTORY_BYTES`].
    pub directory: String,
}

/// The text of a line, at most [`COMMAND_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineText {
    /// The shell does not tell it.
    Hidden,
    /// As it was typed.
    Known(String),
    /// As the shell knows it, which may have lost a space at the begin, or not have kept the line: it is hidden if its echo
    /// begins with a space.
    Unsure(String),
}

impl TypedLine {
    /// From `kind;directory;line`, percent-encoded. `None` if it says nothing.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut fields = body.splitn(3, |byte| *byte == b';');
        let (kind, directory, line) = (fields.next()?, fields.next()?, fields.next()?);
        let line = decoded(line, COMMAND_BYTES);
        let text = match kind {
            // The scripts see to that too; this holds without them.
            _ if line.is_empty() || line.starts_with(' ') => LineText::Hidden,
            b"line" => LineText::Known(line),
            b"unsure" => LineText::Unsure(line),
            _ => LineText::Hidden,
        };
        Some(Self { text, directory: decoded(directory, DIRECTORY_BYTES) })
    }
}

/// Text of at most `max` bytes. Invalid UTF-8, and controls but tabs and line feeds, become U+FFFD.
fn decoded(encoded: &[u8], max: usize) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [first, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4) | low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &rest[3..] } else { after };
    }
    let is_bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let mut text = String::from_utf8_lossy(&bytes).replace(is_bad, "\u{fffd}");
    text.truncate(text.floor_char_boundary(max));
    text
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> LineText {
        TypedLine::parse(body.as_bytes()).unwrap().text
    }

    #[test]
    fn a_line_is_decoded_and_cannot_hold_controls() {
        let line = TypedLine::parse(b"line;/tmp/a%3Bb%25;echo 'a;b' 100%25%0A\t%C3%A9 \x1b[31m%07%C2%9B").unwrap();
        assert_eq!(line.directory, "/tmp/a;b%");
        let shown = "echo 'a;b' 100%\n\té \u{fffd}[31m\u{fffd}\u{fffd}";
        assert_eq!(line.text, LineText::Known(shown.into()));
        assert_eq!(text("line;;50% off %zz %"), LineText::Known("50% off %zz %".into()), "no escape");
    }

    #[test]
    fn a_line_that_begins_with_a_space_is_hidden_whatever_the_shell_says() {
        for body in ["line;/; secret", "unsure;/;%20secret", "none;/;secret", "line;/;", "?;/;x"] {
            assert_eq!(text(body), LineText::Hidden, "{body}");
        }
        assert_eq!(text("unsure;/;ls"), LineText::Unsure("ls".into()));
        for body in ["", "line", "line;/"] {
            assert_eq!(TypedLine::parse(body.as_bytes()), None);
        }
    }

    #[test]
    fn line_and_directory_are_bounded_and_cut_between_characters() {
        let body = format!("line;{};{}", "d".repeat(5000), "♛".repeat(COMMAND_BYTES));
        let line = TypedLine::parse(body.as_bytes()).unwrap();
        assert_eq!(line.directory.len(), DIRECTORY_BYTES);
        let LineText::Known(text) = line.text else { panic!("it is known") };
        assert!(text.len() > COMMAND_BYTES - 3 && text.len() <= COMMAND_BYTES && text.ends_with('♛'));
    }
}
