//! One event in, one answer out: finds the place that handles it.

use crate::backend::Backend;
use crate::browser::Browser;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::Config;
use crate::connections::Connections;
use crate::error::HandleError;
use crate::event::{self, Event, Handshake, Source};
use crate::identities::Identities;
use crate::{authorize, connect, disconnect, message, metrics};
use serde_json::Value;
use std::sync::Arc;
use tokio::time::Instant;

/// What a gateway is made of.
#[derive(Clone)]
pub struct Deps {
    /// Whom it lets in.
    pub config: Config,
    /// The terminal service.
    pub backend: Arc<dyn Backend>,
    /// The table of open connections.
    pub connections: Arc<dyn Connections>,
    /// The way back to the browser.
    pub browser: Arc<dyn Browser>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

/// The function: authorizer and all routes of a WebSocket API.
pub struct Gateway {
    deps: Deps,
    identities: Identities,
}

impl Gateway {
    /// A gateway of these dependencies.
    pub fn new(deps: Deps) -> Self {
        Self { deps, identities: Identities::default() }
    }

    /// Handles one event of API Gateway: a `REQUEST` authorizer's, or a route's. The answer is the integration's (or the
    /// authorizer's) return value. Everything that was begun is over when it returns, at the latest at `deadline`.
    pub async fn handle(&self, event: Value, deadline: Instant) -> Result<Value, HandleError> {
        let budget = Budget::until(deadline);
        let (source, event) = event::parse(event, &self.deps.config).inspect_err(|error| {
            tracing::error!(%error, "[WebSocket] Bad event");
        })?;
        tracing::info!("[WebSocket] Route: {}, ConnectionId: {}", source.route, source.connection);
        match event {
            Event::Authorize { method_arn, handshake } => {
                self.authorize(&source, &handshake, &method_arn, budget).await
            }
            Event::Connect(handshake) => Ok(connect::handle(&self.deps, source, &handshake, budget).await),
            Event::Disconnect { code } => {
                Ok(disconnect::handle(&self.deps, &self.identities, source, code, budget).await)
            }
            Event::Message { body } => Ok(message::handle(&self.deps, &self.identities, source, body, budget).await),
        }
    }

    async fn authorize(
        &self,
        source: &Source,
        handshake: &Handshake,
        method_arn: &str,
        budget: Budget,
    ) -> Result<Value, HandleError> {
        let judged = authorize::identify(handshake, &self.deps.config, self.deps.clock.as_ref(), budget).await;
        let (connection, request_id, duration_ms) = (&source.connection, &source.request_id, budget.elapsed_ms());
        match &judged {
            Ok(identity) => {
                let session = identity.sid.as_ref().map_or("none", |sid| sid.as_str());
                let user = &identity.sub;
                tracing::info!(
                    user,
                    request_id,
                    duration_ms,
                    "[WebSocket] Authorized: {connection}, Session: {session}"
                );
            }
            Err(reason) => {
                metrics::connection(false);
                tracing::warn!(%reason, request_id, duration_ms, "[WebSocket] Refused: {connection}");
            }
        }
        authorize::answer(judged.as_ref(), method_arn)
    }
}
