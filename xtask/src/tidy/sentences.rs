//! Sentences of comments and Markdown: their subject is the thing that they document, so none opens with a pronoun for it.

use super::source::Source;

/// Words that open a question, and no statement.
const OPENERS: [&str; 7] = ["What", "Whatever", "Who", "Whoever", "Whose", "Somebody", "Nobody"];

/// Marks of comments and of list items.
const MARKS: [char; 8] = ['/', '!', '*', '#', '-', '{', '>', ' '];

/// Ends of a sentence.
const ENDS: [char; 3] = ['.', '!', '?'];

pub(super) fn check(source: &Source) -> Vec<String> {
    let lines = prose(&source.path, &source.text);
    let opened = (0..lines.len()).filter_map(|at| Some((at, opener(&lines[at..])?)));
    opened.map(|(at, word)| format!("{}: line {}: no sentence opens with {word}", source.path, at + 1)).collect()
}

/// The words of each line; none in a line of code, of a heading or of another kind of file.
fn prose<'a>(path: &str, text: &'a str) -> Vec<&'a str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let begin: &[&str] = match name.rsplit('.').next().unwrap_or_default() {
        "rs" | "ts" | "tsx" | "mts" | "mjs" | "css" => &["//", "/*", "{/*", "* "],
        "py" | "sh" | "bash" | "zsh" | "fish" | "toml" | "yaml" | "yml" | "Makefile" | "Dockerfile" => &["# "],
        "md" => &[""],
        _ => return Vec::new(),
    };
    let mut in_code = false;
    let words = |line: &'a str| {
        let line = line.trim();
        in_code ^= name.ends_with(".md") && line.starts_with("```");
        let is_heading = name.ends_with(".md") && line.starts_with('#');
        let is_prose = !in_code && !is_heading && begin.iter().any(|begin| line.starts_with(begin));
        if is_prose { line.trim_start_matches(MARKS) } else { "" }
    };
    text.lines().map(words).collect()
}

/// The word that opens a sentence of the first line, unless the sentence is a question. Its end may be in a later line.
fn opener(lines: &[&str]) -> Option<&'static str> {
    let (first, later) = lines.split_first()?;
    let begins =
        [": ", ". ", "! ", "? "].iter().flat_map(|end| first.match_indices(end)).map(|(at, end)| at + end.len());
    [0].into_iter().chain(begins).find_map(|begin| {
        let sentence = &first[begin..];
        let word = OPENERS.into_iter().find(|word| sentence.split([' ', '\'', '’']).next() == Some(word))?;
        let parts = [sentence].into_iter().chain(later.iter().copied().take_while(|line| !line.is_empty()));
        let end = parts.flat_map(str::chars).find(|c| ENDS.contains(c));
        (end != Some('?')).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Source { path: path.into(), text: text.into() }).len()
    }

    #[test]
    fn a_sentence_opens_with_its_subject() {
        for text in
            ["/// What is kept.\n", "//! Rows. Whose they are.\n", "    // Nobody reads it.\n", "/* Who asks. */\n"]
        {
            assert_eq!(found("a.rs", text), 1, "{text}");
        }
        assert_eq!(found("a.tsx", "/**\n * What a page shows.\n */\n {/* Who types. */}\n"), 2);
        assert_eq!(found("Makefile", "# Whatever is built.\n"), 1);
        assert_eq!(found("a.md", "- What is old.\n\nRows: What is kept\nand why.\n"), 2);
        let fine = "/// The rows, and what they hold. `Who` is an id.\n/// Whole rows.\npub struct Who;\n";
        assert_eq!(found("a.rs", fine), 0);
    }

    #[test]
    fn questions_headings_and_code_are_no_such_sentences() {
        assert_eq!(
            found("a.md", "# What a row holds\n\n**What does it cost?** Little. What else\nis there? A row.\n"),
            0
        );
        assert_eq!(found("a.md", "```\nWhat is printed.\n```\n"), 0);
        assert_eq!(found("a.rs", "let text = \"What is it.\";\n"), 0);
        assert_eq!(found("a.json", "What is it.\n"), 0);
    }
}
