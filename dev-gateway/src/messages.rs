//! What becomes of a client's message: an invocation of its own, side by side with all others and without any order, and
//! API Gateway's own frame when that fails.

use crate::connections::{Clients, Registry};
use crate::events::Origin;
use crate::faults::ConnectionFaults;
use crate::integration::Integration;
use crate::routes::Routes;
use crate::system::fresh_id;
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Takes the messages of one connection.
pub(crate) struct Messages {
    origin: Arc<Origin>,
    routes: Arc<Routes>,
    integration: Integration,
    registry: Registry,
    /// What goes wrong on this connection, if anything is to.
    line: Option<Arc<ConnectionFaults>>,
}

/// What a client gets when an integration failed: an ordinary message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    message: &'static str,
    connection_id: &'a str,
    request_id: &'a str,
}

impl Messages {
    pub(crate) fn new(
        origin: Arc<Origin>,
        routes: Arc<Routes>,
        integration: Integration,
        registry: Registry,
        line: Option<Arc<ConnectionFaults>>,
    ) -> Self {
        Self { origin, routes, integration, registry, line }
    }

    /// Begins to work on a message. The permit is given back when its invocation has ended.
    pub(crate) fn take(&self, body: &str, permit: OwnedSemaphorePermit) {
        let tasks = &self.integration.tasks;
        let Some(line) = &self.line else {
            tasks.spawn(self.invocation(body, permit));
            return;
        };
        let (fate, permit) = (line.message(), Arc::new(permit));
        for copy in fate.copies().iter().copied() {
            let (line, work) = (line.clone(), self.invocation(body, permit.clone()));
            let abandoned = self.integration.abandoned.clone();
            tasks.spawn(async move { abandoned.run_until_cancelled(line.carry(copy, work)).await });
        }
        line.cut_after(&fate);
    }

    /// An invocation for a message, and what the client is told if it fails. `held` is kept until it has really ended.
    fn invocation<H: Send + 'static>(&self, body: &str, held: H) -> impl Future<Output = ()> + Send + 'static {
        let (origin, integration, registry) = (self.origin.clone(), self.integration.clone(), self.registry.clone());
        let stamp = integration.stamp();
        let route = self.routes.select(body);
        let event = origin.message(route, fresh_id(integration.system.as_ref()), body, &stamp);
        async move {
            // The routes have no response of their own, so what the function answers is not looked at further.
            let Err(error) = integration.route(event, held).await else { return };
            let (connection_id, request_id) = (&origin.connection_id, &stamp.request_id);
            tracing::warn!(connection = connection_id, request = request_id, %error, "an invocation failed");
            let failure = Failure { message: "Internal server error", connection_id, request_id };
            let frame = serde_json::to_vec(&failure).unwrap_or_default();
            // A client that is gone, or does not read, misses only this.
            let _ = registry.post(connection_id, frame.into()).await;
        }
    }
}
