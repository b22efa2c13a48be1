//! Temporary files of the integration scripts: bash keeps one while it runs, and zsh and fish remove theirs unless they are
//! killed before. Without a sandbox nothing else removes what is left.

use std::fs::{read_dir, remove_dir_all, remove_file};
use std::io;
use std::path::Path;

/// Directory of a shell without a sandbox; its environment has no `TMPDIR` from the start.
pub(super) const DIRECTORY: &str = "/tmp";

/// Begin of the names of a session's files. `tag` is that of its processes. The scripts use the same.
fn prefix(tag: &str) -> String {
    format!("termgate.{tag}.")
}

/// Removes the files of one session. Blocks.
pub(super) fn remove(directory: &Path, tag: &str) -> io::Result<()> {
    let prefix = prefix(tag);
    for entry in read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
            continue;
        }
        // Removes a link itself, not its target.
        let removed =
            if entry.file_type()?.is_dir() { remove_dir_all(entry.path()) } else { remove_file(entry.path()) };
        removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn those_of_one_session_go_and_no_link_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir_all(at("termgate.0a.dir/sub")).unwrap();
        fs::write(at("termgate.0a.dir/sub/.zshenv"), "").unwrap();
        for file in ["termgate.0a.file", "termgate.0b.file", "kept"] {
            fs::write(at(file), "").unwrap();
        }
        for link in ["termgate.0a.link", "termgate.0a.dir/link"] {
            std::os::unix::fs::symlink(at("kept"), at(link)).unwrap();
        }
        remove(directory.path(), "0a").unwrap();
        let mut left: Vec<_> = read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["kept", "termgate.0b.file"]);
        assert!(remove(&at("missing"), "0a").is_err());
    }
}
