//! The interface to the function. A trait, because there are two implementations (in this process, and processes behind
//! the Lambda Runtime API), tests script a third, and the fault and usage layers wrap any of them.

mod in_process;

pub use in_process::{ClientsBrowser, InProcess};

use async_trait::async_trait;
use serde_json::Value;

/// A Lambda function as API Gateway invokes it.
#[async_trait]
pub trait Invoke: Send + Sync + 'static {
    /// Runs the function on one event and returns its answer. Called concurrently, in any order.
    async fn invoke(&self, event: Value) -> Result<Value, InvokeError>;

    /// Ends the function's processes. No invocation follows.
    async fn shutdown(&self) {}
}

/// Failure of an invocation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function reported an error, or its process ended.
    #[error("{kind}: {message}")]
    Function {
        /// Lambda's `errorType`.
        kind: String,
        /// Lambda's `errorMessage`. Exactly `Unauthorized` from an authorizer means 401.
        message: String,
    },
    /// The function ran longer than its own timeout.
    #[error("the function did not answer within its timeout")]
    TimedOut,
    /// As many executions run as the account may have. The event is lost.
    #[error("rate exceeded: the function has as many executions as it may have")]
    Throttled,
    /// The function could not be started.
    #[error("the function could not be started: {0}")]
    Start(String),
}

impl InvokeError {
    pub(crate) fn function(kind: &str, message: &str) -> Self {
        Self::Function { kind: kind.to_owned(), message: message.to_owned() }
    }
}
