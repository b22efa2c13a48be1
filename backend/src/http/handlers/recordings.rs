//! `/api/sessions/{id}/recording`: a session's recording as one asciicast, for its owner, the instructors of its group, and
//! operators.

use super::sessions::{caller, session_id};
use crate::http::auth::AuthenticatedUser;
use crate::http::connection_limit::ConnectionPermit;
use crate::http::context::ServiceContext;
use crate::http::download;
use crate::http::error::HttpError;
use crate::recording::{Meta, Replay, ReplayError};
use crate::store::Creator;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shared_protocol::ErrorCode;
use shared_protocol::server::Part;
use std::sync::Arc;

/// Media type of asciicasts.
const MEDIA_TYPE: &str = "application/x-asciicast";

#[derive(Deserialize)]
pub(in crate::http) struct RecordingQuery {
    /// Start of the recording, in ms since 1970; the latest one by default.
    started: Option<u64>,
}

/// Streams a recording. Who may read it follows from the recording itself: another user's session may have the id by now.
pub(in crate::http) async fn read(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
    Query(query): Query<RecordingQuery>,
    connection: Option<Extension<Arc<ConnectionPermit>>>,
) -> Result<Response, HttpError> {
    let id = session_id(id)?;
    let caller = caller(&service, &user, &id)?;
    // Before the store is asked, which is as much work for a stranger. By role: guests of a link are the owner's name too.
    let counted = service.downloads.acquire(&user.sub, user.role).ok_or_else(|| {
        HttpError::new(ErrorCode::RateLimited, "you read as many recordings at once as a user may; try again later")
    })?;
    let revoked = service.registry.revoked(&id).await?;
    let may_read = |meta: &Meta| {
        let creator = Creator { user: meta.sub.clone(), group: meta.grp.clone(), ..Creator::default() };
        caller.standing(&creator).part != Part::Guest && !revoked.has(&caller.member_in(&creator))
    };
    let recordings = Arc::clone(service.registry.recordings());
    let replay = Replay::find(&recordings, &id, query.started, may_read).await.map_err(|error| match error {
        ReplayError::NotFound => HttpError::new(ErrorCode::SessionNotFound, error.to_string()),
        ReplayError::Store(error) => {
            tracing::error!(session = %id, %error, "a recording cannot be read");
            HttpError::new(ErrorCode::Internal, "the store of recordings failed; try again")
        }
    })?;
    tracing::info!(session = %id, started = replay.meta.started, operator = user.admin, "a recording is read");
    let headers = [
        (CONTENT_TYPE, MEDIA_TYPE.to_owned()),
        // Only characters of ids are in it.
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.cast\"")),
    ];
    let connection = connection.map(|Extension(connection)| connection);
    Ok((headers, download::body(replay.stream(recordings), counted, connection)).into_response())
}
