//! `/api/sessions/{id}/files`: brings a file to the shell, and a file or a directory from it, for those who control the session.
//! The bytes pass from the connection to the pipe of a helper, and back, and are never gathered here.

use super::sessions::find;
use crate::files::{FileTask, readable_name};
use crate::http::auth::AuthenticatedUser;
use crate::http::connection_limit::ConnectionPermit;
use crate::http::context::ServiceContext;
use crate::http::download;
use crate::http::error::HttpError;
use crate::http::file_headers::{attachment, digest_field, expected_digest};
use crate::http::file_limits::{
    MAX_ARCHIVE_BYTES, MAX_FILE_BYTES, STALL_TIMEOUT, UPLOAD_TIMEOUT, check_names, check_path, cut, stalled, too_large,
};
use crate::http::file_steps::{StoredFile, finish, open_new, open_to_send};
use crate::http::transfers::Transfer;
use crate::metrics::TransferWay;
use crate::session::{SessionError, SessionFiles};
use crate::terminal::{FileError, FileHelper};
use axum::body::{BodyDataStream, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared_protocol::{ErrorCode, UserClaims};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Most of a file that is read after it was refused, in bytes.
const MAX_IGNORED_BYTES: usize = 16 * 1024 * 1024;

/// Time for that.
const IGNORED_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct UploadQuery {
    name: String,
    /// By default that of the shell.
    directory: Option<String>,
    /// Directories below it, which are made where they are missing.
    folder: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct DownloadQuery {
    path: String,
    /// Place of the digest of an archive, which is known once all of it was sent; by default there is none.
    digest: Option<DigestPlace>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DigestPlace {
    /// The last 32 bytes of the body, behind the archive: no browser shows a page the trailers of a response.
    End,
}

/// A transfer that may begin.
struct Begun {
    transfer: Transfer,
    files: SessionFiles,
    /// Completes once the user may not have the session's files any more.
    lost: BoxFuture<'static, SessionError>,
}

async fn begin(service: &ServiceContext, user: &UserClaims, id: String) -> Result<Begun, HttpError> {
    let (record, caller) = find(service, user, id).await?;
    let session = service.registry.running(&record.id, &caller).await?;
    let files = session.files(&caller, &record.creator).await?;
    let transfer = service.transfers.begin(&record.id, &user.sub, TransferWay::Http)?;
    Ok(Begun { transfer, files, lost: Box::pin(session.files_lost(caller, record.creator)) })
}

/// Writes the body to a new file of the session.
pub(in crate::http) async fn upload(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    let (parts, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let stored = store(&service, &user, id, query, &parts.headers, &mut body).await;
    if stored.is_err() {
        // A client that still sends would find its connection broken in place of the answer.
        let mut left = MAX_IGNORED_BYTES;
        let ignored = async {
            while let Some(Ok(piece)) = body.next().await
                && left > piece.len()
            {
                left -= piece.len();
            }
        };
        let _ = timeout(IGNORED_TIMEOUT, ignored).await;
    }
    Ok((StatusCode::CREATED, Json(stored?)))
}

async fn store(
    service: &ServiceContext,
    user: &UserClaims,
    id: String,
    UploadQuery { name, directory, folder }: UploadQuery,
    headers: &HeaderMap,
    body: &mut BodyDataStream,
) -> Result<Value, HttpError> {
    check_names(&name, folder.as_deref())?;
    check_path(directory.as_deref().unwrap_or_default())?;
    let expected = expected_digest(headers)?;
    let Begun { mut transfer, files, lost } = begin(service, user, id).await?;
    let part = hex::encode(service.random.bytes::<16>());
    let task = |most| FileTask::Receive { directory, folder, name, part, most };
    let stored = tokio::select! {
        stored = store_as(task, &files, (announced_bytes(headers), expected), body, &transfer) => stored,
        error = lost => Err(error.into()),
    };
    transfer.ended(&stored);
    stored
}

/// Writes a file; compares it with its announced length and SHA-256, where they are known.
async fn store_as(
    task: impl FnOnce(u64) -> FileTask,
    files: &SessionFiles,
    (announced, expected): (Option<u64>, Option<String>),
    body: &mut BodyDataStream,
    transfer: &Transfer,
) -> Result<Value, HttpError> {
    let most = files.room(MAX_FILE_BYTES);
    if announced.is_some_and(|bytes| bytes > most) {
        return Err(too_large(most));
    }
    let mut helper = open_new(files, &task(most)).await?;
    let ended = helper.ended();
    let receiving = receive(body, &mut helper, transfer, most);
    tokio::select! {
        received = timeout(UPLOAD_TIMEOUT, receiving) => received.unwrap_or_else(|_| Err(stalled()))?,
        () = ended => return Err(SessionError::from(FileError::Ended).into()),
        () = transfer.cut() => return Err(cut()),
    }
    let StoredFile { name, directory, bytes, sha256 } = finish(&mut helper, expected.as_deref()).await?;
    Ok(json!({"name": name, "directory": directory, "bytes": bytes, "sha256": sha256}))
}

async fn receive(
    body: &mut BodyDataStream,
    helper: &mut FileHelper,
    transfer: &Transfer,
    most: u64,
) -> Result<(), HttpError> {
    let mut bytes = 0;
    loop {
        let one = async {
            match body.next().await {
                None => Ok(false),
                Some(Err(_)) => Err(HttpError::new(ErrorCode::BadMessage, "the file is incomplete")),
                Some(Ok(piece)) => {
                    bytes += piece.len() as u64;
                    if bytes > most {
                        return Err(too_large(most));
                    }
                    helper.put(&piece).await.map_err(SessionError::from)?;
                    transfer.passed(piece.len());
                    Ok(true)
                }
            }
        };
        if !timeout(STALL_TIMEOUT, one).await.unwrap_or_else(|_| Err(stalled()))? {
            return Ok(());
        }
    }
}

/// Sends a file of the session, or a directory as a tar archive.
pub(in crate::http) async fn download(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
    Query(DownloadQuery { path, digest }): Query<DownloadQuery>,
    connection: Option<Extension<Arc<ConnectionPermit>>>,
) -> Result<Response, HttpError> {
    check_path(&path)?;
    let Begun { mut transfer, files, lost } = begin(&service, &user, id).await?;
    let name = path.trim_end_matches('/').rsplit('/').next().filter(|name| !matches!(*name, "." | ".." | "~"));
    let name = readable_name(name.unwrap_or_default());
    let opened = open_to_send(&files, path).await;
    if opened.is_err() {
        transfer.ended(&opened);
    }
    let (helper, size) = opened?;
    let (name, kind) = match size {
        Some(_) => (name, "application/octet-stream"),
        None => (format!("{name}.tar"), "application/x-tar"),
    };
    let cut = transfer.cut();
    let cut = async move {
        tokio::select! {
            () = cut => {}
            _ = lost => {}
        }
    };
    let left = size.as_ref().map(|(bytes, _)| *bytes);
    let connection = connection.map(|Extension(connection)| connection);
    let pieces = pieces(helper, transfer, left);
    let body = match digest {
        Some(DigestPlace::End) if size.is_none() => download::body(with_digest(pieces), (), cut, connection),
        _ => download::body(pieces, (), cut, connection),
    };
    let mut response = ([(CONTENT_TYPE, kind)], body).into_response();
    response.headers_mut().insert(CONTENT_DISPOSITION, attachment(&name));
    if let Some((bytes, sha256)) = size {
        response.headers_mut().insert(CONTENT_LENGTH, bytes.into());
        response.headers_mut().extend(digest_field(&sha256));
    }
    Ok(response)
}

/// The bytes of a helper. Fails if there are more or fewer than it has announced, or more than a directory may have.
fn pieces(
    helper: FileHelper,
    transfer: Transfer,
    announced: Option<u64>,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let most = announced.unwrap_or(MAX_ARCHIVE_BYTES);
    stream::try_unfold((helper, transfer, most), move |(mut helper, mut transfer, left)| async move {
        let piece = helper.next().await.map_err(io::Error::other)?;
        let wrong = || io::Error::other("the helper sends another number of bytes than it has announced");
        if piece.is_empty() {
            if announced.is_some() && left > 0 {
                return Err(wrong());
            }
            transfer.ended(&Ok(()));
            return Ok(None);
        }
        let left = left.checked_sub(piece.len() as u64).ok_or_else(wrong)?;
        transfer.passed(piece.len());
        Ok(Some((piece, (helper, transfer, left))))
    })
}

/// The pieces, and behind them their SHA-256.
fn with_digest(pieces: impl Stream<Item = io::Result<Bytes>> + Send) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let state = (Box::pin(pieces), Some(Sha256::new()));
    stream::try_unfold(state, |(mut pieces, digest)| async move {
        let Some(mut digest) = digest else { return Ok(None) };
        let (piece, digest) = match pieces.try_next().await? {
            Some(piece) => {
                digest.update(&piece);
                (piece, Some(digest))
            }
            None => (Bytes::copy_from_slice(&digest.finalize()), None),
        };
        Ok(Some((piece, (pieces, digest))))
    })
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
