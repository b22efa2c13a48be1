//! The doctor as a program of its own, for an admin's machine: `termgate-doctor ADDRESS < TOKEN`. It is small and needs no image.

use std::process::ExitCode;

fn main() -> ExitCode {
    doctor::main(std::env::args_os().skip(1))
}
