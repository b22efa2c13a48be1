//! Reads request bodies within a size and a time.

use super::error::HttpError;
use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use shared_protocol::ErrorCode;
use shared_protocol::limits::FRAME_BYTES;
use std::time::Duration;
use tokio::time::timeout;

/// Largest body of a request, in bytes: twice a frame, so that a slightly larger message gets an error frame instead of a 413.
const MAX_BODY_BYTES: usize = FRAME_BYTES * 2;

/// Time to receive a body: it has 64 KiB at most, and clients send it together with the headers.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a whole body.
pub(super) async fn read_body(body: Body) -> Result<Bytes, HttpError> {
    let unreadable = |code, why: &str| HttpError::new(code, format!("the body cannot be read: {why}"));
    match timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(unreadable(ErrorCode::TooLarge, &format!("it has more than {MAX_BODY_BYTES} bytes")))
        }
        Ok(Err(_)) => Err(unreadable(ErrorCode::BadMessage, "it is incomplete")),
        Err(_) => Err(unreadable(ErrorCode::BadMessage, "it did not arrive in time")),
    }
}
