//! What becomes of a client's message: an invocation of its own, side by side with all others and without any order, and
//! API Gateway's own frame when that fails.

use crate::ambient::fresh_id;
use crate::connections::{Clients, Registry};
use crate::events::Origin;
use crate::integration::Integration;
use crate::routes::Routes;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Takes the messages of one connection.
pub(crate) struct Messages {
    origin: Arc<Origin>,
    routes: Arc<Routes>,
    integration: Integration,
    registry: Registry,
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
    pub(crate) fn new(origin: Arc<Origin>, routes: Arc<Routes>, integration: Integration, registry: Registry) -> Self {
        Self { origin, routes, integration, registry }
    }

    /// Begins to work on a message. The permit is given back when its invocation has ended.
    pub(crate) fn take(&self, body: &str, permit: OwnedSemaphorePermit) {
        let (origin, integration, registry) = (self.origin.clone(), self.integration.clone(), self.registry.clone());
        let stamp = integration.stamp();
        let route = self.routes.select(body);
        let event = origin.message(route, fresh_id(integration.ambient.as_ref()), body, &stamp);
        let tasks = integration.tasks.clone();
        tasks.spawn(async move {
            // The routes have no response of their own, so what the function answers is not looked at further.
            let Err(error) = integration.route(event, permit).await else { return };
            let (connection_id, request_id) = (&origin.connection_id, &stamp.request_id);
            tracing::warn!(connection = connection_id, request = request_id, %error, "an invocation failed");
            let failure = Failure { message: "Internal server error", connection_id, request_id };
            let frame = serde_json::to_vec(&failure).unwrap_or_default();
            // A client that is gone, or does not read, misses only this.
            let _ = registry.post(connection_id, frame.into()).await;
        });
    }
}
