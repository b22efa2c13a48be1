//! Reader of the fixtures.

use serde_json::Value;
use std::path::PathBuf;

/// One golden message.
pub(crate) struct Fixture {
    /// File name without its extension.
    pub(crate) name: String,
    /// Text of the file.
    pub(crate) text: String,
    /// Parsed text.
    pub(crate) json: Value,
}

/// Every fixture of a folder, by name.
pub(crate) fn fixtures(folder: &str) -> Vec<Fixture> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            Fixture { name: path.file_stem().unwrap().to_string_lossy().into_owned(), text, json }
        })
        .collect()
}
