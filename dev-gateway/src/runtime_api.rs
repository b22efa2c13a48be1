//! The function as on Lambda: its real `bootstrap` binary behind the Lambda Runtime API, one event at a time per process,
//! more processes on demand, each frozen between events. This file holds the processes; `process` is one of them,
//! `endpoint` is what it talks to.

mod endpoint;
mod process;

use crate::invoke::{Invoke, InvokeError};
use crate::system::{System, fresh_hex};
use async_trait::async_trait;
use process::Process;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest that a process may take to ask for its first event. Source: Lambda developer guide, "Lambda runtime environment".
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A Lambda function, as it would be configured.
#[derive(Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its executable.
    pub bootstrap: PathBuf,
    /// Its variables. The process gets these and Lambda's own, nothing else.
    pub environment: BTreeMap<String, String>,
    /// Longest run on one event; the process is killed after it.
    pub timeout: Duration,
    /// Most processes at once. More events wait for one.
    pub processes: usize,
    /// Whether this process's output has what it logs and counts.
    pub logs: bool,
}

impl Function {
    /// With a timeout of 30 s, past API Gateway's own, and at most 32 processes.
    pub fn new(bootstrap: impl Into<PathBuf>, environment: BTreeMap<String, String>) -> Self {
        let timeout = Duration::from_secs(30);
        Self {
            name: "dev-function".to_owned(),
            bootstrap: bootstrap.into(),
            environment,
            timeout,
            processes: 32,
            logs: true,
        }
    }
}

/// Runs a function in processes of its own.
pub struct RuntimeApi {
    function: Arc<Function>,
    system: Arc<dyn System>,
    /// A permit for each process that may run.
    slots: Arc<Semaphore>,
    idle: Idle,
    settling: TaskTracker,
    closing: CancellationToken,
}

/// Frozen processes, the last used on top; `None` once everything is over.
#[derive(Clone)]
struct Idle(Arc<Mutex<Option<Vec<Process>>>>);

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<Process>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process that was used last, if it still lives: the others get the chance to stay unused.
    fn pop(&self) -> Option<Process> {
        let mut idle = self.lock();
        let idle = idle.as_mut()?;
        while let Some(mut process) = idle.pop() {
            if process.is_alive() {
                return Some(process);
            }
        }
        None
    }

    fn push(&self, process: Process) {
        if let Some(idle) = self.lock().as_mut() {
            idle.push(process);
        }
    }
}

impl RuntimeApi {
    /// Starts nothing yet: the first event does, as on Lambda.
    pub fn new(function: Function, system: Arc<dyn System>) -> Self {
        let slots = Arc::new(Semaphore::new(function.processes));
        let idle = Idle(Arc::new(Mutex::new(Some(Vec::new()))));
        let (settling, closing) = (TaskTracker::new(), CancellationToken::new());
        Self { function: Arc::new(function), system, slots, idle, settling, closing }
    }

    /// Process ids that are idle, the last used at the end: for tests and for looking at.
    pub fn idle_processes(&self) -> Vec<u32> {
        self.idle.lock().iter().flatten().filter_map(Process::id).collect()
    }

    async fn slot(&self) -> Result<OwnedSemaphorePermit, InvokeError> {
        let slot = tokio::time::timeout(self.function.timeout, self.slots.clone().acquire_owned()).await;
        slot.map_err(|_| InvokeError::Throttled)?.map_err(|_| InvokeError::Throttled)
    }

    /// Lets a process come to rest and keeps it for the next event, while its answer is already on its way.
    fn settle(&self, mut process: Process, slot: OwnedSemaphorePermit) {
        let (idle, closing) = (self.idle.clone(), self.closing.clone());
        self.settling.spawn(async move {
            match closing.run_until_cancelled(process.settle()).await {
                Some(Ok(())) => idle.push(process),
                Some(Err(error)) => tracing::warn!(%error, "a process of the function did not ask for another event"),
                None => {}
            }
            drop(slot);
        });
    }
}

#[async_trait]
impl Invoke for RuntimeApi {
    async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
        let slot = self.slot().await?;
        let mut process = match self.idle.pop() {
            Some(process) => process,
            None => Process::start(self.function.clone(), self.system.clone()).await?,
        };
        let request_id = uuid(self.system.as_ref());
        let result = process.run(request_id, event).await;
        if process.is_alive() {
            self.settle(process, slot);
        }
        result
    }

    async fn shutdown(&self) {
        self.slots.close();
        self.closing.cancel();
        let idle = self.idle.lock().take().unwrap_or_default();
        futures_util::future::join_all(idle.into_iter().map(Process::end)).await;
        self.settling.close();
        self.settling.wait().await;
    }
}

/// A random UUID, which is the form of Lambda's request ids.
fn uuid(system: &dyn System) -> String {
    let hex = fresh_hex::<16>(system);
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
