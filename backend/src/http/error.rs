//! The only mapping from errors to HTTP responses: `{error, code, retryable}` with the status of the code. Reads bodies too,
//! within a size and a time.

use crate::session::SessionError;
use crate::store::StoreError;
use auth_tokens::TokenError;
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use shared_protocol::limits::FRAME_BYTES;
use shared_protocol::{ApiError, ErrorCode};
use std::time::Duration;
use tokio::time::timeout;
use websocket::OpeningError;

/// Largest body of a request, in bytes: twice a frame, so that a slightly larger message gets an error frame instead of a 413.
pub(super) const MAX_BODY_BYTES: usize = FRAME_BYTES * 2;

/// Largest body of a check, in bytes: its script and its paths as JSON, in which most characters of a script take one byte.
pub(super) const MAX_CHECK_BODY_BYTES: usize = 256 * 1024;

/// Largest file that is handed out, in bytes: an instance holds all of it.
pub(super) const MAX_HAND_OUT_BYTES: usize = 8 * 1024 * 1024;

/// Time to receive a body: it is small, and clients send it together with the headers.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Extension of an error response: its code, for metrics and the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct ErrorCodeExt(pub ErrorCode);

/// An error response.
#[derive(Debug, Clone)]
pub(super) struct HttpError(pub ApiError);

impl HttpError {
    pub(super) fn new(code: ErrorCode, error: impl Into<String>) -> Self {
        Self(ApiError::new(code, error))
    }
}

impl From<SessionError> for HttpError {
    fn from(error: SessionError) -> Self {
        Self::new(error.code, error.message)
    }
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> Self {
        SessionError::from(error).into()
    }
}

impl From<TokenError> for HttpError {
    fn from(error: TokenError) -> Self {
        let code = if error == TokenError::Expired { ErrorCode::TokenExpired } else { ErrorCode::Unauthorized };
        Self::new(code, error.to_string())
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = Extension(ErrorCodeExt(self.0.code));
        let mut response = (status, code, Json(self.0)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 section 15.5.2: a 401 names the authentication scheme.
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Gives the HTTP library's own errors (wrong method, query, path or upgrade) the shape of all others, and keeps their headers.
/// Their sentences speak of how a library reads a request, so they are replaced.
pub(super) async fn unify(response: Response) -> Response {
    let status = response.status();
    let is_ours = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !status.is_client_error() || is_ours {
        return response;
    }
    let (given, _) = response.into_parts();
    let (code, text) = match (status, given.extensions.get::<OpeningError>()) {
        (StatusCode::METHOD_NOT_ALLOWED, _) => {
            (ErrorCode::BadMessage, "method not allowed; `Allow` lists the methods".to_owned())
        }
        (_, Some(error)) => (ErrorCode::BadField, error.to_string()),
        _ => (ErrorCode::BadField, "the path, the query or a header is not valid".to_owned()),
    };
    let mut error = HttpError::new(code, text).into_response();
    *error.status_mut() = status;
    for (name, value) in given.headers.iter().filter(|(name, _)| ![CONTENT_TYPE, CONTENT_LENGTH].contains(name)) {
        error.headers_mut().append(name, value.clone());
    }
    error
}

/// The answer for unknown paths. Without credentials it is no error but a redirection: a scanner that asks for a thousand paths
/// would make a platform roll back a deployment, because it counts 4xx.
pub(super) async fn no_such_route(headers: HeaderMap) -> Response {
    let body = Json(ApiError::new(ErrorCode::UnknownPath, "there is nothing at this path"));
    if headers.contains_key(AUTHORIZATION) {
        (StatusCode::NOT_FOUND, body).into_response()
    } else {
        (StatusCode::SEE_OTHER, [(LOCATION, "/health")], body).into_response()
    }
}

/// Parses a body as JSON.
pub(super) fn read_body_as<T: DeserializeOwned>(body: &[u8]) -> Result<T, HttpError> {
    let unreadable = |sentence| HttpError::new(ErrorCode::BadField, format!("the body is not valid: {sentence}"));
    shared_protocol::read_json(body).map_err(unreadable)
}

/// Reads a whole body.
pub(super) async fn read_body(body: Body) -> Result<Bytes, HttpError> {
    read_long_body(body, MAX_BODY_BYTES).await
}

/// Reads a whole body of at most `most` bytes.
pub(super) async fn read_long_body(body: Body, most: usize) -> Result<Bytes, HttpError> {
    let unreadable = |code, why: &str| HttpError::new(code, format!("the body cannot be read: {why}"));
    match timeout(BODY_TIMEOUT, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(unreadable(ErrorCode::TooLarge, &format!("it has more than {most} bytes")))
        }
        Ok(Err(_)) => Err(unreadable(ErrorCode::BadMessage, "it is incomplete")),
        Err(_) => Err(unreadable(ErrorCode::BadMessage, "it did not arrive in time")),
    }
}
