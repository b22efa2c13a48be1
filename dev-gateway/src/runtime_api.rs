//! Runs a function as Lambda does: its real `bootstrap` binary behind the Lambda Runtime API, one event at a time per
//! process, more processes on demand, each frozen between events. This file is the process pool; `process` is one
//! process, `endpoint` its Runtime API, `process_limit` its processor and memory, `code` the version of its files.

mod code;
mod endpoint;
mod function;
mod process;
mod process_limit;

pub use function::Function;
pub use process_limit::{CpuShare, Limits, ProcessLimit, ProcessLimitError};

use crate::invoke::{Invoke, InvokeError};
use crate::system::{System, fresh_hex};
use async_trait::async_trait;
use code::Code;
use parking_lot::Mutex;
use process::Process;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs a function in its own processes.
pub struct RuntimeApi {
    function: Arc<Function>,
    system: Arc<dyn System>,
    code: Code,
    /// A permit for each process that may run.
    permits: Arc<Semaphore>,
    /// Frozen processes, the last used on top; `None` after the shutdown.
    idle: Arc<Mutex<Option<Vec<Process>>>>,
    /// True while a task ends processes that are idle for long.
    reaping: Arc<AtomicBool>,
    /// Processes that have answered but not asked for the next event.
    settling: TaskTracker,
    closing: CancellationToken,
}

impl RuntimeApi {
    /// Starts no process until the first event, as on Lambda.
    pub fn new(function: Function, system: Arc<dyn System>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(function.processes)),
            code: Code::of(&function),
            function: Arc::new(function),
            system,
            idle: Arc::new(Mutex::new(Some(Vec::new()))),
            reaping: Arc::default(),
            settling: TaskTracker::new(),
            closing: CancellationToken::new(),
        }
    }

    /// Ids of the idle processes, the last used at the end. For tests.
    pub fn idle_processes(&self) -> Vec<u32> {
        self.idle.lock().iter().flatten().filter_map(Process::id).collect()
    }

    /// Takes the process that was used last, if it still lives and runs this code, so that the others stay unused.
    fn take_idle(&self, code: u64) -> Option<Process> {
        let mut idle = self.idle.lock();
        let idle = idle.as_mut()?;
        while let Some(mut process) = idle.pop() {
            if process.code == code && process.is_alive() {
                return Some(process);
            }
        }
        None
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, InvokeError> {
        let permit = tokio::time::timeout(self.function.timeout, self.permits.clone().acquire_owned()).await;
        permit.map_err(|_| InvokeError::Throttled)?.map_err(|_| InvokeError::Throttled)
    }

    /// Freezes the process for the next event, without delaying its answer.
    fn settle(&self, mut process: Process, permit: OwnedSemaphorePermit) {
        let (idle, closing, reaping) = (self.idle.clone(), self.closing.clone(), self.reaping.clone());
        let life = self.function.idle_life;
        self.settling.spawn(async move {
            match closing.run_until_cancelled(process.settle()).await {
                Some(Ok(())) => {
                    if let Some(idle) = idle.lock().as_mut() {
                        idle.push(process);
                    }
                }
                Some(Err(error)) => tracing::warn!(%error, "a process of the function did not ask for another event"),
                None => {}
            }
            drop(permit);
            if !reaping.swap(true, Ordering::Relaxed) {
                closing.run_until_cancelled(reap(&idle, life, &reaping)).await;
            }
        });
    }
}

#[async_trait]
impl Invoke for RuntimeApi {
    async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
        let permit = self.permit().await?;
        let code = self.code.version();
        let mut process = match self.take_idle(code) {
            Some(process) => process,
            None => Process::start(self.function.clone(), self.system.clone(), code).await?,
        };
        let result = process.run(uuid(self.system.as_ref()), event).await;
        if process.is_alive() {
            self.settle(process, permit);
        }
        result
    }

    async fn shutdown(&self) {
        self.permits.close();
        self.closing.cancel();
        let idle = self.idle.lock().take().unwrap_or_default();
        futures_util::future::join_all(idle.into_iter().map(Process::end)).await;
        self.settling.close();
        self.settling.wait().await;
    }
}

/// Ends each process that has no event for `life`, as long as there are idle ones; then resets `reaping`.
async fn reap(idle: &Mutex<Option<Vec<Process>>>, life: Duration, reaping: &AtomicBool) {
    loop {
        tokio::time::sleep(life / 2).await;
        let mut old = Vec::new();
        let none_left = {
            let mut idle = idle.lock();
            let Some(idle) = idle.as_mut() else { return };
            old.extend(idle.extract_if(.., |process| process.idle_since.elapsed() >= life));
            if idle.is_empty() {
                // Under the lock: a process that becomes idle after this has a task of its own.
                reaping.store(false, Ordering::Relaxed);
            }
            idle.is_empty()
        };
        futures_util::future::join_all(old.into_iter().map(Process::end)).await;
        if none_left {
            return;
        }
    }
}

/// A random UUID, the form of Lambda's request ids.
fn uuid(system: &dyn System) -> String {
    let hex = fresh_hex::<16>(system);
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
