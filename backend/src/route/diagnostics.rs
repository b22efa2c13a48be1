//! `GET /api/diagnostics/websocket`: limits, timeouts and the level of isolation. No secrets.

use super::{ENDPOINTS, Service};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use shared_protocol::limits;
use std::sync::Arc;

pub(super) async fn handle(State(service): State<Arc<Service>>) -> Json<Value> {
    let about = service.about;
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": ENDPOINTS,
        "store": about.store_kind,
        "isolation": about.isolation,
        "metrics": if service.metrics_token.is_some() { "token" } else { "local" },
        "limits": {
            "frameBytes": limits::FRAME_BYTES,
            "inputWindowBytes": limits::INPUT_WINDOW_BYTES,
            "commandResultBytes": limits::RESULT_BYTES,
            "sessions": about.sessions,
        },
        "timeouts": {
            "sessionGraceSeconds": about.limits.detach_timeout.as_secs(),
            "sessionIdleSeconds": about.limits.idle_timeout.as_secs(),
            "sessionMaxSeconds": about.limits.initial_lifetime.as_secs(),
            "gatewayIdleSeconds": limits::IDLE_TIMEOUT.as_secs(),
            "gatewayConnectionSeconds": limits::CONNECTION_LIFETIME.as_secs(),
            "gatewayIntegrationSeconds": limits::INTEGRATION_TIMEOUT.as_secs(),
        },
    }))
}
