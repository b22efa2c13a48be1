//! The only place where a failure becomes an HTTP answer: `{error, code, retryable}` with a fitting status.

use super::observe::RefusedWith;
use crate::session::SessionError;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http_body_util::{BodyExt, Limited};
use shared_protocol::{ApiError, ErrorCode};

/// Longest sentence of the HTTP library that is passed on, in bytes.
const SENTENCE_BYTES: usize = 1024;

/// A failure on its way out.
#[derive(Debug)]
pub(super) struct Failure(pub ApiError);

impl Failure {
    pub(super) fn new(code: ErrorCode, error: impl Into<String>) -> Self {
        Self(ApiError::new(code, error))
    }
}

impl From<SessionError> for Failure {
    fn from(refusal: SessionError) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

impl From<auth_tokens::TokenError> for Failure {
    fn from(bad: auth_tokens::TokenError) -> Self {
        let code =
            if bad == auth_tokens::TokenError::Expired { ErrorCode::TokenExpired } else { ErrorCode::Unauthorized };
        Self::new(code, bad.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let refused = Extension(RefusedWith(self.0.code));
        let mut response = (status, refused, Json(self.0)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 section 15.5.2: an answer of 401 says how to do better.
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// What the HTTP library refuses by itself (a method, a query, a path, an upgrade that is none) as all other failures look, with the
/// headers that it gave.
pub(super) async fn as_failure(response: Response) -> Response {
    let status = response.status();
    let is_ours = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !status.is_client_error() || is_ours {
        return response;
    }
    let (given, body) = response.into_parts();
    let body =
        Limited::new(body, SENTENCE_BYTES).collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let (code, usual) = match status {
        StatusCode::METHOD_NOT_ALLOWED => (ErrorCode::BadMessage, "this path knows other methods, which `Allow` names"),
        _ => (ErrorCode::BadField, "the path, the query or a header is not what it must be"),
    };
    let sentence = std::str::from_utf8(&body).ok().filter(|sentence| !sentence.is_empty()).unwrap_or(usual);
    let mut failure = Failure::new(code, sentence).into_response();
    *failure.status_mut() = status;
    for (name, value) in given.headers.iter().filter(|(name, _)| ![CONTENT_TYPE, CONTENT_LENGTH].contains(name)) {
        failure.headers_mut().append(name, value.clone());
    }
    failure
}

pub(super) async fn no_such_route() -> Response {
    let body = ApiError::new(ErrorCode::SessionNotFound, "there is nothing at this path");
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}
