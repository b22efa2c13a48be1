//! Runs the terminal's own function in this process, for `make run`: the same code as `bootstrap`, which posts without
//! HTTP. The Lambda Runtime API is closer to Lambda.

use super::{Invoke, InvokeError};
use crate::connections::{self, Clients};
use async_trait::async_trait;
use bytes::Bytes;
use gateway_lambda::{
    BackendConfig, Browser, Config, ConfigError, Connections, Deps, Endpoint, Gateway, HttpBackend, PostError,
    SystemClock, SystemRandom,
};
use serde_json::Value;
use shared_protocol::ConnectionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Runs a [`Gateway`] in this process.
pub struct InProcess {
    gateway: Gateway,
    timeout: Duration,
}

impl InProcess {
    /// `timeout` is the function's, as on Lambda.
    pub fn new(gateway: Gateway, timeout: Duration) -> Self {
        Self { gateway, timeout }
    }

    /// The function with the variables of `bootstrap`, which posts to these clients.
    pub fn from_lookup(
        clients: Arc<dyn Clients>,
        connections: Arc<dyn Connections>,
        timeout: Duration,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let clock = Arc::new(SystemClock);
        let deps = Deps {
            config: Config::from_lookup(&lookup)?,
            backend: Arc::new(HttpBackend::new(BackendConfig::from_lookup(&lookup)?, clock.clone())),
            connections,
            browser: Arc::new(ClientsBrowser::new(clients)),
            clock,
            random: Arc::new(SystemRandom),
        };
        Ok(Self::new(Gateway::new(deps), timeout))
    }
}

#[async_trait]
impl Invoke for InProcess {
    async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
        let deadline = Instant::now() + self.timeout;
        match tokio::time::timeout_at(deadline, self.gateway.handle(event, deadline)).await {
            Ok(answer) => answer.map_err(|error| InvokeError::function(error.kind(), &error.to_string())),
            Err(_) => Err(InvokeError::TimedOut),
        }
    }
}

/// Posts directly to the clients of a gateway in this process. Ignores the endpoint.
pub struct ClientsBrowser(Arc<dyn Clients>);

impl ClientsBrowser {
    /// A browser for these clients.
    pub fn new(clients: Arc<dyn Clients>) -> Self {
        Self(clients)
    }
}

#[async_trait]
impl Browser for ClientsBrowser {
    async fn post(&self, _at: &Endpoint, connection: &ConnectionId, frame: Bytes) -> Result<(), PostError> {
        self.0.post(connection.as_str(), frame).await.map_err(|error| match error {
            connections::PostError::Gone => PostError::Gone,
            connections::PostError::Full => PostError::Throttled,
            connections::PostError::TooLarge => PostError::TooLarge,
            connections::PostError::NotText | connections::PostError::Failed => PostError::Failed(error.to_string()),
        })
    }

    async fn exists(&self, _at: &Endpoint, connection: &ConnectionId) -> Result<bool, PostError> {
        Ok(self.0.describe(connection.as_str()).await.is_some())
    }

    async fn close(&self, _at: &Endpoint, connection: &ConnectionId) -> Result<(), PostError> {
        self.0.close(connection.as_str()).await;
        Ok(())
    }
}
