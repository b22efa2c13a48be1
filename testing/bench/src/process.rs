//! Resource usage of a process, from `/proc`.

use std::fs;
use std::time::Duration;

/// Clock ticks per second in `/proc`: 100 on every Linux that Rust supports.
const TICKS_PER_SECOND: u64 = 100;

/// Resident memory in bytes.
pub(crate) fn resident(process: u32) -> u64 {
    memory(process, "VmRSS:")
}

/// Peak resident memory in bytes, since the start or the last reset (proc_pid_clear_refs(5)).
pub(crate) fn peak_resident(process: u32) -> u64 {
    memory(process, "VmHWM:")
}

fn memory(process: u32, kind: &str) -> u64 {
    status(process, kind).trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

pub(crate) fn threads(process: u32) -> u64 {
    status(process, "Threads:").parse().expect("a number")
}

fn status(process: u32, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the field exists");
    line.trim().to_owned()
}

pub(crate) fn descriptors(process: u32) -> u64 {
    fs::read_dir(format!("/proc/{process}/fd")).expect("it runs, and is ours").count() as u64
}

/// Processor time since the start, without children, in units of 10 ms.
pub(crate) fn processor_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    // The name in parentheses may contain any character.
    let (_, fields) = stat.rsplit_once(") ").expect("the field exists");
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number");
    // `utime` and `stime`, the 14th and 15th of proc_pid_stat(5).
    Duration::from_millis((ticks(11) + ticks(12)) * 1000 / TICKS_PER_SECOND)
}

/// Number of children, and of zombies among them.
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

    fn until(what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn counts_children_and_zombies() {
        // The exec'd program never waits for its child.
        let script = "true & exec sleep 60";
        let mut parent = Command::new("sh").args(["-c", script]).spawn().expect("a shell");
        until("a zombie", || children(parent.id()) == (1, 1));
        parent.kill().expect("it runs");
        parent.wait().expect("a child");
        assert_eq!(children(parent.id()), (0, 0));
    }

    #[test]
    fn reads_usage_of_this_process() {
        let me = std::process::id();
        assert!(resident(me) > 100_000 && threads(me) >= 1 && descriptors(me) >= 3);
        let before = processor_time(me);
        until("work to take time", || processor_time(me) > before);
    }
}
