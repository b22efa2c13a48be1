//! Gives every request an id, or keeps the gateway's, so that the logs of all components share one id.

use super::context::ServiceContext;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use shared_protocol::gateway::REQUEST_ID_HEADER;
use std::sync::Arc;

/// Longest id accepted from a caller, in bytes.
const MAX_ID_BYTES: usize = 128;

/// The id of a request, for logs.
pub(super) fn request_id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID_HEADER).and_then(|id| id.to_str().ok()).unwrap_or("-")
}

pub(super) async fn layer(State(service): State<Arc<ServiceContext>>, mut request: Request, next: Next) -> Response {
    let name = HeaderName::from_static(REQUEST_ID_HEADER);
    let usable = |id: &HeaderValue| id.len() <= MAX_ID_BYTES && id.to_str().is_ok_and(|id| !id.is_empty());
    let given = request.headers().get(&name).filter(|id| usable(id)).cloned();
    let id = given.or_else(|| HeaderValue::try_from(hex::encode(service.random.bytes::<8>())).ok());
    let Some(id) = id else { return next.run(request).await };
    request.headers_mut().insert(name.clone(), id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(name, id);
    response
}
