//! `POST /api/ws/output`: long poll for the next frame of a follower.

use super::Service;
use super::auth::Signed;
use super::error::Failure;
use super::message::{insert_close, with_frame};
use crate::session::{Fetched, Ticket};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use shared_protocol::ErrorCode;
use shared_protocol::gateway::{MAX_WAIT_MS, NEXT_HEADER, OutputRequest};
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn handle(State(service): State<Arc<Service>>, signed: Signed) -> Result<Response, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::new(ErrorCode::BadField, format!("the body is wrong: {error}"));
    let request: OutputRequest = serde_json::from_slice(&signed.body).map_err(|error| bad(&error))?;
    let ticket: Ticket = request.follow.parse().map_err(|error| bad(&error))?;
    let wait = Duration::from_millis(request.wait_ms.min(MAX_WAIT_MS));
    let session = service.registry.running(signed.session()?, &signed.speaker()).await?;
    Ok(session.output(signed.claims.cid, ticket, wait).await?.into_response())
}

impl IntoResponse for Fetched {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(ticket) = self.next.and_then(|ticket| HeaderValue::try_from(ticket.to_string()).ok()) {
            headers.insert(NEXT_HEADER, ticket);
        }
        insert_close(&mut headers, self.close);
        with_frame(headers, self.frame)
    }
}
