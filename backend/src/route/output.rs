//! `POST /api/ws/output`: long poll for the next frame of a follower.

use super::Service;
use super::auth::Signed;
use super::error::Failure;
use super::message::{insert_close, with_frame};
use crate::session::{OutputResponse, PollToken};
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
    let poll_token: PollToken = request.follow.parse().map_err(|error| bad(&error))?;
    let wait = Duration::from_millis(request.wait_ms.min(MAX_WAIT_MS));
    let session = service.registry.running(signed.session()?, &signed.caller()).await?;
    Ok(session.output(signed.claims.cid, poll_token, wait).await?.into_response())
}

impl IntoResponse for OutputResponse {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(poll_token) = self.next.and_then(|poll_token| HeaderValue::try_from(poll_token.to_string()).ok()) {
            headers.insert(NEXT_HEADER, poll_token);
        }
        insert_close(&mut headers, self.close);
        with_frame(headers, self.frame)
    }
}
