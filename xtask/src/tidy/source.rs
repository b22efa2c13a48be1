//! The files of the repository, read once for all checks.

use ignore::WalkBuilder;
use std::path::Path;

pub(super) struct Source {
    /// From the repository's root, with `/` between folders.
    pub(super) path: String,
    /// The content; empty if it is not UTF-8.
    pub(super) text: String,
}

/// Reads every file that git does not ignore, sorted by path.
pub(super) fn read(root: &Path) -> std::io::Result<Vec<Source>> {
    let mut files = WalkBuilder::new(root);
    files.hidden(false).require_git(false).filter_entry(|entry| entry.file_name() != ".git");
    let mut sources = Vec::new();
    for entry in files.build() {
        let entry = entry.map_err(std::io::Error::other)?;
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            let text = String::from_utf8(std::fs::read(entry.path())?).unwrap_or_default();
            sources.push(Source { path: relative(entry.path(), root), text });
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

/// A path from the root, with `/` between folders.
pub(super) fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_folders_are_skipped() {
        let paths: Vec<String> = read(crate::root::root()).unwrap().into_iter().map(|source| source.path).collect();
        assert!(paths.contains(&"xtask/src/tidy.rs".to_owned()));
        assert!(!paths.iter().any(|path| path.starts_with("target/") || path.contains("node_modules/")));
    }
}
