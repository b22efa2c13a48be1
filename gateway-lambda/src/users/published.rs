//! The keys that the platform publishes (`JWT_JWKS_URL`): fetched when the first token comes, kept, and fetched again when
//! they are old or a token names a key that is not among them.
//!
//! Strangers decide when a token comes and which key it names, so they must not decide how often the platform is asked. And
//! the platform's bad minutes must not be ours: while it does not answer, the keys that are known go on serving.

mod known;

use super::Disbelief;
use crate::client::{builder, chain};
use crate::clock::Clock;
use auth_tokens::{TokenError, UserKey, UserTokenVerifier};
use bytes::BytesMut;
use known::{Known, Want};
use reqwest::header::ACCEPT;
use reqwest::{Client, StatusCode, Url};
use shared_protocol::UserClaims;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Longest that a fetch may take, from the first byte sent to the last that comes: someone waits for a connection to open.
const FETCH_TIME: Duration = Duration::from_secs(2);
/// Largest key set, in bytes: some hundred keys with their certificates.
const SET_BYTES: usize = 256 * 1024;

/// Keys that are found at an address.
#[derive(Debug)]
pub struct JwksCache {
    url: Url,
    issuer: Option<String>,
    audience: Option<String>,
    client: OnceLock<Result<Client, String>>,
    known: Mutex<Known>,
    /// Held by whoever fetches.
    fetching: tokio::sync::Mutex<()>,
}

impl JwksCache {
    /// Connects to nothing yet: the first token does. Refuses, with a sentence, an address from which anyone on the way could
    /// hand out keys of their own.
    pub fn new(url: &str, issuer: Option<String>, audience: Option<String>) -> Result<Self, String> {
        let url = Url::parse(url.trim()).map_err(|_| "not a URL".to_owned())?;
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here(&url)) {
            return Err(
                "it must start with https://: whoever can change what is fetched can sign for anyone".to_owned()
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must hold no user name and no password: published keys need none".to_owned());
        }
        let (known, fetching) = Default::default();
        Ok(Self { url, issuer, audience, client: OnceLock::new(), known, fetching })
    }

    pub(super) async fn verify(
        &self,
        token: &str,
        clock: &dyn Clock,
        within: Duration,
    ) -> Result<UserClaims, Disbelief> {
        let within = within.min(FETCH_TIME);
        match self.check(token, clock, Want::Any, within).await {
            Err(Disbelief::TokenError(TokenError::UnknownKey)) => self.check(token, clock, Want::Newer, within).await,
            outcome => outcome,
        }
    }

    async fn check(
        &self,
        token: &str,
        clock: &dyn Clock,
        want: Want,
        within: Duration,
    ) -> Result<UserClaims, Disbelief> {
        self.refresh(clock, want, within).await;
        let now = clock.since_epoch();
        let tokens = self.known().usable(now).ok_or(Disbelief::NoKeys)?;
        Ok(tokens.verify(token, now.as_secs())?)
    }

    /// Fetches when it is time to. Others who need what is being fetched wait for it; those who have keys do not.
    async fn refresh(&self, clock: &dyn Clock, want: Want, within: Duration) {
        let now = clock.since_epoch();
        if !self.known().is_due(now, want) {
            return;
        }
        let served = want == Want::Any && self.known().usable(now).is_some();
        let turn = if served { Duration::ZERO } else { within };
        let Ok(_turn) = tokio::time::timeout(turn, self.fetching.lock()).await else { return };
        if !self.known().is_due(now, want) {
            return;
        }
        let fetched = self.fetch(within).await;
        let mut known = self.known();
        match fetched {
            Ok(key) => {
                tracing::info!(keys = ?key, "[WebSocket] The platform's keys were fetched");
                let (issuer, audience) = (self.issuer.clone(), self.audience.clone());
                known.found(Arc::new(UserTokenVerifier { key, issuer, audience }), now);
            }
            Err(reason) => {
                known.failed(now);
                if known.usable(now).is_some() {
                    tracing::warn!(reason, "[WebSocket] The platform's keys were not fetched: the old ones serve");
                } else {
                    tracing::error!(reason, "[WebSocket] The platform's keys were not fetched: there are none");
                }
            }
        }
    }

    async fn fetch(&self, within: Duration) -> Result<UserKey, String> {
        let client = self.client.get_or_init(client).as_ref().map_err(Clone::clone)?;
        let accept = "application/jwk-set+json, application/json";
        let failed = |error: reqwest::Error| chain(&error.without_url());
        let request = client.get(self.url.clone()).header(ACCEPT, accept).timeout(within);
        let mut response = request.send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(format!("JWT_JWKS_URL answered {}", response.status()));
        }
        let mut set = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if set.len() + chunk.len() > SET_BYTES {
                return Err(format!("the key set has more than {SET_BYTES} bytes"));
            }
            set.extend_from_slice(&chunk);
        }
        UserKey::from_jwks(&set).map_err(|error| format!("JWT_JWKS_URL is not usable: {error}"))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection is not kept: the next fetch is ten minutes away.
fn client() -> Result<Client, String> {
    builder(FETCH_TIME).pool_max_idle_per_host(0).build().map_err(|error| chain(&error))
}

/// Whether the address is this machine, as in development.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_a_safe_address_or_from_this_machine() {
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
