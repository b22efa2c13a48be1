//! What the kernel says of a process of the service: its memory, its time on the processors, and what it holds.

use std::fs;
use std::time::Duration;

/// Clock ticks in a second, as `/proc` counts them: 100 on every Linux that Rust runs on.
const TICKS: u64 = 100;

/// Bytes of memory that a process holds.
pub(crate) fn resident(process: u32) -> u64 {
    memory(process, "VmRSS:")
}

/// The most that it held, since it began or since somebody cleared that (proc_pid_clear_refs(5)).
pub(crate) fn most_resident(process: u32) -> u64 {
    memory(process, "VmHWM:")
}

fn memory(process: u32, kind: &str) -> u64 {
    status(process, kind).trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Its threads.
pub(crate) fn threads(process: u32) -> u64 {
    status(process, "Threads:").parse().expect("a number")
}

fn status(process: u32, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the kernel says so");
    line.trim().to_owned()
}

/// Its open descriptors.
pub(crate) fn descriptors(process: u32) -> u64 {
    fs::read_dir(format!("/proc/{process}/fd")).expect("it runs, and is ours").count() as u64
}

/// Time that it has spent on the processors since it began, without its children. Counted by the kernel to 10 ms.
pub(crate) fn processor_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    // The name before them may hold anything.
    let (_, fields) = stat.rsplit_once(") ").expect("the kernel says so");
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number");
    // `utime` and `stime`, the 14th and 15th of proc_pid_stat(5).
    Duration::from_millis((ticks(11) + ticks(12)) * 1000 / TICKS)
}

/// Its children, and how many of them are zombies.
pub(crate) fn children(process: u32) -> (u64, u64) {
    let children = e2e::children_of(process);
    let zombies = children.iter().filter(|(_, state)| *state == 'Z').count();
    (children.len() as u64, zombies as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use tokio::time::Instant;

    /// Looks until it is so, with a deadline.
    fn until(what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn children_and_zombies_are_told_apart() {
        // Nobody waits for its child.
        let script = "true & exec sleep 60";
        let mut parent = Command::new("sh").args(["-c", script]).spawn().expect("a shell");
        until("a zombie", || children(parent.id()) == (1, 1));
        parent.kill().expect("it runs");
        parent.wait().expect("a child");
        assert_eq!(children(parent.id()), (0, 0));
    }

    #[test]
    fn what_this_process_holds_and_spends_is_read() {
        let me = std::process::id();
        assert!(resident(me) > 100_000 && threads(me) >= 1 && descriptors(me) >= 3);
        let before = processor_time(me);
        until("work to take time", || processor_time(me) > before);
    }
}
