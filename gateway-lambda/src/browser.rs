//! The way to a browser: API Gateway's @connections.
//!
//! A role with two players: `ManagementBrowser` speaks to API Gateway, `RecordingBrowser` remembers what it was given. A local
//! gateway that runs this code in its own process brings its own.

mod management;
#[cfg(feature = "test-support")]
mod recording;

pub use management::ManagementBrowser;
#[cfg(feature = "test-support")]
pub use recording::{Delivery, RecordingBrowser};

use async_trait::async_trait;
use bytes::Bytes;
use shared_protocol::ConnectionId;
use std::fmt;

/// Base URL of an API's @connections, such as `https://a1b2c3.execute-api.eu-west-1.amazonaws.com/prod`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(String);

impl Endpoint {
    /// From a domain and a stage. The domain may be a URL with its scheme; with a path of its own it is the whole base.
    pub fn new(domain: &str, stage: &str) -> Self {
        let domain = domain.trim_end_matches('/');
        let (scheme, rest) = domain.split_once("://").unwrap_or(("https", domain));
        if rest.contains('/') || stage.is_empty() {
            return Self(format!("{scheme}://{rest}"));
        }
        Self(format!("{scheme}://{rest}/{stage}"))
    }

    /// The URL, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why @connections did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// 410: there is no such connection, API Gateway says. It may be there all the same, and may even have the frame.
    #[error("the connection is gone")]
    Gone,
    /// 429: the account's request quota, or the browser does not read as fast as frames come.
    #[error("API Gateway takes no more frames at the moment")]
    Throttled,
    /// 413: larger than API Gateway posts. Trying again is of no use.
    #[error("the frame is too large")]
    TooLarge,
    /// 403: the function's role may not. Trying again is of no use.
    #[error("not allowed to use @connections: {0}")]
    Forbidden(String),
    /// A fault between here and there; the same bytes may be posted again.
    #[error("@connections failed: {0}")]
    Failed(String),
}

impl PostError {
    /// Whether the next frame would not be delivered either.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Gone | Self::Forbidden(_))
    }
}

/// The way to a browser. Every call ends within a time of its own.
#[async_trait]
pub trait Browser: Send + Sync {
    /// Posts one frame, once.
    async fn post(&self, at: &Endpoint, connection: &ConnectionId, frame: Bytes) -> Result<(), PostError>;

    /// Whether the connection is there.
    async fn exists(&self, at: &Endpoint, connection: &ConnectionId) -> Result<bool, PostError>;

    /// Closes the connection. One that is gone already counts as closed.
    async fn close(&self, at: &Endpoint, connection: &ConnectionId) -> Result<(), PostError>;
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn a_domain_may_bring_its_scheme_and_its_path() {
        let endpoint = |domain, stage| Endpoint::new(domain, stage).to_string();
        assert_eq!(endpoint("a.example.com", "prod"), "https://a.example.com/prod");
        assert_eq!(endpoint("http://127.0.0.1:4000", "local"), "http://127.0.0.1:4000/local");
        assert_eq!(endpoint("http://127.0.0.1:4000/", ""), "http://127.0.0.1:4000");
        assert_eq!(endpoint("https://ws.example.com/terminal/", "prod"), "https://ws.example.com/terminal");
    }
}
