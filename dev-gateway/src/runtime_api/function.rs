//! Configuration of a Lambda function.

use super::cpu_limit::CpuLimit;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A Lambda function's configuration.
#[derive(Clone)]
pub struct Function {
    /// Function name.
    pub name: String,
    /// Executable.
    pub bootstrap: PathBuf,
    /// Environment variables. A process gets these and Lambda's own, nothing else.
    pub environment: BTreeMap<String, String>,
    /// Longest invocation; the process is killed after it.
    pub timeout: Duration,
    /// Limit of concurrent processes on this machine. Further events wait; Lambda itself refuses them, at
    /// `Quotas::concurrent_executions`.
    pub processes: usize,
    /// Share of the processor for each process.
    pub cpu_limit: Option<CpuLimit>,
    /// True to pass the function's output on to this process's standard output.
    pub logs: bool,
}

impl Function {
    /// A timeout of 30 s, longer than API Gateway's, and at most 32 processes.
    pub fn new(bootstrap: impl Into<PathBuf>, environment: BTreeMap<String, String>) -> Self {
        Self {
            name: "dev-function".to_owned(),
            bootstrap: bootstrap.into(),
            environment,
            timeout: Duration::from_secs(30),
            processes: 32,
            cpu_limit: None,
            logs: true,
        }
    }
}
