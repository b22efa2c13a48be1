//! A bucket of any S3 API, over the HTTP client of this service: with TLS by ring, and credentials of its own.

use super::error::RecordingError;
use super::settings::Bucket;
use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// Time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Time for a whole answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// The client of a bucket.
pub(super) fn open(bucket: &Bucket) -> Result<Arc<dyn ObjectStore>, RecordingError> {
    let mut builder = AmazonS3Builder::new()
        .with_http_connector(Connector)
        .with_bucket_name(&bucket.bucket)
        .with_region(&bucket.region)
        .with_access_key_id(&bucket.access_key)
        .with_secret_access_key(&bucket.secret_key)
        .with_allow_http(true)
        // Not all have the call that deletes several.
        .with_disable_bulk_delete(true)
        // The writer tries again by itself.
        .with_retry(RetryConfig { max_retries: 1, ..RetryConfig::default() });
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build()?))
}

#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        // Fails if a provider is installed already, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().http1_only().connect_timeout(CONNECT_TIMEOUT).timeout(ANSWER_TIMEOUT);
        let client = client.no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })?;
        Ok(HttpClient::new(Service(client)))
    }
}

#[derive(Debug)]
struct Service(reqwest::Client);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let request = self.0.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
        let response = http::Response::<reqwest::Body>::from(request.send().await.map_err(failure)?);
        Ok(response.map(|body| HttpResponseBody::new(body.map_err(failure))))
    }
}

/// The error without the address, in which a signature may be.
fn failure(error: reqwest::Error) -> HttpError {
    let kind = match &error {
        error if error.is_timeout() => HttpErrorKind::Timeout,
        error if error.is_connect() => HttpErrorKind::Connect,
        _ => HttpErrorKind::Request,
    };
    HttpError::new(kind, error.without_url())
}
