//! The terminal service over HTTPS: every request carries a token that is worth nothing for any other request.

use super::{Backend, BackendError, Caller, Reply};
use crate::clock::Clock;
use crate::config::BackendConfig;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// Speaks to the service by HTTP.
pub struct HttpBackend {
    config: BackendConfig,
    clock: Arc<dyn Clock>,
}

impl HttpBackend {
    /// Connects to nothing yet: the first request does.
    pub fn new(config: BackendConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock }
    }
}

#[async_trait]
impl Backend for HttpBackend {
    async fn message(&self, _caller: &Caller, _body: Bytes, _within: Duration) -> Result<Reply, BackendError> {
        let _ = (&self.config, &self.clock);
        Err(BackendError::Unreachable("not yet".into()))
    }

    async fn output(&self, _caller: &Caller, _follow: &str, _wait: Duration) -> Result<Reply, BackendError> {
        Err(BackendError::Unreachable("not yet".into()))
    }

    async fn disconnect(&self, _caller: &Caller, _within: Duration) -> Result<(), BackendError> {
        Err(BackendError::Unreachable("not yet".into()))
    }
}
