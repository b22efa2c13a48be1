//! System calls of running processes, as `strace` counts them.

use rustix::process::{Pid, Signal, kill_process};
use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

/// Longest time to attach to a process, or to let go of it.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// Reason why system calls cannot be counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    #[error("strace is not installed: sudo apt-get install strace")]
    Missing,
    #[error("strace cannot be started: {0}")]
    Start(std::io::Error),
    #[error("strace cannot attach: {0}")]
    Refused(String),
}

/// Counts the calls of all threads of some processes until it is detached.
pub(crate) struct Tracer {
    strace: Child,
    /// Keeps its messages from filling the pipe.
    _messages: BufReader<ChildStderr>,
    summary: NamedTempFile,
}

impl Tracer {
    /// Returns once every process is traced.
    pub(crate) async fn attach(processes: &[u32]) -> Result<Self, TraceError> {
        let summary = NamedTempFile::new().map_err(TraceError::Start)?;
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-U", "calls,name", "-o"]).arg(summary.path());
        for process in processes {
            command.args(["-p", &process.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut strace = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => TraceError::Missing,
            _ => TraceError::Start(error),
        })?;
        let messages = strace.stderr.take().ok_or_else(|| TraceError::Refused("it has no output".to_owned()))?;
        let mut messages = BufReader::new(messages);
        for _ in processes {
            let mut line = String::new();
            // "strace: Process 26487 attached with 4 threads"
            match timeout(STEP_TIMEOUT, messages.read_line(&mut line)).await {
                Ok(Ok(_)) if line.contains(" attached") => {}
                _ => return Err(TraceError::Refused(line.trim().to_owned())),
            }
        }
        Ok(Self { strace, _messages: messages, summary })
    }

    /// Lets go of the processes. Returns the number of calls since it was attached.
    pub(crate) async fn detach(mut self) -> u64 {
        let id = self.strace.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let ended = id.map(|id| kill_process(id, Signal::INT));
        assert!(matches!(ended, Some(Ok(()))), "strace ended by itself");
        let ended = timeout(STEP_TIMEOUT, self.strace.wait()).await;
        ended.expect("strace ends in time").expect("a child can be waited for");
        total(&std::fs::read_to_string(self.summary.path()).expect("a file of this program"))
    }
}

/// Sum of a summary's lines, such as `  1723 read`.
fn total(summary: &str) -> u64 {
    let calls = summary.lines().filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [count, name] if name != "total" => count.parse::<u64>().ok(),
        _ => None,
    });
    calls.sum()
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn sums_the_calls_of_a_summary() {
        let summary = "    calls syscall\n--------- ----------------\n       40 futex\n     3905 epoll_wait\n\
                       --------- ----------------\n     3945 total\n";
        assert_eq!((total(summary), total("")), (3945, 0));
    }
}
