//! Entry point of the function: parses one event and passes it to its handler.

use crate::deadline::Deadline;
use crate::deps::Deps;
use crate::error::HandleError;
use crate::event::{self, Event};
use crate::identity_cache::IdentityCache;
use crate::invocation::Invocation;
use crate::{authorize, connect, disconnect, message};
use serde_json::Value;
use tokio::time::Instant;

/// The function: the authorizer and all routes of a WebSocket API.
pub struct Gateway {
    deps: Deps,
    identities: IdentityCache,
}

impl Gateway {
    /// A gateway with these dependencies and an empty identity cache.
    pub fn new(deps: Deps) -> Self {
        Self { deps, identities: IdentityCache::default() }
    }

    /// Handles one event of API Gateway, of the `REQUEST` authorizer or of a route, and returns its response. All work is
    /// complete when it returns, at the latest at `deadline`.
    pub async fn handle(&self, event: Value, deadline: Instant) -> Result<Value, HandleError> {
        let deadline = Deadline::new(deadline);
        let (source, event) = event::parse(event, &self.deps.config)
            .inspect_err(|error| tracing::error!(%error, "[WebSocket] Bad event"))?;
        tracing::info!("[WebSocket] Route: {}, ConnectionId: {}", source.route, source.caller.connection);
        let invocation = Invocation { deps: &self.deps, caller: source.caller, deadline };
        match event {
            Event::Authorize { method_arn, handshake } => authorize::handle(&invocation, &handshake, &method_arn).await,
            Event::Connect { handshake, connected_at } => {
                Ok(connect::handle(&invocation, &handshake, connected_at).await)
            }
            Event::Disconnect { code } => Ok(disconnect::handle(invocation, &self.identities, code).await),
            Event::Message { body } => Ok(message::handle(invocation, &self.identities, body).await),
        }
    }
}
