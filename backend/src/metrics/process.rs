//! Metrics of the process, from the kernel and the runtime, read when they are exposed. Their names are the conventional ones.

use super::families::Description;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fs;
use tokio::runtime::Handle;

const OPEN_FDS: (&str, &str) = ("process_open_fds", "Open file descriptors of the service");
const THREADS: (&str, &str) = ("process_threads", "Threads of the service");
const TASKS: (&str, &str) = ("termgate_tasks", "Live tasks of the service: some per session, connection and request");
const MEMORY: (&str, &str) = ("process_resident_memory", "Resident memory of the service without its shells, in bytes");
const STARTED: (&str, &str) = ("process_start_time", "Start of the service, in seconds since 1970");

#[derive(Debug)]
pub(super) struct Process {
    /// In ms since 1970.
    pub started_at: u64,
}

impl Process {
    pub(super) fn descriptions() -> impl Iterator<Item = Description> {
        [(OPEN_FDS, ""), (THREADS, ""), (TASKS, ""), (MEMORY, "_bytes"), (STARTED, "_seconds")]
            .into_iter()
            .map(|((name, help), unit)| Description { name: format!("{name}{unit}"), help: help.to_owned() })
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut expose = |(name, help): (&str, &str), unit: Option<&Unit>, value: Option<i64>| {
            // `None` on other systems than Linux, or without a runtime.
            let Some(gauge) = value.map(ConstGauge::<i64>::new) else { return Ok(()) };
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        expose(OPEN_FDS, None, fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as i64))?;
        expose(THREADS, None, field(&status, "Threads:"))?;
        let tasks = Handle::try_current().ok().map(|runtime| runtime.metrics().num_alive_tasks() as i64);
        expose(TASKS, None, tasks)?;
        expose(MEMORY, Some(&Unit::Bytes), field(&status, "VmRSS:").map(|kib| kib * 1024))?;
        expose(STARTED, Some(&Unit::Seconds), Some((self.started_at / 1000) as i64))
    }
}

/// A number in `/proc/self/status`; memory is in KiB there.
fn field(status: &str, name: &str) -> Option<i64> {
    status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_status_are_parsed() {
        let status = "Name:\ttermgate\nVmRSS:\t    5120 kB\nThreads:\t3\n";
        let fields = ["VmRSS:", "Threads:", "Nothing:"].map(|name| field(status, name));
        assert_eq!(fields, [Some(5120), Some(3), None]);
    }
}
