//! Counts instructions and allocations with callgrind, valgrind's simulator: the numbers do not depend on the machine's load.
//!
//! One run calls [`crate::measured`] three times for each part, and callgrind writes its counters each time that this returns.
//! The first call warms up and includes the preparation; the second repeats the part `TIMES` times, the third twice as often. The
//! difference is the cost of the part.

use crate::parts::PARTS;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::Command;

/// Repetitions in the second call.
const TIMES: u64 = 1;

/// The cost of one repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Instructions.
    pub instructions: u64,
    /// Calls of malloc, calloc and realloc.
    pub allocations: u64,
}

impl Cost {
    /// The instructions as a multiple of another part's.
    pub fn ratio(&self, other: &Self) -> f64 {
        self.instructions as f64 / other.instructions as f64
    }
}

/// A failed count.
#[derive(Debug, thiserror::Error)]
pub enum CallgrindError {
    /// valgrind is missing.
    #[error("valgrind is not installed: `make system-test` does it, or `apt-get install valgrind`")]
    NoValgrind,
    /// valgrind or its output cannot be reached.
    #[error("valgrind: {0}")]
    Io(#[from] io::Error),
    /// valgrind exited with an error.
    #[error("valgrind failed: {0}")]
    Exit(String),
    /// Unexpected output.
    #[error("unexpected output of callgrind: {0}")]
    Output(String),
}

/// Repetitions in each of the three calls, as [`count_all`] expects them.
pub fn calls() -> [u64; 3] {
    [1, TIMES, 2 * TIMES]
}

/// Runs `program`, which counts the parts that it is told. Returns the cost of every part, by its name.
pub fn count_all(program: &Path) -> Result<HashMap<&'static str, Cost>, CallgrindError> {
    let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
    let costs = count(program, &names)?;
    Ok(names.into_iter().zip(costs).collect())
}

fn count(program: &Path, parts: &[&str]) -> Result<Vec<Cost>, CallgrindError> {
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
        // `rep movsb` counts once for each byte, and glibc's threshold for it differs between versions: switch it off.
        .env(
            "GLIBC_TUNABLES",
            "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824",
        )
        .output()
        .map_err(
            |error| if error.kind() == io::ErrorKind::NotFound { CallgrindError::NoValgrind } else { error.into() },
        )?;
    if !run.status.success() {
        return Err(CallgrindError::Exit(String::from_utf8_lossy(&run.stderr).into_owned()));
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

/// Reads one output file. Source: valgrind's manual, "Callgrind Format Specification".
fn read(text: &str) -> Result<Cost, CallgrindError> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| CallgrindError::Output(text.to_owned()));
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
    let instructions = instructions.ok_or_else(|| CallgrindError::Output("no summary".to_owned()))?;
    Ok(Cost { instructions, allocations })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_and_allocations_are_found() {
        let text = "version: 1\nsummary: 1234\n\nfn=a\n16 5\ncfn=malloc\ncalls=3 1 \n16 7\ncfn=b\ncalls=9 1\n16 8\ncfn=realloc\ncalls=2 1\n";
        assert_eq!(read(text).unwrap(), Cost { instructions: 1234, allocations: 5 });
        assert!(matches!(read("fn=a\n"), Err(CallgrindError::Output(_))));
    }
}
