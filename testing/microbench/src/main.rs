//! `microbench table` prints the instructions and allocations of every part, and its ratios. `microbench count NAME...` is the
//! program that callgrind runs (`callgrind.rs`).

use microbench::{PARTS, callgrind, measured};
use std::error::Error;
use std::io::Write;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("count") => count(&args[1..]),
        Some("table") => table(),
        _ => Err("usage: microbench table | count NAME...".into()),
    }
}

fn table() -> Result<(), Box<dyn Error>> {
    let costs = callgrind::count_all(&std::env::current_exe()?)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<44}{:>14}{:>14}", "part", "instructions", "allocations")?;
    for part in PARTS {
        let cost = costs[part.name];
        writeln!(out, "{:<44}{:>14}{:>14}", part.name, cost.instructions, cost.allocations)?;
        for (other, max) in part.bounds {
            writeln!(out, "    {:.3} times {other}, at most {max}", cost.ratio(&costs[other]))?;
        }
    }
    Ok(())
}

fn count(names: &[String]) -> Result<(), Box<dyn Error>> {
    for name in names {
        let part = PARTS.iter().find(|part| part.name == name).ok_or_else(|| format!("no part {name}"))?;
        let mut work = (part.prepare)();
        for times in callgrind::calls() {
            measured(times, &mut work.run);
        }
    }
    Ok(())
}
