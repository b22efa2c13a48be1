//! The state of this instance, for platforms and operators: health, diagnostics and metrics. No secrets.

use crate::config::Secret;
use crate::http::auth::{bearer, trust};
use crate::http::context::{ENDPOINTS, ServiceContext};
use crate::http::error::HttpError;
use crate::metrics::CONTENT_TYPE;
use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use shared_protocol::{ErrorCode, limits};
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
        "metrics": if service.config.metrics_token.is_some() { "token" } else { "off" },
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

/// `GET /metrics`: the metrics as text. They name no user, but tell how busy a platform is, so a reader needs `METRICS_TOKEN`.
/// An address proves nothing: a proxy on this machine has a loopback address for all of its clients.
pub(in crate::http) async fn metrics(
    State(service): State<Arc<ServiceContext>>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, HttpError> {
    if !may_read(service.config.metrics_token.as_ref(), &headers) {
        let how = "metrics need METRICS_TOKEN as bearer token; while it is not set, they are off";
        return Err(HttpError::new(ErrorCode::Forbidden, how));
    }
    trust(&extensions, None)?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], service.metrics.text()).into_response())
}

fn may_read(token: Option<&Secret>, headers: &HeaderMap) -> bool {
    let (Some(Secret(token)), Some(given)) = (token, bearer(headers)) else { return false };
    token.as_bytes().ct_eq(given.as_bytes()).into()
}
