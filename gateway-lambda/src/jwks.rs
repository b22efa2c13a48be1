//! Cache of the platform's published keys (`JWT_JWKS_URL`): fetched for the first token, and again when they are old or a token
//! names an unknown key.
//!
//! A token may name any key id, so the rate of fetches has a limit. While the platform does not answer, the cached
//! keys stay in use.

mod cache_state;

use crate::clock::Clock;
use crate::http_client::{builder, error_chain};
use auth_tokens::{TokenError, UserKey, UserTokenVerifier};
use bytes::BytesMut;
use cache_state::{CacheState, Freshness};
use parking_lot::Mutex;
use reqwest::header::ACCEPT;
use reqwest::{Client, StatusCode, Url};
use shared_protocol::UserClaims;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Time limit of a whole fetch: a user is waiting for a connection to open.
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
/// Largest key set, in bytes: about a hundred keys with their certificates.
const MAX_JWKS_BYTES: usize = 256 * 1024;

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VerifyError {
    /// The token is not valid.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There is no key to check the token with.
    #[error("the platform's keys could not be fetched")]
    NoKeys,
}

/// Keys published at a URL.
#[derive(Debug)]
pub struct JwksCache {
    url: Url,
    /// The required `iss`, if any.
    issuer: Option<String>,
    /// The required `aud`, if any.
    audience: Option<String>,
    /// Made for the first fetch; an error stays.
    client: OnceLock<Result<Client, String>>,
    /// Cached keys and the time of the last fetch.
    state: Mutex<CacheState>,
    /// Held during a fetch, so that only one runs at a time.
    fetching: tokio::sync::Mutex<()>,
}

impl JwksCache {
    /// An empty cache; the first token fetches. Returns a sentence if keys from this URL could be forged on the way.
    pub fn new(url: &str, issuer: Option<String>, audience: Option<String>) -> Result<Self, String> {
        let url = Url::parse(url.trim()).map_err(|_| "not a URL".to_owned())?;
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return Err("it must start with https://: a key set changed on the way could sign for any user".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must hold no user name and no password: published keys need none".to_owned());
        }
        let (state, fetching) = Default::default();
        Ok(Self { url, issuer, audience, client: OnceLock::new(), state, fetching })
    }

    /// The claims of a valid token. A fetch, if needed, ends within `timeout`.
    pub(crate) async fn verify(
        &self,
        token: &str,
        clock: &dyn Clock,
        timeout: Duration,
    ) -> Result<UserClaims, VerifyError> {
        let timeout = timeout.min(FETCH_TIMEOUT);
        match self.verify_with(token, clock, Freshness::Cached, timeout).await {
            Err(VerifyError::Token(TokenError::UnknownKey)) => {
                self.verify_with(token, clock, Freshness::Newer, timeout).await
            }
            result => result,
        }
    }

    async fn verify_with(
        &self,
        token: &str,
        clock: &dyn Clock,
        freshness: Freshness,
        timeout: Duration,
    ) -> Result<UserClaims, VerifyError> {
        self.refresh(clock, freshness, timeout).await;
        let now = Duration::from_millis(clock.now_ms());
        let tokens = self.state.lock().usable(now).ok_or(VerifyError::NoKeys)?;
        Ok(tokens.verify(token, now.as_secs())?)
    }

    /// Fetches if a fetch is due. A caller that cannot use the cached keys waits for a running fetch; others do not.
    async fn refresh(&self, clock: &dyn Clock, freshness: Freshness, timeout: Duration) {
        let now = Duration::from_millis(clock.now_ms());
        if !self.state.lock().is_due(now, freshness) {
            return;
        }
        let has_keys = freshness == Freshness::Cached && self.state.lock().usable(now).is_some();
        let wait = if has_keys { Duration::ZERO } else { timeout };
        let Ok(_guard) = tokio::time::timeout(wait, self.fetching.lock()).await else { return };
        if !self.state.lock().is_due(now, freshness) {
            return;
        }
        let fetched = self.fetch(timeout).await;
        let mut state = self.state.lock();
        match fetched {
            Ok(key) => {
                tracing::info!(keys = ?key, "[WebSocket] Fetched the platform's keys");
                let (issuer, audience) = (self.issuer.clone(), self.audience.clone());
                state.fetched(Arc::new(UserTokenVerifier { key, issuer, audience }), now);
            }
            Err(reason) => {
                state.failed(now);
                if state.usable(now).is_some() {
                    tracing::warn!(reason, "[WebSocket] Fetch of the platform's keys failed; the old ones stay in use");
                } else {
                    tracing::error!(reason, "[WebSocket] Fetch of the platform's keys failed; there are none");
                }
            }
        }
    }

    async fn fetch(&self, timeout: Duration) -> Result<UserKey, String> {
        let client = self.client.get_or_init(client).as_ref().map_err(Clone::clone)?;
        let accept = "application/jwk-set+json, application/json";
        let failed = |error: reqwest::Error| error_chain(&error.without_url());
        let request = client.get(self.url.clone()).header(ACCEPT, accept).timeout(timeout);
        let mut response = request.send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(format!("JWT_JWKS_URL answered {}", response.status()));
        }
        let mut jwks = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if jwks.len() + chunk.len() > MAX_JWKS_BYTES {
                return Err(format!("the key set has more than {MAX_JWKS_BYTES} bytes"));
            }
            jwks.extend_from_slice(&chunk);
        }
        UserKey::from_jwks(&jwks).map_err(|error| format!("JWT_JWKS_URL is not usable: {error}"))
    }
}

/// A client without a pool: the next fetch is ten minutes away.
fn client() -> Result<Client, String> {
    builder(FETCH_TIMEOUT).pool_max_idle_per_host(0).build().map_err(|error| error_chain(&error))
}

/// True for an address of this machine, as in development.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_urls_are_accepted() {
        let read = |url: &str| JwksCache::new(url, None, None).map(|_| ());
        for url in [
            "https://platform.example/.well-known/jwks.json",
            " https://platform.example:8443/keys?tenant=7\n",
            "http://localhost:3000/keys",
            "http://127.0.0.1/keys",
            "http://[::1]:3000/keys",
        ] {
            assert_eq!(read(url), Ok(()), "{url}");
        }
        for (url, sentence) in [
            ("platform.example/keys", "not a URL"),
            ("", "not a URL"),
            ("http://platform.example/keys", "it must start with https://"),
            ("http://localhost.platform.example/keys", "it must start with https://"),
            ("http://127.0.0.1.platform.example/keys", "it must start with https://"),
            ("http://10.0.0.1/keys", "it must start with https://"),
            ("http://[::2]/keys", "it must start with https://"),
            ("file:///etc/keys", "it must start with https://"),
            ("data:application/json,{}", "it must start with https://"),
            ("https://ada@platform.example/keys", "it must hold no user name"),
            ("https://:word@platform.example/keys", "it must hold no user name"),
        ] {
            assert!(read(url).is_err_and(|error| error.starts_with(sentence)), "{url}");
        }
    }
}
