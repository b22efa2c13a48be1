//! Repository chores. `cargo xtask codegen` writes the generated files; `cargo xtask tidy` and `circles` check the layout. Tests
//! run the checks.

mod codegen;
mod graphemes;
mod root;
mod tidy;

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let chore = std::env::args().nth(1);
    let mut err = std::io::stderr().lock();
    let done = match chore.as_deref() {
        Some("codegen") => codegen::write().and_then(|types| Ok(format!("{types}\n{}", graphemes::write()?))),
        Some("tidy") => tidy::report(),
        Some("circles") => tidy::report_circles(),
        _ => Err(std::io::Error::other("usage: cargo xtask codegen | tidy | circles")),
    };
    let (line, code) = match done {
        Ok(line) => (line, ExitCode::SUCCESS),
        Err(error) => (error.to_string(), ExitCode::FAILURE),
    };
    let _ = writeln!(err, "{line}");
    code
}
