//! Paths of the binaries under test, which must be built before the tests run.

use std::path::PathBuf;

/// Path of a binary of this workspace, beside the test's own. A variable such as `E2E_BOOTSTRAP` overrides it.
pub fn binary(name: &str) -> PathBuf {
    if let Some(other) = std::env::var_os(format!("E2E_{}", name.to_uppercase().replace('-', "_"))) {
        return other.into();
    }
    let own = std::env::current_exe().expect("the path of this program is known");
    // target/debug/deps/whole_stack-0123 or target/debug/hostile → target/debug
    let folder = own.parent().expect("a program is in a folder");
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let binary = folder.join(name);
    assert!(
        binary.exists(),
        "{} is missing; build the binaries first: cargo build --bins (with --release, if this is a release build)",
        binary.display()
    );
    binary
}
