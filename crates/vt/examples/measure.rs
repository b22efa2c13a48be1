//! Prints what the emulator costs on this machine: how fast it reads, how much memory it holds, how large snapshots are.
//!
//!     cargo run --release -p screen --example measure
#![expect(clippy::print_stdout, reason = "it prints")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use cap::Cap;
use flate2::Compression;
use flate2::read::{DeflateEncoder, GzDecoder};
use std::alloc::System;
use std::io::{Read, Result};
use std::path::Path;
use std::time::{Duration, Instant};
use vt::{Scope, Screen};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const MIB: f64 = 1024.0 * 1024.0;

/// Bytes that a session reads at once.
const CHUNK: usize = 16 * 1024;

/// How long each reading is measured.
const TIME: Duration = Duration::from_millis(1500);

fn main() -> Result<()> {
    println!("reading, MiB/s");
    let lines = |line: &str| format!("{line}\r\n").repeat(40_000).into_bytes();
    report_speed("plain lines of 64 bytes", &lines(&"x".repeat(62)));
    report_speed(
        "coloured lines of 64 bytes",
        &lines("\x1b[1;32m   Compiling\x1b[0m some-crate v1.2.3 (/src/some-crate)"),
    );
    report_speed("Chinese", &lines(&"漢字".repeat(30)));
    for name in ["build", "git-graph", "vim", "tmux", "top", "art"] {
        report_speed(&format!("recording: {name}"), &recording(name)?);
    }
    println!("\nmemory at 120 × 40, KiB");
    report_memory("new", b"", 0);
    report_memory("1,000 short lines", b"$ echo hello, world\r\n", 1040);
    report_memory("1,000 full lines", format!("{}\r\n", "x".repeat(119)).as_bytes(), 1040);
    println!("\nsnapshots, bytes (deflated)");
    for (name, cols, rows) in
        [("vim", 120, 40), ("top", 110, 32), ("tmux", 120, 35), ("build", 120, 40), ("art", 100, 30)]
    {
        let bytes = recording(name)?;
        let mut screen = Screen::new(cols, rows, 1000);
        let mut sizes = [Vec::new(), Vec::new()];
        for chunk in bytes.chunks(bytes.len() / 40 + 1) {
            screen.feed(chunk, &mut Vec::new());
            sizes[0].push(size(&screen.snapshot(Scope::Screen))?);
            sizes[1].push(size(&screen.snapshot(Scope::Full { scrollback: 1000 }))?);
        }
        for (scope, sizes) in ["screen", "full"].iter().zip(&mut sizes) {
            sizes.sort_unstable();
            let ((middle, middle_deflated), (most, most_deflated)) = (sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
            println!(
                "{:<32}{middle:>8} ({middle_deflated}), at most {most} ({most_deflated})",
                format!("{name}, {scope}")
            );
        }
    }
    Ok(())
}

fn report_speed(name: &str, bytes: &[u8]) {
    let mut screen = Screen::new(120, 40, 1000);
    let mut replies = Vec::new();
    let (start, mut read) = (Instant::now(), 0);
    while start.elapsed() < TIME {
        for chunk in bytes.chunks(CHUNK) {
            screen.feed(chunk, &mut replies);
        }
        replies.clear();
        read += bytes.len();
    }
    println!("{name:<32}{:>8.0}", read as f64 / MIB / start.elapsed().as_secs_f64());
}

fn report_memory(name: &str, line: &[u8], times: usize) {
    let before = MEMORY.allocated();
    let mut screen = Screen::new(120, 40, 1000);
    (0..times).for_each(|_| screen.feed(line, &mut Vec::new()));
    println!("{name:<32}{:>8}", (MEMORY.allocated() - before) / 1024);
}

/// The length of something, as it is and deflated.
fn size(bytes: &[u8]) -> Result<(usize, usize)> {
    let mut deflated = Vec::new();
    DeflateEncoder::new(bytes, Compression::new(6)).read_to_end(&mut deflated)?;
    Ok((bytes.len(), deflated.len()))
}

fn recording(name: &str) -> Result<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings").join(format!("{name}.bin.gz"));
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path)?).read_to_end(&mut bytes)?;
    Ok(bytes)
}
