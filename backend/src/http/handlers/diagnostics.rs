//! `GET /api/diagnostics/websocket`: limits, timeouts and the isolation level. No secrets.

use crate::http::context::ServiceContext;
use crate::http::endpoints::ENDPOINTS;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use shared_protocol::limits;
use std::sync::Arc;

pub(in crate::http) async fn handle(State(service): State<Arc<ServiceContext>>) -> Json<Value> {
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
