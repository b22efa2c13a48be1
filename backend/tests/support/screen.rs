//! Output of a shell as its user sees it.

/// Output as text, without the marks and directories of the shell integration.
pub(super) fn screen_text(output: &[u8]) -> String {
    let without = |text: String, begin: &str| {
        let mut pieces = text.split(begin);
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |screen, piece| screen + piece.split_once('\x07').map_or("", |(_, rest)| rest))
    };
    ["\x1b]133;", "\x1b]7;"].into_iter().fold(String::from_utf8_lossy(output).into_owned(), without)
}
