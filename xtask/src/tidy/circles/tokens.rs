//! A Rust file as tokens: names, marks and string literals, without comments, lifetimes and numbers. Enough to find items and
//! paths in code that compiles.

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// An identifier or a keyword.
    Name(&'a str),
    /// One character of punctuation; `::` is two.
    Mark(char),
    /// The content of a string literal; its escapes stay.
    Text(&'a str),
}

/// Splits a file into tokens.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, length) = if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, block_comment(rest))
        } else if let Some((content, length)) = string(rest) {
            (Some(Token::Text(content)), length)
        } else if c == '\'' {
            (None, quote(rest))
        } else if is_name(c) {
            let raw = if rest.starts_with("r#") { 2 } else { 0 };
            let length = raw + name_length(&rest[raw..]);
            ((!c.is_ascii_digit()).then(|| Token::Name(&rest[raw..length])), length)
        } else {
            ((!c.is_whitespace()).then_some(Token::Mark(c)), c.len_utf8())
        };
        found.extend(token);
        rest = &rest[length..];
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn name_length(text: &str) -> usize {
    text.find(|c| !is_name(c)).unwrap_or(text.len())
}

/// The length of a block comment, which may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..text.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The content and the length of a string literal of any kind.
fn string(text: &str) -> Option<(&str, usize)> {
    let start = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let raw = start.strip_prefix('r').map(|rest| (rest, rest.len() - rest.trim_start_matches('#').len()));
    if let Some((rest, hashes)) = raw.filter(|(rest, hashes)| rest[*hashes..].starts_with('"')) {
        let content = &rest[hashes + 1..];
        let end = format!("\"{}", "#".repeat(hashes));
        let length = content.find(&end)?;
        return Some((&content[..length], text.len() - content.len() + length + end.len()));
    }
    let content = start.strip_prefix('"')?;
    let mut escaped = false;
    let length = content.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((&content[..length], text.len() - content.len() + length + 1))
}

/// The length of a character literal or a lifetime.
fn quote(text: &str) -> usize {
    let content = &text[1..];
    let first = content.chars().next().map_or(0, char::len_utf8);
    if content.starts_with('\\') {
        return 2 + first + content.get(first + 1..).and_then(|rest| rest.find('\'')).unwrap_or_default() + 1;
    }
    if content[first..].starts_with('\'') { first + 2 } else { 1 + name_length(content) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_literals_and_lifetimes_are_left_out() {
        let text = r##"a /* b /* c */ */ // d
            "e\"" r#"f"g"# b"h" 'i' '\'' '\u{7f}' &'j k<'_> 12 b::r#type"##;
        let names: Vec<&str> = tokens(text)
            .into_iter()
            .filter_map(|token| match token {
                Token::Name(name) => Some(name),
                _ => None,
            })
            .collect();
        assert_eq!(names, ["a", "k", "b", "type"]);
        let texts = tokens(text).into_iter().filter(|token| matches!(token, Token::Text(_)));
        assert_eq!(texts.collect::<Vec<_>>(), [Token::Text(r#"e\""#), Token::Text("f\"g"), Token::Text("h")]);
    }
}
