//! The function, with faults: killed in mid-flight, or slow to start. Both ways to run it end an invocation when its future is
//! dropped, the Lambda Runtime API by killing the process.

use super::plan::{DurationRange, FunctionPlan};
use super::rng::About;
use super::{Faults, lock};
use crate::invoke::{Invoke, InvokeError};
use async_trait::async_trait;
use serde_json::Value;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// When an invocation is killed if nobody says otherwise.
const KILL_WITHIN: DurationRange = DurationRange::millis(0, 1000);

/// A function whose invocations do not all live to their end.
pub(crate) struct FaultyFunction {
    inner: Arc<dyn Invoke>,
    faults: Faults,
    processes: Mutex<Processes>,
}

/// The processes that Lambda would have: one for each invocation at a time, kept for the next.
#[derive(Debug, Default)]
struct Processes {
    warm: u64,
    busy: u64,
}

/// A process that works on an invocation. Free when dropped; gone when it was killed.
struct Process<'a> {
    processes: &'a Mutex<Processes>,
    /// It had to be started first.
    cold: bool,
    killed: bool,
}

impl<'a> Process<'a> {
    fn take(processes: &'a Mutex<Processes>) -> Self {
        let mut counts = lock(processes);
        counts.busy += 1;
        let cold = counts.busy > counts.warm;
        counts.warm = counts.warm.max(counts.busy);
        Self { processes, cold, killed: false }
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        let mut counts = lock(self.processes);
        counts.busy -= 1;
        counts.warm -= u64::from(self.killed);
    }
}

impl FaultyFunction {
    pub(crate) fn new(inner: Arc<dyn Invoke>, faults: Faults) -> Self {
        Self { inner, faults, processes: Mutex::default() }
    }

    /// How long the next invocation waits for a cold start, and after what time it is killed.
    fn fate(&self) -> (Duration, Option<Duration>) {
        let shared = &self.faults.0;
        let number = shared.invocations.fetch_add(1, Ordering::Relaxed);
        let mut draw = shared.rng.draw(About::Invocation, 0, number);
        let FunctionPlan { kill, kill_within, cold } = shared.plan().function;
        let within = if kill_within == DurationRange::default() { KILL_WITHIN } else { kill_within };
        let (cold, killed, after) = (draw.within(cold), draw.hits(kill), draw.early_within(within));
        (cold, killed.then_some(after))
    }
}

#[async_trait]
impl Invoke for FaultyFunction {
    async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
        let (cold, kill_after) = self.fate();
        let mut process = Process::take(&self.processes);
        if process.cold && !cold.is_zero() {
            self.faults.0.count("cold", true);
            tokio::time::sleep(cold).await;
        }
        let run = self.inner.invoke(event);
        let Some(after) = kill_after else { return run.await };
        tokio::select! {
            biased;
            answer = run => answer,
            () = tokio::time::sleep(after) => {
                self.faults.0.count("kill", true);
                process.killed = true;
                Err(killed())
            }
        }
    }

    async fn shutdown(&self) {
        self.inner.shutdown().await;
    }
}

/// What Lambda reports of a process that was killed.
fn killed() -> InvokeError {
    let message = "the process ended: signal: 9 (SIGKILL)";
    InvokeError::Function { kind: "Runtime.ExitError".to_owned(), message: message.to_owned() }
}
