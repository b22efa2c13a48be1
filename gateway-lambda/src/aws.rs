//! Access to AWS: one HTTP client for all services, with ring for TLS, because the SDK's default brings aws-lc, which triples
//! the start time of the function. The callers retry, because they know which requests are safe to repeat and how much time is
//! left.

use crate::config::AwsConfig;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time after which an idle pooled connection is closed, before AWS closes it.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Shared parts of the clients of AWS services.
#[derive(Debug, Clone)]
pub struct Aws {
    pub(crate) config: AwsConfig,
    pub(crate) http: SharedHttpClient,
}

impl Aws {
    /// Opens no connection and reads no certificates: the first call of a client does.
    pub fn new(config: AwsConfig) -> Self {
        let tls = Provider::Rustls(CryptoMode::Ring);
        Self { config, http: Builder::new().tls_provider(tls).pool_idle_timeout(POOL_IDLE_TIMEOUT).build_https() }
    }
}

/// Time limits of a whole call and of each attempt.
pub(crate) fn timeouts(attempt: Duration, call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(call)
        .build()
}
