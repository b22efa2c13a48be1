//! The rules that no compiler checks: who may depend on whom, how files open, how long they are, where links lead. Runs as an
//! ordinary test, because a rule that nobody checks slips.

mod crates;
mod files;
mod imports;
mod links;

use std::fmt;
use std::path::{Path, PathBuf};

/// Folders that are made and not written.
const MADE: [&str; 9] =
    ["target", "node_modules", ".git", ".venv", ".next", "out", "dist", "test-results", "playwright-report"];

/// A file of the repository.
pub(crate) struct Source {
    /// From the repository's root, with `/` between folders.
    path: String,
    /// What it says; empty for what is no text.
    text: String,
}

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The file, from the root.
    path: String,
    /// What is wrong and what to do.
    what: String,
}

impl Complaint {
    fn new(path: &str, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), what: what.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// Checks everything below `root`; one line for each broken rule.
pub(crate) fn check(root: &Path) -> std::io::Result<Vec<Complaint>> {
    let sources = read(root)?;
    let mut complaints = crates::check(&crates::workspace(root)?);
    complaints.extend(sources.iter().flat_map(files::check));
    complaints.extend(sources.iter().flat_map(imports::check));
    complaints.extend(links::check(&sources));
    Ok(complaints)
}

/// What `cargo xtask tidy` says.
pub(crate) fn report() -> std::io::Result<String> {
    let complaints = check(crate::codegen::root())?;
    if complaints.is_empty() {
        return Ok("tidy".to_owned());
    }
    let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    Err(std::io::Error::other(lines.join("\n")))
}

/// Every file that someone wrote, in the order of their paths.
fn read(root: &Path) -> std::io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && !MADE.iter().any(|made| entry.file_name() == *made) {
                folders.push(entry.path());
            } else if kind.is_file() {
                let text = String::from_utf8(std::fs::read(entry.path())?).unwrap_or_default();
                sources.push(Source { path: relative(&entry.path(), root), text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn relative(path: &Path, root: &Path) -> String {
    let inner: PathBuf = path.strip_prefix(root).unwrap_or(path).to_path_buf();
    inner.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        if let Err(untidy) = report() {
            panic!("{untidy}");
        }
    }

    #[test]
    fn what_is_written_is_found_and_what_is_made_is_not() {
        let paths: Vec<String> = read(crate::codegen::root()).unwrap().into_iter().map(|source| source.path).collect();
        assert!(paths.contains(&"xtask/src/tidy.rs".to_owned()));
        assert!(!paths.iter().any(|path| path.starts_with("target/") || path.contains("node_modules/")));
    }
}
