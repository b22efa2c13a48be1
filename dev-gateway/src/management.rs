//! `@connections`: API Gateway's management API with its paths, statuses and bodies, without signatures.

use crate::connections::{Clients, PostError};
use crate::system::{System, fresh_id, is_id};
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use std::time::SystemTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Bytes read of a body: more than any message, so that SDKs finish sending and receive the 413.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

#[derive(Clone)]
pub(crate) struct Management {
    pub(crate) stage: String,
    pub(crate) clients: Arc<dyn Clients>,
    pub(crate) system: Arc<dyn System>,
}

/// Status and error type of a rejected call.
struct ApiError(StatusCode, &'static str);

const GONE: ApiError = ApiError(StatusCode::GONE, "GoneException");

impl From<PostError> for ApiError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Gone => GONE,
            PostError::TooLarge => Self(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException"),
            PostError::Full => Self(StatusCode::TOO_MANY_REQUESTS, "LimitExceededException"),
            PostError::NotText => Self(StatusCode::BAD_REQUEST, "BadRequestException"),
            PostError::Failed => Self(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerErrorException"),
        }
    }
}

impl Management {
    /// `POST`, `GET` and `DELETE /{stage}/@connections/{id}`.
    pub(crate) fn routes(self) -> Router {
        let methods = routing::post(post).get(get).delete(delete);
        let methods = methods.with_state(self);
        // Some SDKs encode the `@`.
        let paths = ["/{stage}/@connections/{id}", "/{stage}/%40connections/{id}"];
        paths.into_iter().fold(Router::new(), |router, path| router.route(path, methods.clone()))
    }

    fn respond(&self, result: Result<Response, ApiError>) -> Response {
        let id = fresh_id(self.system.as_ref());
        let response = result.unwrap_or_else(|ApiError(status, kind)| {
            (status, [("x-amzn-errortype", kind)], Json(json!({"message": kind, "requestId": id}))).into_response()
        });
        ([("x-amzn-requestid", id)], response).into_response()
    }

    /// Fails for another stage, and for text that no connection can have as its id.
    fn check_path(&self, stage: &str, id: &str) -> Result<(), ApiError> {
        if stage != self.stage {
            return Err(ApiError(StatusCode::FORBIDDEN, "ForbiddenException"));
        }
        if is_id(id) { Ok(()) } else { Err(ApiError(StatusCode::BAD_REQUEST, "BadRequestException")) }
    }
}

async fn post(State(management): State<Management>, Path((stage, id)): Path<(String, String)>, body: Body) -> Response {
    let posted = async {
        management.check_path(&stage, &id)?;
        let data = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| PostError::TooLarge)?;
        management.clients.post(&id, data).await?;
        Ok(StatusCode::OK.into_response())
    };
    management.respond(posted.await)
}

async fn get(State(management): State<Management>, Path((stage, id)): Path<(String, String)>) -> Response {
    let found = async {
        management.check_path(&stage, &id)?;
        let found = management.clients.describe(&id).await.ok_or(GONE)?;
        let body = json!({
            "connectedAt": iso(found.connected_at),
            "lastActiveAt": iso(found.last_active_at),
            "identity": {"sourceIp": found.source_ip, "userAgent": found.user_agent},
        });
        Ok(Json(body).into_response())
    };
    management.respond(found.await)
}

/// Closes the connection with 1000.
async fn delete(State(management): State<Management>, Path((stage, id)): Path<(String, String)>) -> Response {
    let closed = async {
        management.check_path(&stage, &id)?;
        let found = management.clients.close(&id).await;
        found.then(|| StatusCode::NO_CONTENT.into_response()).ok_or(GONE)
    };
    management.respond(closed.await)
}

fn iso(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_default()
}
