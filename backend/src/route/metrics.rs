//! `GET /metrics`: what the service counts, for whoever watches it. They name nobody, but tell how busy a platform is: so they
//! need a token of their own, or, where none is configured, the machine itself.

use super::Service;
use super::auth::{bearer, names_this_machine};
use super::error::Failure;
use crate::config::Secret;
use crate::metrics::CONTENT_TYPE;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{CONTENT_TYPE as TYPE, FORWARDED, HOST, VIA};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use shared_protocol::ErrorCode;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use subtle::ConstantTimeEq;

pub(super) async fn handle(
    State(service): State<Arc<Service>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if !may_read(service.metrics_token.as_ref(), peer.ip(), &headers) {
        let how = "metrics are for those with METRICS_TOKEN as bearer token, or without one for this machine alone";
        return Err(Failure::new(ErrorCode::Forbidden, how));
    }
    Ok(([(TYPE, CONTENT_TYPE)], service.metrics.text()).into_response())
}

fn may_read(token: Option<&Secret>, peer: IpAddr, headers: &HeaderMap) -> bool {
    match token {
        Some(Secret(token)) => bearer(headers).is_some_and(|given| token.as_bytes().ct_eq(given.as_bytes()).into()),
        None => peer.to_canonical().is_loopback() && names_this_machine(headers) && !was_forwarded(headers),
    }
}

/// Whether a proxy passed it on: one on this machine is a peer on loopback too, whoever asked it.
fn was_forwarded(headers: &HeaderMap) -> bool {
    let by_proxies = |name: &HeaderName| {
        *name == FORWARDED || *name == VIA || name == "x-real-ip" || name.as_str().starts_with("x-forwarded")
    };
    headers.keys().any(by_proxies) || headers.get_all(HOST).iter().count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str, given: &[(&'static str, &str)], token: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        let token = token.map(|token| Secret(token.into()));
        may_read(token.as_ref(), peer.parse().unwrap(), &headers)
    }

    #[test]
    fn without_a_token_only_this_machine_reads() {
        for host in ["localhost", "localhost:3001", "127.0.0.1:3001", "[::1]:3001"] {
            assert!(asked("127.0.0.1", &[("host", host)], None), "{host}");
        }
        assert!(asked("::1", &[("host", "[::1]")], None));
        assert!(asked("::ffff:127.0.0.1", &[("host", "localhost")], None));
        assert!(!asked("10.0.0.7", &[("host", "localhost")], None), "another machine");
        for host in ["labs.example", "localhost.evil.example", "10.0.0.7:3001", ""] {
            assert!(!asked("127.0.0.1", &[("host", host)], None), "{host}");
        }
        assert!(!asked("127.0.0.1", &[], None), "it must say for whom it is");
        for proxied in ["x-forwarded-for", "x-forwarded-host", "forwarded", "via", "x-real-ip"] {
            assert!(!asked("127.0.0.1", &[("host", "localhost"), (proxied, "1.2.3.4")], None), "{proxied}");
        }
        assert!(!asked("127.0.0.1", &[("host", "localhost"), ("host", "labs.example")], None));
    }

    #[test]
    fn with_a_token_only_its_bearer_reads() {
        let token = Some("0123456789abcdef");
        let local = ("host", "localhost");
        assert!(asked("10.0.0.7", &[("authorization", "Bearer 0123456789abcdef")], token));
        assert!(asked("10.0.0.7", &[("authorization", "Bearer 0123456789abcdef"), ("x-forwarded-for", "::1")], token));
        for wrong in ["Bearer ", "Bearer 0123456789abcdeF", "Bearer 0123456789abcdef0", "0123456789abcdef"] {
            assert!(!asked("127.0.0.1", &[local, ("authorization", wrong)], token), "{wrong}");
        }
        assert!(!asked("127.0.0.1", &[local], token), "also on this machine");
    }
}
