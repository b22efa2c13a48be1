//! Properties of the prompt mark scanner, for any output. A file of its own, because the fuzzer includes it.

use backend::terminal::{Nonce, Piece, PromptMark, PromptMarkScanner};

/// End of a mark of this shell.
pub(crate) const TAG: &str = ";tg=0000000000000000\x07";

/// Longest sequence that may still become a mark, in bytes: what a scanner keeps to itself at most.
const KEPT: usize = 128 + 8;

/// Text and marks of output that arrives in pieces of this many bytes.
fn scan(output: &[u8], step: usize) -> (Vec<u8>, Vec<(usize, PromptMark)>) {
    let mut scanner = PromptMarkScanner::new(&Nonce::new([0; 16]));
    let (mut text, mut marks, mut fed) = (Vec::new(), Vec::new(), 0);
    for piece in output.chunks(step.max(1)) {
        scanner.scan(piece, |found| match found {
            Piece::Text(piece) => text.extend_from_slice(piece),
            Piece::Mark(mark, _) => marks.push((text.len(), mark)),
            Piece::Line(_) => marks.push((text.len(), PromptMark::Unknown)),
        });
        fed += piece.len();
        assert!(fed - text.len() <= KEPT * (marks.len() + 1), "{fed} bytes came, {} went on", text.len());
    }
    (text, marks)
}

/// Wherever it is cut, the same marks are found at the same places, and all the rest goes on as it came.
pub(crate) fn holds(output: &[u8], step: usize) -> usize {
    let (text, marks) = scan(output, usize::MAX);
    assert_eq!(scan(output, step), (text.clone(), marks.clone()));
    // Text is what was printed without the marks: read along, it is met in order, and what is left out in between begins a
    // sequence.
    let mut rest = output;
    let mut done = 0;
    for (at, _) in &marks {
        rest = rest.strip_prefix(&text[done..*at]).expect("text goes on as it came");
        assert_eq!(rest[0], 0x1b);
        let tagged = rest
            .windows(2)
            .position(|pair| pair[0] == 0x07 || pair == b"\x1b\\")
            .map(|end| end + 1 + usize::from(rest[end] == 0x1b));
        let paste = rest.starts_with(b"\x1b[?2004").then_some(8);
        let length = paste.or(tagged).or_else(|| (rest.last() == Some(&0x07)).then_some(rest.len()));
        rest = &rest[length.expect("a mark has an end")..];
        done = *at;
    }
    let kept = rest.strip_prefix(&text[done..]).expect("text goes on as it came");
    assert!(kept.is_empty() || (kept[0] == 0x1b && kept.len() <= KEPT));
    // Held-back bytes are released as soon as they cannot be a mark.
    let mut longer = output.to_vec();
    longer.extend([b' '; KEPT]);
    assert!(scan(&longer, step).0.ends_with(b" "), "nothing is kept for ever");
    marks.len()
}
