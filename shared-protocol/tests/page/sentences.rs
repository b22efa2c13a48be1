//! Each sentence of the page has a test: `sentences.txt` lists the begin of each, and its tests as `FILE NAME`; `-`
//! stands for one that explains, or that nothing can show. A new sentence needs a line there, and a test that goes leaves a gap.

use super::PAGE;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const LIST: &str = include_str!("sentences.txt");

/// The lines of each section, without code: a section ends at the next heading, of whichever level.
fn sections() -> BTreeMap<&'static str, Vec<&'static str>> {
    let (mut sections, mut heading, mut is_code) = (BTreeMap::<_, Vec<_>>::new(), "", false);
    for line in PAGE.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if let Some(title) = line.strip_prefix("### ").or(line.strip_prefix("## ")).filter(|_| !is_code) {
            heading = title;
        } else if !is_code {
            sections.entry(heading).or_default().push(line);
        }
    }
    sections
}

/// The sentences and rows of a section.
fn sentences(lines: &[&str]) -> Vec<String> {
    let is_rule = |at: usize| lines.get(at).is_some_and(|line| line.starts_with("|---"));
    let mut paragraphs = vec![String::new()];
    for (at, line) in lines.iter().enumerate() {
        if is_rule(at) || is_rule(at + 1) {
            continue;
        }
        if line.is_empty() || line.starts_with("- ") || line.starts_with('|') {
            paragraphs.push(String::new());
        }
        let paragraph = paragraphs.last_mut().unwrap();
        *paragraph += line.trim().trim_start_matches("- ");
        paragraph.push(' ');
    }
    paragraphs.iter().flat_map(|paragraph| split(paragraph)).filter(|text| !text.is_empty()).collect()
}

fn split(paragraph: &str) -> Vec<String> {
    if paragraph.starts_with('|') {
        return vec![paragraph.trim().to_owned()];
    }
    let (mut sentences, mut rest) = (Vec::new(), paragraph.trim());
    let ends = |text: &str, at: usize| {
        text[at + 2..].starts_with(|c: char| c.is_uppercase() || c == '`') && !text[..at].ends_with(char::is_whitespace)
    };
    while let Some(at) = rest.match_indices(". ").map(|(at, _)| at).find(|at| ends(rest, *at)) {
        sentences.push(rest[..=at].to_owned());
        rest = &rest[at + 2..];
    }
    sentences.push(rest.to_owned());
    sentences
}

/// The list: begins by section, each with its tests.
fn list() -> BTreeMap<&'static str, BTreeMap<&'static str, Vec<&'static str>>> {
    let (mut list, mut heading, mut begin) = (BTreeMap::<_, BTreeMap<_, Vec<_>>>::new(), "", "");
    for line in LIST.lines().filter(|line| !line.is_empty()) {
        if let Some(test) = line.strip_prefix("    ") {
            list.get_mut(heading).and_then(|section| section.get_mut(begin)).unwrap().push(test);
        } else if let Some(entry) = line.strip_prefix("  ") {
            let (words, test) = entry.rsplit_once(": ").unwrap();
            begin = words;
            let before = list.entry(heading).or_default().insert(begin, vec![test]);
            assert_eq!(before, None, "{begin} is listed twice");
        } else {
            heading = line;
        }
    }
    list
}

#[test]
fn each_sentence_is_listed_once() {
    let sections = sections();
    for (heading, listed) in list() {
        let lines = sections.get(heading).unwrap_or_else(|| panic!("no heading {heading}"));
        let mut used = BTreeSet::<&str>::new();
        for sentence in sentences(lines) {
            let begins: Vec<&str> = listed.keys().copied().filter(|begin| sentence.starts_with(*begin)).collect();
            assert_eq!(begins.len(), 1, "{heading}: sentences.txt lists {begins:?} for: {sentence}");
            used.extend(begins);
        }
        let unused: Vec<_> = listed.keys().filter(|begin| !used.contains(**begin)).collect();
        assert!(unused.is_empty(), "{heading} has no sentence that begins with {unused:?}");
    }
}

#[test]
fn each_section_is_listed() {
    let listed = list();
    for (heading, lines) in sections() {
        // The introduction has no heading: it leads to the sections.
        let is_listed = heading.is_empty() || listed.contains_key(heading) || sentences(&lines).is_empty();
        assert!(is_listed, "sentences.txt lists nothing of {heading}");
    }
}

#[test]
fn each_test_of_the_list_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for test in list().into_values().flat_map(BTreeMap::into_values).flatten().filter(|test| *test != "-") {
        let (file, name) = test.split_once(' ').unwrap();
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        // The last one is a table of cases.
        let starts = [format!("fn {name}("), format!("test(\"{name}\""), format!(")(\"{name}\"")];
        assert!(starts.iter().any(|start| text.contains(start)), "{file} has no test {name}");
    }
}
