//! `@connections`: how a function reaches a client. The paths, statuses and bodies of API Gateway's management API, without
//! its signatures.

use crate::connections::{Clients, PostError};
use crate::system::{System, fresh_id};
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode};
use serde_json::json;
use std::sync::Arc;
use std::time::SystemTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Names the error for SDKs.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
/// Names the request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// What is read of a body before it is refused: more than any message, so that SDKs get to see the answer.
const BODY_BYTES: usize = 8 * 1024 * 1024;

/// What the routes need.
#[derive(Clone)]
pub(crate) struct Management {
    pub(crate) stage: String,
    pub(crate) clients: Arc<dyn Clients>,
    pub(crate) system: Arc<dyn System>,
}

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Gone,
    PayloadTooLarge,
    LimitExceeded,
    BadRequest,
    Forbidden,
    Internal,
}

impl Refused {
    fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::Gone => (StatusCode::GONE, "GoneException"),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException"),
            Self::LimitExceeded => (StatusCode::TOO_MANY_REQUESTS, "LimitExceededException"),
            Self::BadRequest => (StatusCode::BAD_REQUEST, "BadRequestException"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "ForbiddenException"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerErrorException"),
        }
    }
}

impl From<PostError> for Refused {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Gone => Self::Gone,
            PostError::TooLarge => Self::PayloadTooLarge,
            PostError::Full => Self::LimitExceeded,
            PostError::NotText => Self::BadRequest,
            PostError::Failed => Self::Internal,
        }
    }
}

impl Management {
    fn answer(&self, result: Result<Response, Refused>) -> Response {
        let id = fresh_id(self.system.as_ref());
        let response = result.unwrap_or_else(|refused| {
            let (status, kind) = refused.parts();
            let body = Json(json!({"message": kind, "requestId": id}));
            (status, [(ERROR_TYPE, kind)], body).into_response()
        });
        ([(REQUEST_ID, id)], response).into_response()
    }

    fn check(&self, stage: &str) -> Result<(), Refused> {
        if stage == self.stage { Ok(()) } else { Err(Refused::Forbidden) }
    }
}

/// `POST /{stage}/@connections/{id}`: sends the body as one message.
pub(crate) async fn post(
    State(management): State<Management>,
    Path((stage, id)): Path<(String, String)>,
    body: Body,
) -> Response {
    let posted = async {
        management.check(&stage)?;
        let data = to_bytes(body, BODY_BYTES).await.map_err(|_| Refused::PayloadTooLarge)?;
        management.clients.post(&id, data).await?;
        Ok(StatusCode::OK.into_response())
    };
    management.answer(posted.await)
}

/// `GET /{stage}/@connections/{id}`: who it is, since when, and when it was last active.
pub(crate) async fn get(State(management): State<Management>, Path((stage, id)): Path<(String, String)>) -> Response {
    let found = async {
        management.check(&stage)?;
        let found = management.clients.describe(&id).await.ok_or(Refused::Gone)?;
        let body = json!({
            "connectedAt": iso(found.connected_at),
            "lastActiveAt": iso(found.last_active_at),
            "identity": {"sourceIp": found.source_ip, "userAgent": found.user_agent},
        });
        Ok(Json(body).into_response())
    };
    management.answer(found.await)
}

/// `DELETE /{stage}/@connections/{id}`: closes it with 1000.
pub(crate) async fn delete(
    State(management): State<Management>,
    Path((stage, id)): Path<(String, String)>,
) -> Response {
    let closed = async {
        management.check(&stage)?;
        if management.clients.close(&id).await {
            Ok(StatusCode::NO_CONTENT.into_response())
        } else {
            Err(Refused::Gone)
        }
    };
    management.answer(closed.await)
}

fn iso(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_default()
}
