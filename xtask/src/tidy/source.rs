//! The files of the repository, read once for all checks.

use std::path::Path;

/// Folders of generated files and dependencies.
const GENERATED: [&str; 9] =
    ["target", "node_modules", ".git", ".venv", ".next", "out", "dist", "test-results", "playwright-report"];

pub(super) struct Source {
    /// From the repository's root, with `/` between folders.
    pub(super) path: String,
    /// The content; empty if it is not UTF-8.
    pub(super) text: String,
}

/// Reads every file outside of generated folders, sorted by path.
pub(super) fn read(root: &Path) -> std::io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && !GENERATED.iter().any(|name| entry.file_name() == *name) {
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

/// A path from the root, with `/` between folders.
pub(super) fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// A path without `..`.
pub(super) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
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
