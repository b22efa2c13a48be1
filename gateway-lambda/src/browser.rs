//! Access to a browser through API Gateway's @connections: `ManagementBrowser`, and `RecordingBrowser` (feature `test-support`)
//! for tests. A local gateway that runs this code in its own process implements its own.

#[cfg(feature = "aws")]
mod management;
#[cfg(feature = "test-support")]
mod recording;

#[cfg(feature = "aws")]
pub use management::ManagementBrowser;
#[cfg(feature = "test-support")]
pub use recording::{Delivery, RecordingBrowser};

use async_trait::async_trait;
use bytes::Bytes;
use shared_protocol::ConnectionId;

/// Base URL of an API's @connections, such as `https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, derive_more::Display)]
pub struct Endpoint(String);

impl Endpoint {
    /// The URL of a domain and a stage. The domain may have a scheme; with a path it is the whole URL.
    pub fn new(domain: &str, stage: &str) -> Self {
        let domain = domain.trim_end_matches('/');
        let (scheme, rest) = domain.split_once("://").unwrap_or(("https", domain));
        if rest.contains('/') || stage.is_empty() {
            return Self(format!("{scheme}://{rest}"));
        }
        Self(format!("{scheme}://{rest}/{stage}"))
    }

    /// The URL without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Domain and stage without the scheme: the name of the API in tokens for the service.
    pub fn api(&self) -> &str {
        self.0.split_once("://").map_or(&self.0, |(_, api)| api)
    }
}

/// Why a call to @connections failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// 410: API Gateway reports no such connection. The connection may still exist, and may even have the frame.
    #[error("the connection is gone")]
    Gone,
    /// 429: the account's request quota is used up, or the browser reads too slowly.
    #[error("API Gateway takes no more frames at the moment")]
    Throttled,
    /// 413: too large for API Gateway. A retry cannot help.
    #[error("the frame is too large")]
    TooLarge,
    /// 403: the function's role lacks the permission. A retry cannot help.
    #[error("not allowed to use @connections: {0}")]
    Forbidden(String),
    /// No connection to API Gateway was made: the frame has not left. A retry may help.
    #[error("@connections cannot be reached: {0}")]
    Unsent(String),
    /// Any other failure; the browser may have the frame.
    #[error("@connections failed: {0}")]
    Failed(String),
}

/// Access to a browser. Every call has a time limit.
#[async_trait]
pub trait Browser: Send + Sync {
    /// Posts one frame, without retries.
    async fn post(&self, at: &Endpoint, connection: &ConnectionId, frame: Bytes) -> Result<(), PostError>;

    /// True if the connection exists.
    async fn exists(&self, at: &Endpoint, connection: &ConnectionId) -> Result<bool, PostError>;

    /// Closes the connection; a connection that is gone counts as closed.
    async fn close(&self, at: &Endpoint, connection: &ConnectionId) -> Result<(), PostError>;
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn a_domain_may_have_a_scheme_and_a_path() {
        let endpoint = |domain, stage| Endpoint::new(domain, stage).to_string();
        assert_eq!(endpoint("a.example.com", "prod"), "https://a.example.com/prod");
        assert_eq!(endpoint("http://127.0.0.1:4000", "local"), "http://127.0.0.1:4000/local");
        assert_eq!(endpoint("http://127.0.0.1:4000/", ""), "http://127.0.0.1:4000");
        assert_eq!(endpoint("https://ws.example.com/terminal/", "prod"), "https://ws.example.com/terminal");
        assert_eq!(Endpoint::new("a.example.com", "prod").api(), "a.example.com/prod");
        assert_eq!(Endpoint::new("http://127.0.0.1:4000", "local").api(), "127.0.0.1:4000/local");
    }
}
