//! `microbench count NAME...` is what callgrind runs, three times each part (`callgrind.rs`). `microbench budget` has everything counted and
//! writes `budget.json`, `microbench table` prints it.

use microbench::{PARTS, Part, budget, callgrind, measured};
use std::error::Error;
use std::io::Write;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let names = || PARTS.iter().map(|(name, _)| *name);
    match args.first().map(String::as_str) {
        Some("count") => count(&args[1..]),
        Some("budget") => {
            let parts: Vec<&str> = names().filter(|name| !name.starts_with("floor")).collect();
            let counted = callgrind::count(&std::env::current_exe()?, &parts)?;
            let written = budget::write(&parts.into_iter().map(str::to_owned).zip(counted).collect())?;
            Ok(writeln!(std::io::stdout(), "written to {}", written.display())?)
        }
        Some("table") => {
            let parts: Vec<&str> = names().collect();
            let mut out = std::io::stdout().lock();
            writeln!(out, "{:<36}{:>14}{:>14}", "part", "instructions", "allocations")?;
            for (name, cost) in parts.iter().zip(callgrind::count(&std::env::current_exe()?, &parts)?) {
                writeln!(out, "{name:<36}{:>14}{:>14}", cost.instructions, cost.allocations)?;
            }
            Ok(())
        }
        _ => Err("usage: microbench budget | table | count NAME...".into()),
    }
}

fn count(names: &[String]) -> Result<(), Box<dyn Error>> {
    for name in names {
        let (_, prepare): &Part = PARTS.iter().find(|(known, _)| known == name).ok_or(format!("no part {name}"))?;
        let mut work = prepare();
        for times in callgrind::calls() {
            measured(times, &mut work.run);
        }
    }
    Ok(())
}
