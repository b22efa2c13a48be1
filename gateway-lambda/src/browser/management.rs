//! The browser through API Gateway's management API.

use super::{Browser, Endpoint, PostError};
use crate::config::AwsConfig;
use async_trait::async_trait;
use bytes::Bytes;
use shared_protocol::ConnectionId;

/// Posts through API Gateway.
pub struct ManagementBrowser {
    config: AwsConfig,
}

impl ManagementBrowser {
    /// Connects to nothing yet: the first call does.
    pub fn new(config: &AwsConfig) -> Self {
        Self { config: config.clone() }
    }
}

#[async_trait]
impl Browser for ManagementBrowser {
    async fn post(&self, _at: &Endpoint, _connection: &ConnectionId, _frame: Bytes) -> Result<(), PostError> {
        let _ = &self.config;
        Err(PostError::Failed("not yet".into()))
    }

    async fn exists(&self, _at: &Endpoint, _connection: &ConnectionId) -> Result<bool, PostError> {
        Err(PostError::Failed("not yet".into()))
    }

    async fn close(&self, _at: &Endpoint, _connection: &ConnectionId) -> Result<(), PostError> {
        Err(PostError::Failed("not yet".into()))
    }
}
