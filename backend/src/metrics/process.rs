//! Metrics of the process, from the kernel and the runtime, read when they are exposed. Their names are the conventional ones.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fs;
use tokio::runtime::Handle;

#[derive(Debug)]
pub(super) struct Process {
    /// In ms since 1970.
    pub started_at: u64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let descriptors = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as i64);
        let tasks = Handle::try_current().ok().map(|runtime| runtime.metrics().num_alive_tasks() as i64);
        let memory = field(&status, "VmRSS:").map(|kib| kib * 1024);
        let started = Some((self.started_at / 1000) as i64);
        for (name, help, unit, value) in [
            ("process_open_fds", "Open file descriptors of the service", None, descriptors),
            ("process_threads", "Threads of the service", None, field(&status, "Threads:")),
            ("termgate_tasks", "Live tasks of the service: some per session, connection and request", None, tasks),
            (
                "process_resident_memory",
                "Resident memory of the service without its shells, in bytes",
                Some(Unit::Bytes),
                memory,
            ),
            ("process_start_time", "Start of the service, in seconds since 1970", Some(Unit::Seconds), started),
        ] {
            // `None` on other systems than Linux, or without a runtime.
            if let Some(gauge) = value.map(ConstGauge::<i64>::new) {
                gauge.encode(encoder.encode_descriptor(name, help, unit.as_ref(), gauge.metric_type())?)?;
            }
        }
        Ok(())
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
