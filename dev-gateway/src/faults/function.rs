//! A layer around the function that kills invocations and delays cold starts. Dropping an invocation's future ends it;
//! behind the Lambda Runtime API that kills the process.

use super::Faults;
use super::plan::{DurationRange, FunctionPlan};
use super::rng::Decision;
use crate::invoke::{Invoke, InvokeError};
use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Default time of a kill after the start of the invocation.
const KILL_WITHIN: DurationRange = DurationRange::millis(0, 1000);

pub(crate) struct FaultyFunction {
    inner: Arc<dyn Invoke>,
    faults: Faults,
    processes: Mutex<Processes>,
}

/// Counts of the processes that Lambda would have: one for each concurrent invocation, reused by later ones.
#[derive(Debug, Default)]
struct Processes {
    warm: u64,
    busy: u64,
}

/// A busy process. Dropping it makes it warm, or removes it if it was killed.
struct Process<'a> {
    processes: &'a Mutex<Processes>,
    /// True if it was started for this invocation.
    cold: bool,
    killed: bool,
}

impl<'a> Process<'a> {
    fn acquire(processes: &'a Mutex<Processes>) -> Self {
        let mut counts = processes.lock();
        counts.busy += 1;
        let cold = counts.busy > counts.warm;
        counts.warm = counts.warm.max(counts.busy);
        Self { processes, cold, killed: false }
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        let mut counts = self.processes.lock();
        counts.busy -= 1;
        counts.warm -= u64::from(self.killed);
    }
}

impl FaultyFunction {
    pub(crate) fn new(inner: Arc<dyn Invoke>, faults: Faults) -> Self {
        Self { inner, faults, processes: Mutex::default() }
    }

    /// Draws the next invocation's cold start delay, and the time after which it is killed.
    fn decide(&self) -> (Duration, Option<Duration>) {
        let state = &self.faults.0;
        let number = state.invocations.fetch_add(1, Ordering::Relaxed);
        let mut draw = state.injector.draw(Decision::Invocation, 0, number);
        let FunctionPlan { kill, kill_within, cold } = state.injector.plan().function;
        let within = if kill_within == DurationRange::default() { KILL_WITHIN } else { kill_within };
        let (cold, killed, after) = (draw.within(cold), draw.hits(kill), draw.early_within(within));
        (cold, killed.then_some(after))
    }
}

#[async_trait]
impl Invoke for FaultyFunction {
    async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
        let injector = &self.faults.0.injector;
        let (cold, kill_after) = self.decide();
        let mut process = Process::acquire(&self.processes);
        if process.cold && !cold.is_zero() {
            injector.count("cold", true);
            tokio::time::sleep(cold).await;
        }
        let run = self.inner.invoke(event);
        let Some(after) = kill_after else { return run.await };
        tokio::select! {
            biased;
            answer = run => answer,
            () = tokio::time::sleep(after) => {
                injector.count("kill", true);
                process.killed = true;
                // Lambda's report of a killed process.
                Err(InvokeError::function("Runtime.ExitError", "the process ended: signal: 9 (SIGKILL)"))
            }
        }
    }

    async fn shutdown(&self) {
        self.inner.shutdown().await;
    }
}
