//! Repository chores. `cargo xtask codegen` writes what is generated; a test compares it.
fn main() {}
