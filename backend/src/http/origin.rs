//! Checks of the `Host` and `Origin` headers, against pages of other sites and DNS rebinding.

use crate::config::AuthConfig;
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// True if `Host` is this machine by address or as `localhost`: a name that an attacker points at loopback is neither.
pub(super) fn is_loopback_host(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // The colons of an IPv6 address are inside brackets.
    let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    matches!(port.map_or(host, |(name, _)| name), "localhost" | "127.0.0.1" | "[::1]")
}

/// True if a page of this origin may open a WebSocket. Programs send no `Origin`; a page is same-origin or listed. Without
/// configured secrets `Host` must be loopback too, because a page may rebind its name to this machine.
pub(super) fn origin_allowed(auth: &AuthConfig, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if auth.random_secrets && !is_loopback_host(headers) {
        return false;
    }
    match text(ORIGIN) {
        None => !headers.contains_key(ORIGIN),
        Some(origin) => {
            let host = text(HOST).unwrap_or_default();
            let same = origin.split_once("://").is_some_and(|(_, origin_host)| origin_host == host);
            same || auth.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
        }
    }
}
