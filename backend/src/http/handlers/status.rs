//! The state of this instance, for platforms and operators: health, diagnostics and metrics. No secrets.

use crate::config::Secret;
use crate::http::auth::{bearer, is_loopback_host};
use crate::http::context::{ENDPOINTS, ServiceContext};
use crate::http::error::HttpError;
use crate::metrics::CONTENT_TYPE;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use shared_protocol::{ErrorCode, limits};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// `GET /health`: 503 only while draining, because platforms replace an instance that answers 503, and every shell with it.
pub(in crate::http) async fn health(State(service): State<Arc<ServiceContext>>) -> (StatusCode, Json<Value>) {
    let degraded = service.registry.degraded();
    let (status, word) = match degraded {
        _ if service.is_draining() => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        Some(_) => (StatusCode::OK, "degraded"),
        None => (StatusCode::OK, "ok"),
    };
    let body = json!({
        "status": word,
        "websocket": "available",
        "endpoints": ENDPOINTS,
        "version": env!("CARGO_PKG_VERSION"),
        "sessions": service.registry.count(),
        "why": degraded,
    });
    (status, Json(body))
}

/// `GET /api/diagnostics/websocket`: limits, timeouts and the isolation level.
pub(in crate::http) async fn diagnostics(State(service): State<Arc<ServiceContext>>) -> Json<Value> {
    let session = service.config.limits;
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": ENDPOINTS,
        "store": service.store.kind(),
        "isolation": service.isolation,
        "metrics": if service.config.metrics_token.is_some() { "token" } else { "local" },
        "limits": {
            "frameBytes": limits::FRAME_BYTES,
            "inputWindowBytes": limits::INPUT_WINDOW_BYTES,
            "commandResultBytes": limits::RESULT_BYTES,
            "sessions": service.config.sessions,
        },
        "timeouts": {
            "sessionGraceSeconds": session.detach_timeout.as_secs(),
            "sessionIdleSeconds": session.idle_timeout.as_secs(),
            "sessionMaxSeconds": session.initial_lifetime.as_secs(),
            "gatewayIdleSeconds": limits::IDLE_TIMEOUT.as_secs(),
            "gatewayConnectionSeconds": limits::CONNECTION_LIFETIME.as_secs(),
            "gatewayIntegrationSeconds": limits::INTEGRATION_TIMEOUT.as_secs(),
        },
    }))
}

/// `GET /openapi.json`: the description of this API.
pub(in crate::http) async fn openapi() -> Response {
    const DOCUMENT: &str = include_str!("../../../../docs/api/openapi.json");
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

/// `GET /metrics`: the metrics as text. They name no user, but tell how busy a platform is, so a reader needs `METRICS_TOKEN`;
/// without one, only clients on this machine may read.
pub(in crate::http) async fn metrics(
    State(service): State<Arc<ServiceContext>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    if !may_read(service.config.metrics_token.as_ref(), peer.ip(), &headers) {
        let how = "metrics need METRICS_TOKEN as bearer token; if it is not set, only this machine may read them";
        return Err(HttpError::new(ErrorCode::Forbidden, how));
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], service.metrics.text()).into_response())
}

fn may_read(token: Option<&Secret>, peer: IpAddr, headers: &HeaderMap) -> bool {
    match token {
        Some(Secret(token)) => bearer(headers).is_some_and(|given| token.as_bytes().ct_eq(given.as_bytes()).into()),
        None => peer.to_canonical().is_loopback() && is_loopback_host(headers) && !was_proxied(headers),
    }
}

/// True if a proxy sent the request: a proxy on this machine is a loopback peer for all of its clients.
fn was_proxied(headers: &HeaderMap) -> bool {
    let by_proxies = |name: &HeaderName| {
        [header::FORWARDED, header::VIA].contains(name)
            || name == "x-real-ip"
            || name.as_str().starts_with("x-forwarded")
    };
    headers.keys().any(by_proxies) || headers.get_all(header::HOST).iter().count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(peer: &str, given: &[(&'static str, &str)], token: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        let token = token.map(|token| Secret(token.into()));
        may_read(token.as_ref(), peer.parse().unwrap(), &headers)
    }

    #[test]
    fn without_a_token_only_this_machine_may_read() {
        for host in ["localhost", "localhost:3001", "127.0.0.1:3001", "[::1]:3001"] {
            assert!(allowed("127.0.0.1", &[("host", host)], None), "{host}");
        }
        assert!(allowed("::1", &[("host", "[::1]")], None));
        assert!(allowed("::ffff:127.0.0.1", &[("host", "localhost")], None));
        assert!(!allowed("10.0.0.7", &[("host", "localhost")], None), "another machine");
        for host in ["labs.example", "localhost.evil.example", "10.0.0.7:3001", ""] {
            assert!(!allowed("127.0.0.1", &[("host", host)], None), "{host}");
        }
        assert!(!allowed("127.0.0.1", &[], None), "no Host");
        for proxied in ["x-forwarded-for", "x-forwarded-host", "forwarded", "via", "x-real-ip"] {
            assert!(!allowed("127.0.0.1", &[("host", "localhost"), (proxied, "1.2.3.4")], None), "{proxied}");
        }
        assert!(!allowed("127.0.0.1", &[("host", "localhost"), ("host", "labs.example")], None));
    }

    #[test]
    fn with_a_token_only_its_bearer_may_read() {
        let token = Some("0123456789abcdef");
        let local = ("host", "localhost");
        let bearer = ("authorization", "Bearer 0123456789abcdef");
        assert!(allowed("10.0.0.7", &[bearer], token));
        assert!(allowed("10.0.0.7", &[bearer, ("x-forwarded-for", "::1")], token));
        for wrong in ["Bearer ", "Bearer 0123456789abcdeF", "Bearer 0123456789abcdef0", "0123456789abcdef"] {
            assert!(!allowed("127.0.0.1", &[local, ("authorization", wrong)], token), "{wrong}");
        }
        assert!(!allowed("127.0.0.1", &[local], token), "also on this machine");
    }
}
