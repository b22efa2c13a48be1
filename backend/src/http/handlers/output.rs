//! `POST /api/ws/output`: long poll for the next frame of a follower.

use super::message::{insert_close, with_frame};
use crate::http::auth::GatewayRequest;
use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::session::{OutputResponse, PollToken};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use shared_protocol::gateway::{MAX_WAIT_MS, NEXT_HEADER, OutputRequest};
use std::sync::Arc;
use std::time::Duration;

pub(in crate::http) async fn handle(
    State(service): State<Arc<ServiceContext>>,
    request: GatewayRequest,
) -> Result<Response, HttpError> {
    let body: OutputRequest = request.parse_body()?;
    let ticket: PollToken = body.follow.parse().map_err(|error| HttpError::bad_body(&error))?;
    let wait = Duration::from_millis(body.wait_ms.min(MAX_WAIT_MS));
    let session = service.registry.running(request.session()?, &request.caller()).await?;
    Ok(session.output(request.claims.cid, ticket, wait).await?.into_response())
}

impl IntoResponse for OutputResponse {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(ticket) = self.next.and_then(|ticket| HeaderValue::try_from(ticket.to_string()).ok()) {
            headers.insert(NEXT_HEADER, ticket);
        }
        insert_close(&mut headers, self.close);
        with_frame(headers, self.frame)
    }
}
