//! Processes client messages: each is its own invocation, concurrent and unordered, and a failed one is reported to the
//! client in API Gateway's frame.

use crate::connections::{Clients, Registry};
use crate::events::ConnectionContext;
use crate::faults::ConnectionFaults;
use crate::integration::Integration;
use crate::routes::Routes;
use crate::system::fresh_id;
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

pub(crate) struct Messages {
    pub(crate) context: Arc<ConnectionContext>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) integration: Integration,
    pub(crate) registry: Registry,
    pub(crate) faults: Option<Arc<ConnectionFaults>>,
}

/// API Gateway's report of a failed invocation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InternalError<'a> {
    message: &'static str,
    connection_id: &'a str,
    request_id: &'a str,
}

impl Messages {
    /// Starts processing a message. The permit is released when its invocation has ended.
    pub(crate) fn process(&self, body: &str, permit: OwnedSemaphorePermit) {
        let tasks = &self.integration.tasks;
        let Some(faults) = &self.faults else {
            tasks.spawn(self.invocation(body, permit));
            return;
        };
        let (outcome, permit) = (faults.message(), Arc::new(permit));
        for copy in outcome.copies.iter().copied() {
            let (faults, work) = (faults.clone(), self.invocation(body, permit.clone()));
            let abandoned = self.integration.abandoned.clone();
            tasks.spawn(async move { abandoned.run_until_cancelled(faults.process(copy, work)).await });
        }
        faults.cut_after(&outcome);
    }

    /// Invokes the function, and reports a failure to the client. `held` is dropped when the invocation has ended.
    fn invocation<H: Send + 'static>(&self, body: &str, held: H) -> impl Future<Output = ()> + Send + 'static {
        let (context, integration, registry) = (self.context.clone(), self.integration.clone(), self.registry.clone());
        let meta = integration.event_meta();
        let route = self.routes.select(body);
        let event = context.message(route, fresh_id(integration.system.as_ref()), body, &meta);
        async move {
            // The routes have no route response, so the answer is not sent.
            let Err(error) = integration.route(event, held).await else { return };
            let (connection_id, request_id) = (&context.connection_id, &meta.request_id);
            tracing::warn!(connection = connection_id, request = request_id, %error, "an invocation failed");
            let frame = InternalError { message: "Internal server error", connection_id, request_id };
            let frame = serde_json::to_vec(&frame).unwrap_or_default();
            // Fails if the client has left or does not read.
            let _ = registry.post(connection_id, frame.into()).await;
        }
    }
}
