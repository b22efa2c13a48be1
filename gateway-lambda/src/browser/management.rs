//! Access to browsers through API Gateway's management API.

use super::{Browser, Endpoint, PostError};
use crate::aws::{self, Aws};
use crate::http_client::causes;
use async_trait::async_trait;
use aws_sdk_apigatewaymanagement::config::{
    BehaviorVersion, Region, StalledStreamProtectionConfig, retry::RetryConfig,
};
use aws_sdk_apigatewaymanagement::error::{DisplayErrorContext, SdkError};
use aws_sdk_apigatewaymanagement::primitives::Blob;
use aws_sdk_apigatewaymanagement::{Client, Config};
use bytes::Bytes;
use hyper_util::client::legacy;
use parking_lot::Mutex;
use shared_protocol::ConnectionId;
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

/// Time limit of one call. A post usually takes 15 ms on AWS; a browser with a full buffer gives a 429 without a wait.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);
/// Largest number of cached clients: more endpoints than one function serves.
const MAX_CLIENTS: usize = 16;

/// Browsers of API Gateway. Keeps one client per endpoint; all share one pool of connections.
pub struct ManagementBrowser {
    aws: Aws,
    /// Clients made so far; emptied when there are more than [`MAX_CLIENTS`].
    clients: Mutex<HashMap<Endpoint, Client>>,
}

impl ManagementBrowser {
    /// Opens no connection: the first call does.
    pub fn new(aws: Aws) -> Self {
        Self { aws, clients: Mutex::default() }
    }

    fn client(&self, at: &Endpoint) -> Client {
        let mut clients = self.clients.lock();
        if clients.len() > MAX_CLIENTS {
            clients.clear();
        }
        clients.entry(at.clone()).or_insert_with(|| self.client_for(at)).clone()
    }

    fn client_for(&self, at: &Endpoint) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.aws.config.region.clone()))
            .credentials_provider(self.aws.config.credentials.clone())
            .endpoint_url(at.as_str())
            .http_client(self.aws.http.clone())
            .timeout_config(aws::timeouts(CALL_TIMEOUT, CALL_TIMEOUT))
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Client::from_conf(config)
    }
}

#[async_trait]
impl Browser for ManagementBrowser {
    async fn post(&self, at: &Endpoint, connection: &ConnectionId, frame: Bytes) -> Result<(), PostError> {
        let client = self.client(at);
        let post = client.post_to_connection().connection_id(connection.as_str()).data(Blob::new(frame));
        post.send().await.map(|_| ()).map_err(|error| post_error(&error))
    }

    async fn exists(&self, at: &Endpoint, connection: &ConnectionId) -> Result<bool, PostError> {
        let client = self.client(at);
        let get = client.get_connection().connection_id(connection.as_str());
        match get.send().await.map_err(|error| post_error(&error)) {
            Ok(_) => Ok(true),
            Err(PostError::Gone) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn close(&self, at: &Endpoint, connection: &ConnectionId) -> Result<(), PostError> {
        let client = self.client(at);
        let delete = client.delete_connection().connection_id(connection.as_str());
        match delete.send().await.map_err(|error| post_error(&error)) {
            Ok(_) | Err(PostError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Maps by HTTP status, which is the same for every operation and for proxies on the way.
fn post_error<E: Error + 'static>(error: &SdkError<E>) -> PostError {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let reason = || DisplayErrorContext(error).to_string();
    match status {
        Some(410) => PostError::Gone,
        Some(429) => PostError::Throttled,
        Some(413) => PostError::TooLarge,
        Some(403) => PostError::Forbidden(reason()),
        None if is_unsent(error) => PostError::Unsent(reason()),
        _ => PostError::Failed(reason()),
    }
}

/// True if there was no connection to send the request on.
fn is_unsent(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect))
}
