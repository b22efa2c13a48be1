//! Invokes the function as API Gateway does: with the integration timeout, after which the function still runs to its
//! end. Separate from the sockets, so that a client that leaves does not end its running invocations.

use crate::events::EventMeta;
use crate::invoke::{Invoke, InvokeError};
use crate::system::{System, fresh_id};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IntegrationError {
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// The integration timed out. The function may still run.
    #[error("endpoint request timed out")]
    TimedOut,
    /// The answer has no `statusCode`.
    #[error("malformed Lambda proxy response")]
    Malformed,
    #[error("the gateway is stopping")]
    Stopping,
}

#[derive(Clone)]
pub(crate) struct Integration {
    pub(crate) invoker: Arc<dyn Invoke>,
    pub(crate) system: Arc<dyn System>,
    pub(crate) timeout: Duration,
    /// All tasks of connections and invocations.
    pub(crate) tasks: TaskTracker,
    /// Cancels running invocations.
    pub(crate) abandoned: CancellationToken,
}

impl Integration {
    /// Time and id of a new event.
    pub(crate) fn event_meta(&self) -> EventMeta {
        EventMeta { request_id: fresh_id(self.system.as_ref()), now: self.system.now() }
    }

    /// Invokes the function. `held` is dropped when the invocation has ended, which may be after the timeout.
    pub(crate) async fn invoke<H: Send + 'static>(&self, event: Value, held: H) -> Result<Value, IntegrationError> {
        let (answer, answered) = oneshot::channel();
        let (invoker, abandoned) = (self.invoker.clone(), self.abandoned.clone());
        self.tasks.spawn(async move {
            if let Some(result) = abandoned.run_until_cancelled(invoker.invoke(event)).await {
                // The receiver is gone after the integration timeout.
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
