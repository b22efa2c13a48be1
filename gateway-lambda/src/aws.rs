//! How the function speaks to AWS: one HTTP client for all services, with ring for TLS, and no retries of the SDK's own.
//!
//! The HTTP client is given explicitly because the SDK's default brings aws-lc, with which the function starts three times as
//! slowly. Retries are left to the callers: they know what may be sent twice, and how much time there is.

use crate::config::AwsConfig;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::time::Duration;

/// Longest that a TCP and TLS handshake may take.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// A pooled connection is dropped after this long without use, before the other side closes it.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// What clients of AWS services are made from.
#[derive(Debug, Clone)]
pub struct Aws {
    pub(crate) config: AwsConfig,
    pub(crate) http: SharedHttpClient,
}

impl Aws {
    /// Connects to nothing and reads no certificates yet: the first call of a client does.
    pub fn new(config: AwsConfig) -> Self {
        let tls = Provider::Rustls(CryptoMode::Ring);
        Self { config, http: Builder::new().tls_provider(tls).pool_idle_timeout(POOL_IDLE).build_https() }
    }
}

/// A call ends within `whole`, one attempt of it within `attempt`.
pub(crate) fn timeouts(attempt: Duration, whole: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIME)
        .operation_attempt_timeout(attempt)
        .operation_timeout(whole)
        .build()
}
