//! Whether other programs use this machine: numbers from a busy one compare with nothing.

use crate::counts::Counts;
use std::collections::HashMap;
use std::fs;
use std::time::Duration;
use tokio::time::sleep;

/// Time for which other programs are watched.
const WATCH: Duration = Duration::from_secs(1);

/// Share of one processor above which a machine is busy.
const BUSY: f64 = 0.05;

/// Sentence about the programs that use the machine, if they use more than a twentieth of a processor. Call it before anything
/// is started.
pub(crate) async fn warning() -> Option<String> {
    let (before, started) = (all(), Counts::default());
    sleep(WATCH).await;
    let used = all().into_iter().map(|(process, now)| {
        let used = now.since(before.get(&process).unwrap_or(&started));
        (used.time.as_secs_f64() / WATCH.as_secs_f64(), process)
    });
    let mut used: Vec<(f64, u32)> = used.filter(|(_, process)| *process != std::process::id()).collect();
    used.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    sentence(used.into_iter().map(|(share, process)| (share, name(process))).collect::<Vec<_>>().as_slice())
}

fn sentence(used: &[(f64, String)]) -> Option<String> {
    let total: f64 = used.iter().map(|(share, _)| share).sum();
    let (_, busiest) = used.first().filter(|_| total > BUSY)?;
    let percent = (total * 100.0).round();
    Some(format!(
        "This machine is not quiet: other programs use {percent} % of a processor, most of it {busiest}. Times are wrong."
    ))
}

/// The counts of every process.
fn all() -> HashMap<u32, Counts> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes.map(|process| (process, Counts::of(&[process]))).collect()
}

fn name(process: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    format!("{} ({process})", name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_is_named_with_its_busiest_program() {
        let used = |shares: &[f64]| shares.iter().map(|share| (*share, "rustc (7)".to_owned())).collect::<Vec<_>>();
        assert_eq!((sentence(&used(&[])), sentence(&used(&[0.02, 0.01]))), (None, None));
        let warning = sentence(&used(&[0.93, 0.02])).unwrap();
        assert!(warning.contains("use 95 % of a processor, most of it rustc (7)"), "{warning}");
    }

    #[tokio::test]
    async fn this_process_is_among_the_programs() {
        assert!(all().contains_key(&std::process::id()));
    }
}
