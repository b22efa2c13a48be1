//! Gives every request an id, the gateway's where it sent one, so that one id stands in the logs of every part that it passes.

use super::Service;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use shared_protocol::gateway::REQUEST_ID_HEADER;
use std::sync::Arc;

/// Longest id that is taken from a caller, in bytes.
const LONGEST: usize = 128;

pub(super) async fn layer(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    let name = HeaderName::from_static(REQUEST_ID_HEADER);
    let usable = |id: &HeaderValue| id.len() <= LONGEST && id.to_str().is_ok_and(|id| !id.is_empty());
    let given = request.headers().get(&name).filter(|id| usable(id)).cloned();
    let id = given.or_else(|| HeaderValue::try_from(hex::encode(service.entropy.bytes::<8>())).ok());
    let Some(id) = id else { return next.run(request).await };
    request.headers_mut().insert(name.clone(), id.clone());
    let mut answer = next.run(request).await;
    answer.headers_mut().insert(name, id);
    answer
}
