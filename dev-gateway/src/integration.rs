//! One invocation as API Gateway makes it: with its own patience, while the function runs to its own end. Apart from the
//! sockets, so that a client that leaves never takes a running invocation with it.

use crate::events::Stamp;
use crate::invoke::{Invoke, InvokeError};
use crate::system::{System, fresh_id};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why an invocation gave the client nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IntegrationError {
    /// No answer from the function.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// API Gateway waits no longer. The function may still be running.
    #[error("endpoint request timed out")]
    TimedOut,
    /// The answer is not `{"statusCode": …}`.
    #[error("malformed Lambda proxy response")]
    Malformed,
    /// The gateway is being stopped.
    #[error("the gateway stops")]
    Stopping,
}

/// Invokes the function and keeps track of what runs.
#[derive(Clone)]
pub(crate) struct Integration {
    pub(crate) invoker: Arc<dyn Invoke>,
    pub(crate) system: Arc<dyn System>,
    /// How long an answer is waited for.
    pub(crate) timeout: Duration,
    /// Everything that runs for a client.
    pub(crate) tasks: TaskTracker,
    /// Cuts running invocations short.
    pub(crate) abandoned: CancellationToken,
}

impl Integration {
    /// Time and id of a new event.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { request_id: fresh_id(self.system.as_ref()), now: self.system.now() }
    }

    /// Invokes the function. `held` is kept until it has really ended, which may be after the answer.
    pub(crate) async fn invoke<H: Send + 'static>(&self, event: Value, held: H) -> Result<Value, IntegrationError> {
        let (answer, answered) = oneshot::channel();
        let (invoker, abandoned) = (self.invoker.clone(), self.abandoned.clone());
        self.tasks.spawn(async move {
            if let Some(result) = abandoned.run_until_cancelled(invoker.invoke(event)).await {
                // Nobody listens any more after the integration timeout.
                let _ = answer.send(result);
            }
            drop(held);
        });
        match tokio::time::timeout(self.timeout, answered).await {
            Ok(Ok(result)) => Ok(result?),
            Ok(Err(_)) => Err(IntegrationError::Stopping),
            Err(_) => Err(IntegrationError::TimedOut),
        }
    }

    /// Invokes a route, whose answer must have a `statusCode`.
    pub(crate) async fn route<H: Send + 'static>(
        &self,
        event: Value,
        held: H,
    ) -> Result<(u16, Value), IntegrationError> {
        let answer = self.invoke(event, held).await?;
        let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
        Ok((status.ok_or(IntegrationError::Malformed)?, answer))
    }
}
