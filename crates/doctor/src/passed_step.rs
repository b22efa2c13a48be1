//! The result of a step that passed, and the callback that receives it.

use std::time::Duration;

pub(crate) type Report<'a> = dyn FnMut(PassedStep) + Send + 'a;

/// A step that passed.
#[derive(Debug, Clone, PartialEq, Eq, derive_more::Display)]
#[display("{name:<11}{:>8.1} ms  {detail}", duration.as_secs_f64() * 1000.0)]
pub struct PassedStep {
    /// Name of the step.
    pub name: &'static str,
    /// Time that the step took.
    pub duration: Duration,
    /// Result in words.
    pub detail: String,
}

impl PassedStep {
    pub(crate) fn new(name: &'static str, duration: Duration, detail: impl Into<String>) -> Self {
        Self { name, duration, detail: detail.into() }
    }
}
