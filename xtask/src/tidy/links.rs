//! Links in Markdown: each relative link leads to an existing file and heading.

use super::source::Source;
use relative_path::RelativePath;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let by_path: BTreeMap<&str, &Source> = sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let mut errors = Vec::new();
    for page in sources.iter().filter(|source| source.path.ends_with(".md")) {
        for link in links(&page.text) {
            if let Some(message) = broken(&page.path, link, &by_path) {
                errors.push(format!("{}: {message}", page.path));
            }
        }
    }
    errors
}

/// The error message for a broken link.
fn broken(page: &str, link: &str, by_path: &BTreeMap<&str, &Source>) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        page.to_owned()
    } else {
        RelativePath::new(page).join_normalized(format!("../{file}")).into_string()
    };
    let folder = format!("{}/", target.trim_end_matches('/'));
    match by_path.get(target.as_str()) {
        None if by_path.keys().any(|path| path.starts_with(&folder)) => None,
        None => Some(format!("broken link to {link}")),
        Some(found) if anchor.is_empty() || !target.ends_with(".md") || headings(&found.text).contains(anchor) => None,
        Some(_) => Some(format!("{target} has no heading #{anchor}")),
    }
}

/// The targets of a page's links and images outside of code blocks.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose
        .flat_map(|prose| prose.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .filter_map(|(target, _)| target.split_whitespace().next())
        .collect()
}

/// The anchors of a page's headings, as GitHub builds them.
fn headings(text: &str) -> BTreeSet<String> {
    let prose = text.split("```").step_by(2).flat_map(str::lines);
    prose
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str, text: &str) -> usize {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let other = source("docs/protocol.md", "# The wire\n\n## Client → service: `attach`\n");
        check(&[source(page, text), other, source("docs/adr/0001-a.md", "")]).len()
    }

    #[test]
    fn a_link_leads_to_a_file_and_a_heading() {
        assert_eq!(found("README.md", "[a](docs/protocol.md) [b](https://example.com) [c](docs/adr)"), 0);
        assert_eq!(found("docs/adr/0002-b.md", "[a](../protocol.md#client--service-attach) [b](0001-a.md)"), 0);
        assert_eq!(found("README.md", "[a](docs/missing.md)"), 1);
        assert_eq!(found("README.md", "[a](docs/protocol.md#gone)"), 1);
        assert_eq!(found("README.md", "# Here\n[a](#here) [b](#there)"), 1);
        assert_eq!(found("README.md", "![picture](docs/missing.png \"title\")"), 1);
    }

    #[test]
    fn links_in_code_are_ignored() {
        assert_eq!(found("README.md", "```\n[a](missing.md)\n```\n"), 0);
    }
}
