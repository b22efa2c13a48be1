//! Configuration of a Lambda function.

use super::process_limit::ProcessLimit;
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
    /// Working directory of its processes, and their `LAMBDA_TASK_ROOT`. New processes begin once a file in it, or the
    /// executable, has changed.
    pub task_root: PathBuf,
    /// Memory of which the processes are told, in MB. It limits nothing by itself.
    pub memory_mb: u32,
    /// Time after which a process that has no event is ended.
    pub idle_life: Duration,
    /// Environment variables. A process gets these and Lambda's own, nothing else.
    pub environment: BTreeMap<String, String>,
    /// Longest invocation; the process is killed after it.
    pub timeout: Duration,
    /// Limit of concurrent processes on this machine. Further events wait; Lambda itself refuses them, at
    /// `Quotas::concurrent_executions`.
    pub processes: usize,
    /// Limits of each process.
    pub process_limit: Option<ProcessLimit>,
    /// True to pass the function's output on to this process's standard output.
    pub logs: bool,
}

impl Function {
    /// A timeout of 30 s, longer than API Gateway's, at most 32 processes, and the executable's directory as task root.
    pub fn new(bootstrap: impl Into<PathBuf>, environment: BTreeMap<String, String>) -> Self {
        let bootstrap: PathBuf = bootstrap.into();
        // The processes have another working directory. Fails only for an empty path.
        let bootstrap = std::path::absolute(&bootstrap).unwrap_or(bootstrap);
        Self {
            name: "dev-function".to_owned(),
            task_root: bootstrap.parent().unwrap_or(&bootstrap).to_owned(),
            bootstrap,
            memory_mb: 128,
            idle_life: Duration::from_secs(300),
            environment,
            timeout: Duration::from_secs(30),
            processes: 32,
            process_limit: None,
            logs: true,
        }
    }
}
