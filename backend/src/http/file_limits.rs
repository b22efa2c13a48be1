//! Limits of transfers of files, and their refusals: the same for those in requests and those in messages.

use super::error::HttpError;
use crate::files::{check_folder, check_name};
use crate::session::SessionError;
use crate::terminal::FileError;
use shared_protocol::ErrorCode;
use shared_protocol::limits::PATH_BYTES;
use shared_protocol::text::is_path;
use std::time::Duration;
use tokio::time::timeout;

/// Largest file, and largest content of a directory, in bytes.
pub(super) const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Longest time between two pieces of a file.
pub(super) const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Time to bring a file. A slow transfer ends earlier where others need its place.
pub(super) const UPLOAD_TIMEOUT: Duration = Duration::from_secs(3600);

/// Largest archive, in bytes: [`MAX_FILE_BYTES`] of content, and as much for the headers of many small files.
pub(super) const MAX_ARCHIVE_BYTES: u64 = MAX_FILE_BYTES * 2;

/// Time that a helper has to open a path, to read a file for its digest, and to finish a new one.
pub(super) const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// Fails for a path that no file can have.
pub(super) fn check_path(path: &str) -> Result<(), HttpError> {
    if is_path(path) {
        return Ok(());
    }
    let text = format!("a path has at most {PATH_BYTES} bytes, and none of them is NUL");
    Err(HttpError::new(ErrorCode::BadField, text))
}

/// Fails for a name or a folder that some system does not allow.
pub(super) fn check_names(name: &str, folder: Option<&str>) -> Result<(), HttpError> {
    let refused =
        |field: &str, why: &str| HttpError::new(ErrorCode::BadField, format!("`{field}` is not valid: {why}"));
    check_name(name).map_err(|why| refused("name", why))?;
    folder.map_or(Ok(()), check_folder).map_err(|why| refused("folder", why))
}

/// Waits for a helper.
pub(super) async fn helped<T>(work: impl Future<Output = Result<T, FileError>>) -> Result<T, HttpError> {
    match timeout(HELPER_TIMEOUT, work).await {
        Ok(done) => Ok(done.map_err(SessionError::from)?),
        Err(_) => Err(HttpError::new(ErrorCode::BackendTimeout, "the session does not read or write the file in time")),
    }
}

/// The refusal of a file that is larger than `most`.
pub(super) fn too_large(most: u64) -> HttpError {
    let text = if most < MAX_FILE_BYTES {
        format!("the session has room for {most} bytes")
    } else {
        format!("a file may have {MAX_FILE_BYTES} bytes")
    };
    HttpError::new(ErrorCode::TooLarge, text)
}

/// The end of a transfer whose sender is too slow.
pub(super) fn stalled() -> HttpError {
    HttpError::new(ErrorCode::BadMessage, "the file does not arrive in time")
}

/// The end of a transfer that made room for another one.
pub(super) fn cut() -> HttpError {
    HttpError::new(ErrorCode::RateLimited, "other transfers need its place; try again")
}
