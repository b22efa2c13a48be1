//! Steps of a transfer that are the same for a file in a request and for one in messages.

use super::error::HttpError;
use super::file_limits::{MAX_FILE_BYTES, helped};
use crate::files::{FileTask, Head, readable_name};
use crate::session::{SessionError, SessionFiles, plain_line};
use crate::terminal::FileHelper;
use shared_protocol::limits::PATH_BYTES;

/// A new file that is complete.
pub(super) struct StoredFile {
    /// Its name, as one that can be shown.
    pub name: String,
    /// Its directory, as one line.
    pub directory: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex digits.
    pub sha256: String,
}

/// Opens a new file. `task` is to receive it.
pub(super) async fn open_new(files: &SessionFiles, task: &FileTask) -> Result<FileHelper, HttpError> {
    let mut helper = files.begin(task).await?;
    match helped(helper.head()).await? {
        Head::Ready => Ok(helper),
        _ => Err(SessionError::broke_off().into()),
    }
}

/// Completes a new file, if this is its SHA-256.
pub(super) async fn finish(helper: &mut FileHelper, sha256: Option<&str>) -> Result<StoredFile, HttpError> {
    match helped(helper.finish(sha256)).await? {
        Head::Stored { name, directory, bytes, sha256 } => {
            let directory = plain_line(&directory, PATH_BYTES);
            Ok(StoredFile { name: readable_name(&name), directory, bytes, sha256 })
        }
        _ => Err(SessionError::broke_off().into()),
    }
}

/// Opens a path to send it. Returns size and SHA-256 of a file; `None` for a directory, which comes as an archive.
pub(super) async fn open_to_send(
    files: &SessionFiles,
    path: String,
) -> Result<(FileHelper, Option<(u64, String)>), HttpError> {
    let mut helper = files.begin(&FileTask::Send { path, most: MAX_FILE_BYTES }).await?;
    match helped(helper.head()).await? {
        Head::File { bytes, sha256 } => Ok((helper, Some((bytes, sha256)))),
        Head::Folder => Ok((helper, None)),
        _ => Err(SessionError::broke_off().into()),
    }
}
