//! The only place where a failure becomes an HTTP answer: `{error, code, retryable}` with a fitting status.

use super::observe::RefusedWith;
use crate::session::Refusal;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use shared_protocol::{ApiError, ErrorCode};

/// A failure on its way out.
#[derive(Debug)]
pub(super) struct Failure(pub ApiError);

impl Failure {
    pub(super) fn new(code: ErrorCode, error: impl Into<String>) -> Self {
        Self(ApiError::new(code, error))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

impl From<tokens::BadToken> for Failure {
    fn from(bad: tokens::BadToken) -> Self {
        let code = if bad == tokens::BadToken::Expired { ErrorCode::TokenExpired } else { ErrorCode::Unauthorized };
        Self::new(code, bad.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let refused = Extension(RefusedWith(self.0.code));
        (status, refused, Json(self.0)).into_response()
    }
}

pub(super) async fn no_such_route() -> Response {
    let body = ApiError::new(ErrorCode::SessionNotFound, "there is nothing at this path");
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}
