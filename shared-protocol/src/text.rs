//! Characters that people do not see, or that turn text around: none of them is in text that one person offers another.

use crate::limits::{DIRECTORY_BYTES, PATH_BYTES};

/// True for a control, and for a character that is invisible or changes the direction of text.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// True for a character of a line that is offered to be typed: it is seen as it is, and no line editor takes it for a command. A
/// blank that is no space looks like one, and a shell takes it for a part of a word.
pub fn is_typable(c: char) -> bool {
    let is_blank = c.is_whitespace() || matches!(c, '\u{2800}' | '\u{fe00}'..='\u{fe0f}');
    c == ' ' || !(is_blank || is_hidden(c))
}

/// True for a path that is told as the directory of a shell: absolute, at most [`DIRECTORY_BYTES`], and seen as it is.
pub fn is_directory(path: &str) -> bool {
    path.starts_with('/') && path.len() <= DIRECTORY_BYTES && !path.chars().any(is_hidden)
}

/// True for a path that a file can have: at most [`PATH_BYTES`], none of them NUL.
pub fn is_path(path: &str) -> bool {
    path.len() <= PATH_BYTES && !path.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offered_line_is_what_it_looks_like() {
        assert!("ls -la ~/données | grep '漢字' # 🙂".chars().all(is_typable));
        for c in
            "\u{1b}\r\n\t\u{7f}\u{9b}\u{a0}\u{200b}\u{202e}\u{2066}\u{2800}\u{3000}\u{feff}\u{fe0f}\u{e0041}".chars()
        {
            assert!(!is_typable(c), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn a_directory_is_absolute_short_and_seen_as_it_is() {
        let longest = format!("/{}", "d".repeat(DIRECTORY_BYTES - 1));
        for path in ["/", "/home/ada/données 漢字/..", &longest] {
            assert!(is_directory(path), "{path}");
        }
        for path in ["", "home", "~", "/a\n", "/a\u{1b}[2J", "/a\u{202e}b", "/\u{200b}", &format!("{longest}d")] {
            assert!(!is_directory(path), "{path:?}");
        }
    }
}
