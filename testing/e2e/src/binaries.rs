//! The binaries under test: built beside the test itself, and never by it.

use std::path::PathBuf;

/// The path of a binary of this workspace. The variable `E2E_BOOTSTRAP` (and so on) names one that was built otherwise: for AWS.
pub fn binary(name: &str) -> PathBuf {
    if let Some(other) = std::env::var_os(format!("E2E_{}", name.to_uppercase().replace('-', "_"))) {
        return other.into();
    }
    let own = std::env::current_exe().expect("a program knows its own path");
    // target/debug/deps/whole_stack-0123 or target/debug/hostile → target/debug
    let folder = own.parent().expect("a program lies in a folder");
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let binary = folder.join(name);
    assert!(
        binary.exists(),
        "{} is not there; whole-stack tests start the real binaries, so build them first: cargo build --workspace --bins (with \
         --release, if this was)",
        binary.display()
    );
    binary
}

/// A program of the Python environment that the tests use.
pub(crate) fn python_program(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = root.join(".venv/bin").join(name);
    assert!(
        program.exists(),
        "{} is not there; set up the Python environment of the tests first: make .venv/installed",
        program.display()
    );
    program
}
