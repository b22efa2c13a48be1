//! The receiver over HTTP: one request for each event, on a connection of its own, to an address that was looked up for it. Of
//! the answer, only the head is read.

use super::address::{is_allowed, literal_address};
use super::receiver::{Receiver, Refusal};
use super::settings::WebhookSettings;
use super::signature::signatures;
use crate::clock::Clock;
use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, redirect};
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Time for one attempt.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait that a receiver can ask for.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// The operator's receiver.
pub(super) struct HttpReceiver {
    client: reqwest::Client,
    settings: WebhookSettings,
    clock: Arc<dyn Clock>,
}

/// An address that no receiver may have.
#[derive(Debug, thiserror::Error)]
#[error("its address is one of this machine or network alone")]
struct Forbidden;

/// Looks names up, and refuses those with a forbidden address.
struct CheckedNames {
    allows_loopback: bool,
}

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let allows_loopback = self.allows_loopback;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            check(&found, allows_loopback)?;
            Ok::<Addrs, Box<dyn Error + Send + Sync>>(Box::new(found.into_iter()))
        })
    }
}

/// One forbidden address is enough: the next look-up may give that one alone.
fn check(found: &[SocketAddr], allows_loopback: bool) -> Result<(), Forbidden> {
    if found.iter().all(|address| is_allowed(address.ip(), allows_loopback)) { Ok(()) } else { Err(Forbidden) }
}

impl HttpReceiver {
    /// Fails if no client can be made.
    pub(super) fn new(settings: WebhookSettings, clock: Arc<dyn Clock>) -> reqwest::Result<Self> {
        Self::with_timeout(settings, clock, TIMEOUT)
    }

    fn with_timeout(settings: WebhookSettings, clock: Arc<dyn Clock>, timeout: Duration) -> reqwest::Result<Self> {
        // Fails if a provider is installed already, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let names = Arc::new(CheckedNames { allows_loopback: settings.allows_loopback });
        let client = reqwest::Client::builder().http1_only().no_proxy().redirect(redirect::Policy::none());
        // A connection that stays open would skip the look-up.
        let client = client.pool_max_idle_per_host(0).timeout(timeout).dns_resolver(names);
        let client = client.user_agent(concat!("Termgate/", env!("CARGO_PKG_VERSION"))).build()?;
        Ok(Self { client, settings, clock })
    }

    /// An address in the URL itself is not looked up.
    fn check_literal(&self) -> Result<(), Forbidden> {
        let address = literal_address(&self.settings.url).map(|address| SocketAddr::new(address, 0));
        check(address.as_slice(), self.settings.allows_loopback)
    }
}

#[async_trait]
impl Receiver for HttpReceiver {
    async fn send(&self, id: &str, body: String) -> Result<(), Refusal> {
        self.check_literal().map_err(|error| Refusal { why: error.to_string(), wait: None })?;
        let at = self.clock.now_seconds();
        let request = self.client.post(self.settings.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request
            .header("webhook-id", id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signatures(&self.settings.keys, id, at, &body));
        let response = request.body(body).send().await.map_err(reqwest::Error::without_url);
        let response = response.map_err(|error| Refusal { why: causes(&error), wait: None })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        // Gone: it wants no more, so it is asked rarely.
        let wait = if status == StatusCode::GONE { Some(MAX_WAIT) } else { retry_after(response.headers()) };
        Err(Refusal { why: format!("it answers {}", status.as_u16()), wait })
    }
}

/// An error with its causes: the innermost says why.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_WAIT))
}

#[cfg(test)]
mod tests;
