//! Counts instructions and allocations with callgrind, valgrind's simulator: the same numbers whatever else the machine does.
//!
//! The counted program is run once. It calls [`crate::measured`] three times for each part, and callgrind writes what was counted each
//! time that this returns. The first call warms up, and takes the blame for what was prepared; the second does the part [`TIMES`] times, the
//! third twice as often, and the difference is what the part itself takes.

use std::io;
use std::path::Path;
use std::process::Command;

/// How often a part is done in the second call.
const TIMES: u64 = 1;

/// What doing a part once takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// Instructions.
    pub instructions: u64,
    /// Calls of malloc, calloc and realloc.
    pub allocations: u64,
}

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// There is no valgrind.
    #[error("valgrind is not installed: `make system-test` does it, or `apt-get install valgrind`")]
    NoValgrind,
    /// It did not run.
    #[error("valgrind: {0}")]
    Io(#[from] io::Error),
    /// It ran, and complained.
    #[error("valgrind failed: {0}")]
    Complained(String),
    /// It wrote something else than was expected.
    #[error("callgrind's output is not understood: {0}")]
    Output(String),
}

/// What is done in each of the three calls, for [`count`] to find.
pub fn calls() -> [u64; 3] {
    [1, TIMES, 2 * TIMES]
}

/// Runs this program with these arguments, the names of parts, and says what each of them takes.
pub fn count(program: &Path, parts: &[&str]) -> Result<Vec<Cost>, Failed> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("counted");
    let run = Command::new("valgrind")
        .args([
            "-q",
            "--tool=callgrind",
            "--compress-strings=no",
            "--compress-pos=no",
            "--dump-after=microbench::measured",
        ])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .arg("count")
        .args(parts)
        // A processor copies long runs of bytes by one instruction, which is counted once for each byte. How long differs between
        // versions of glibc: here, none is long enough.
        .env(
            "GLIBC_TUNABLES",
            "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824",
        )
        .output()
        .map_err(|error| if error.kind() == io::ErrorKind::NotFound { Failed::NoValgrind } else { error.into() })?;
    if !run.status.success() {
        return Err(Failed::Complained(String::from_utf8_lossy(&run.stderr).into_owned()));
    }
    let read = |call: usize| {
        let path = folder.path().join(format!("counted.{call}"));
        read(&std::fs::read_to_string(path)?)
    };
    (0..parts.len())
        .map(|part| {
            let (once, twice) = (read(3 * part + 2)?, read(3 * part + 3)?);
            Ok(Cost {
                instructions: (twice.instructions - once.instructions) / TIMES,
                allocations: (twice.allocations - once.allocations) / TIMES,
            })
        })
        .collect()
}

/// What one file of callgrind's says. Source: valgrind's manual, "Callgrind Format Specification".
fn read(text: &str) -> Result<Cost, Failed> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| Failed::Output(text.to_owned()));
    let (mut instructions, mut allocations, mut allocates) = (None, 0, false);
    for line in text.lines() {
        if let Some(summary) = line.strip_prefix("summary:") {
            instructions = Some(number(summary)?);
        } else if let Some(called) = line.strip_prefix("cfn=") {
            allocates = ["malloc", "calloc", "realloc"].contains(&called);
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let count = number(calls.split(' ').next().unwrap_or_default())?;
            allocations += if allocates { count } else { 0 };
        }
    }
    let instructions = instructions.ok_or_else(|| Failed::Output("no summary".to_owned()))?;
    Ok(Cost { instructions, allocations })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_and_allocations_are_found() {
        let text = "version: 1\nsummary: 1234\n\nfn=a\n16 5\ncfn=malloc\ncalls=3 1 \n16 7\ncfn=b\ncalls=9 1\n16 8\ncfn=realloc\ncalls=2 1\n";
        assert_eq!(read(text).unwrap(), Cost { instructions: 1234, allocations: 5 });
        assert!(matches!(read("fn=a\n"), Err(Failed::Output(_))));
    }
}
