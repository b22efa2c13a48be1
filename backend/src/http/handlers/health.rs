//! `GET /health`: 503 only while draining, because platforms replace an instance that answers 503, and every shell with it.

use crate::http::context::ServiceContext;
use crate::http::endpoints::ENDPOINTS;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

pub(in crate::http) async fn handle(State(service): State<Arc<ServiceContext>>) -> (StatusCode, Json<Value>) {
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
