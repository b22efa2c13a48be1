//! How an event reaches the function. A trait, because there are two ways (in this process, and as a process behind the
//! Lambda Runtime API), because tests script a third, and because a layer of faults can wrap any of them.

mod in_process;

pub use in_process::{ClientsBrowser, InProcess};

use async_trait::async_trait;
use serde_json::Value;

/// A Lambda function, as API Gateway sees it.
#[async_trait]
pub trait Invoke: Send + Sync + 'static {
    /// Runs the function on one event and gives its answer. Called concurrently, without any order.
    async fn invoke(&self, event: Value) -> Result<Value, InvokeError>;

    /// Ends whatever stands behind it. Nothing is invoked afterwards.
    async fn shutdown(&self) {}
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function reported an error, or its process ended.
    #[error("{kind}: {message}")]
    Function {
        /// Lambda's `errorType`.
        kind: String,
        /// Lambda's `errorMessage`. An authorizer that says exactly `Unauthorized` refuses with 401.
        message: String,
    },
    /// The function ran longer than its own timeout.
    #[error("the function did not answer within its timeout")]
    TimedOut,
    /// Too many invocations at once.
    #[error("no process of the function became free")]
    Throttled,
    /// The function could not be started.
    #[error("the function could not be started: {0}")]
    Start(String),
}
