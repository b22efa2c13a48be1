//! `/api/sessions/{id}/recording`: a session's recording as one asciicast, for its owner, the instructors of its group, and
//! operators; and its deletion, for those who may.

use super::sessions::{caller, session_id};
use crate::audit::{By, audit};
use crate::http::access_log::request_id;
use crate::http::auth::AuthenticatedUser;
use crate::http::connection_limit::ConnectionPermit;
use crate::http::context::ServiceContext;
use crate::http::download;
use crate::http::error::HttpError;
use crate::http::user_connections::UserConnectionGuard;
use crate::recording::{Meta, Replay, ReplayError};
use crate::session::Caller;
use crate::store::{Creator, Revocations};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use shared_protocol::server::Part;
use shared_protocol::{ErrorCode, SessionId, UserClaims};
use std::future::pending;
use std::io;
use std::sync::Arc;

/// Media type of asciicasts.
const MEDIA_TYPE: &str = "application/x-asciicast";

/// Recordings that a refusal names, of which a request must pick one.
const NAMED_RECORDINGS: usize = 10;

#[derive(Deserialize)]
pub(in crate::http) struct RecordingQuery {
    /// Start of the recording, in ms since 1970; the latest one by default.
    started: Option<u64>,
    /// True for a player that begins at keyframes.
    #[serde(default)]
    keyframes: bool,
}

/// A user who asks for recordings of a session, and what this user may do with each.
struct Reader {
    id: SessionId,
    caller: Caller,
    revoked: Revocations,
    /// Counts as one of the user's downloads.
    counted: UserConnectionGuard,
}

impl Reader {
    async fn new(service: &ServiceContext, user: &UserClaims, id: String) -> Result<Self, HttpError> {
        let id = session_id(id)?;
        let caller = caller(service, user, &id)?;
        // Before the store is asked, which is as much work for a stranger. By role: guests of a link are the owner's name too.
        let counted = service.downloads.acquire(&user.sub, user.role).ok_or_else(|| {
            HttpError::new(ErrorCode::RateLimited, "you read as many recordings at once as a user may; try again later")
        })?;
        let revoked = service.registry.revoked(&id).await?;
        Ok(Self { id, caller, revoked, counted })
    }

    /// The part of this user in a recorded session. It follows from the recording itself: another user's session may have the id
    /// by now.
    fn part(&self, meta: &Meta) -> Part {
        let creator = creator(meta);
        if self.revoked.has(&self.caller.member_in(&creator)) {
            return Part::Guest;
        }
        self.caller.standing(&creator).part
    }

    fn may_read(&self, meta: &Meta) -> bool {
        self.part(meta) != Part::Guest
    }
}

fn creator(meta: &Meta) -> Creator {
    Creator { user: meta.sub.clone(), group: meta.grp.clone(), ..Creator::default() }
}

/// Streams a recording.
pub(in crate::http) async fn read(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
    Query(query): Query<RecordingQuery>,
    connection: Option<Extension<Arc<ConnectionPermit>>>,
) -> Result<Response, HttpError> {
    let reader = Reader::new(&service, &user, id).await?;
    let recordings = Arc::clone(service.registry.recordings());
    let found = Replay::find(&recordings, &reader.id, query.started, |meta| reader.may_read(meta)).await;
    let replay = found.map_err(|error| failed(&reader.id, error))?;
    let Reader { id, counted, .. } = reader;
    tracing::info!(session = %id, started = replay.meta.started, operator = user.admin, "a recording is read");
    let headers = [
        (CONTENT_TYPE, MEDIA_TYPE.to_owned()),
        // Only characters of ids are in it.
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.cast\"")),
        // It is put together as it is sent, and may grow.
        (ACCEPT_RANGES, "none".to_owned()),
    ];
    let pieces = match query.keyframes {
        true => replay.stream_with_keyframes(recordings).left_stream(),
        false => replay.stream(recordings).right_stream(),
    };
    let pieces = pieces.map_err(io::Error::other);
    let connection = connection.map(|Extension(connection)| connection);
    Ok((headers, download::body(pieces, counted, pending(), connection)).into_response())
}

/// Deletes a recording that is no longer written.
pub(in crate::http) async fn delete(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
    Query(query): Query<RecordingQuery>,
    headers: HeaderMap,
) -> Result<Json<Value>, HttpError> {
    let reader = Reader::new(&service, &user, id).await?;
    let recordings = service.registry.recordings();
    let may_read = |meta: &Meta| reader.may_read(meta);
    let found = Replay::find_some(recordings, &reader.id, query.started, NAMED_RECORDINGS, may_read).await;
    let mut found = found.map_err(|error| failed(&reader.id, error.into()))?;
    let replay = found.pop().ok_or_else(|| failed(&reader.id, ReplayError::NotFound))?;
    let owner_deletes = recordings.settings.owner_deletes;
    if !user.admin && (!owner_deletes || reader.part(&replay.meta) != Part::Owner) {
        let who = if owner_deletes { "the owner or an operator deletes" } else { "an operator deletes" };
        return Err(HttpError::new(ErrorCode::Forbidden, format!("only {who} recordings of this session")));
    }
    if !found.is_empty() {
        // A request that is repeated must not delete another one.
        let all: Vec<_> = found.iter().chain([&replay]).map(|one| one.meta.started.to_string()).collect();
        let text = format!("`started` must say which, of several recordings of this session: {}", all.join(", "));
        return Err(HttpError::new(ErrorCode::BadField, text));
    }
    let started = replay.meta.started;
    if service.registry.may_record(&reader.id, replay.created_at().unwrap_or_default()).await? {
        return Err(HttpError::new(ErrorCode::Busy, "the session may go on with its recording: end it first"));
    }
    let kind = "DELETE /api/sessions/{id}/recording";
    let request = request_id(&headers);
    let by = By { user: &user.sub, session: reader.id.as_str(), connection: "-", request, kind };
    let deleted = replay.delete(recordings).await;
    audit!(Delete, by, { started, whole = deleted.is_ok(), }, "a recording is deleted");
    deleted.map_err(|error| failed(&reader.id, error.into()))?;
    Ok(Json(json!({ "success": true, "started": started })))
}

/// The answer where a recording cannot be found, read or deleted.
fn failed(session: &SessionId, error: ReplayError) -> HttpError {
    match error {
        ReplayError::NotFound => HttpError::new(ErrorCode::SessionNotFound, error.to_string()),
        ReplayError::Store(error) => {
            tracing::error!(%session, %error, "the store of recordings failed");
            HttpError::new(ErrorCode::Internal, "the store of recordings failed; try again")
        }
    }
}
