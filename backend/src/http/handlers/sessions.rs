//! `/api/sessions`: creates, looks up, lists and ends sessions, and closes their connections, for platforms, users and operators.

use crate::http::auth::{AuthenticatedUser, direct_caller};
use crate::http::context::ServiceContext;
use crate::http::error::{HttpError, read_body, read_body_as};
use crate::metrics::Transport;
use crate::session::Caller;
use crate::store::{ConnectionRecord, Member, SessionRecord, SessionState, StoreError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use shared_protocol::server::Part;
use shared_protocol::{ConnectionId, EndReason, ErrorCode, ProfileName, Role, SessionId, UserClaims};
use std::sync::Arc;

pub(in crate::http) async fn create(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(mut user): AuthenticatedUser,
    body: Body,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    require(user.role != Role::Viewer)?;
    if let Some(profile) = asked_profile(&service, &user, &read_body(body).await?)? {
        user.class.profile = Some(profile);
    }
    let id = match &user.sid {
        Some(id) => id.clone(),
        None => session_id(hex::encode(service.random.bytes::<16>()))?,
    };
    let caller = caller(&service, &user, &id)?;
    let record = service.registry.create(id, &caller).await?;
    Ok((StatusCode::CREATED, Json(describe_record(&record))))
}

/// Body of a request to create a session.
#[derive(Deserialize)]
struct Create {
    profile: Option<ProfileName>,
}

/// The profile that the body asks for. Only an operator may ask: that of others is in their token, or none.
fn asked_profile(service: &ServiceContext, user: &UserClaims, body: &[u8]) -> Result<Option<ProfileName>, HttpError> {
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let Create { profile } = read_body_as(body)?;
    let Some(profile) = profile else { return Ok(None) };
    if !user.admin {
        let refusal = "only an operator chooses a profile; that of others is in their token";
        return Err(HttpError::new(ErrorCode::Forbidden, refusal));
    }
    let found = service.config.shell.profiles.find(Some(&profile)).map(drop);
    found.map_err(|unknown| HttpError::new(ErrorCode::BadField, unknown.to_string()))?;
    Ok(Some(profile))
}

pub(in crate::http) async fn describe(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
) -> Result<Json<Value>, HttpError> {
    Ok(Json(describe_record(&find(&service, &user, id).await?.0)))
}

pub(in crate::http) async fn end(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
) -> Result<Json<Value>, HttpError> {
    // An operator may end any session, with any role.
    require(user.admin || user.role != Role::Viewer)?;
    let (record, caller) = find(&service, &user, id).await?;
    require(user.admin || caller.role_in(&record.creator) == Role::Controller)?;
    let reason = if record.creator.user == user.sub || !user.admin { EndReason::Closed } else { EndReason::Revoked };
    if user.admin {
        service.registry.end(record, reason).await?;
    } else {
        service.registry.end_by(record, &caller, reason).await?;
    }
    Ok(Json(json!({ "success": true })))
}

#[derive(Deserialize)]
pub(in crate::http) struct ListQuery {
    user: Option<String>,
}

/// `GET /api/sessions`: the caller's own sessions, or for an operator those of `?user=`.
pub(in crate::http) async fn list(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, HttpError> {
    let owner = query.user.as_deref().unwrap_or(&user.sub);
    if owner != user.sub && !user.admin {
        return Err(HttpError::new(ErrorCode::Forbidden, "only an operator may list the sessions of other users"));
    }
    let mut records = service.store.sessions_of(owner).await?;
    records.sort_by_key(|record| std::cmp::Reverse(record.created_at));
    let mut sessions = Vec::with_capacity(records.len());
    for record in &records {
        let mut session = describe_record(record);
        session["connections"] = connections(&service, record).await?.iter().map(describe_connection).collect();
        let revoked = service.registry.revoked(&record.id).await?;
        session["revoked"] =
            revoked.iter().map(|(member, until)| json!({"member": member.as_str(), "until": until})).collect();
        sessions.push(session);
    }
    Ok(Json(json!({ "user": owner, "sessions": sessions })))
}

/// `DELETE /api/sessions/{id}/connections/{connection}`: closes one connection for good, with all of the same token.
pub(in crate::http) async fn close_connection(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path((id, connection)): Path<(String, String)>,
) -> Result<Json<Value>, HttpError> {
    let (record, caller) = find(&service, &user, id).await?;
    let standing = caller.standing(&record.creator);
    if standing.part == Part::Guest {
        let refusal = "only the session's owner, an instructor or an operator may close connections";
        return Err(HttpError::new(ErrorCode::Forbidden, refusal));
    }
    let gone = || HttpError::new(ErrorCode::ConnectionGone, "the session has no such connection");
    let connection = ConnectionId::new(connection).map_err(|_| gone())?;
    let live = service.registry.live(&record.id);
    let removed = match &live {
        Some(session) => session.remove(connection.clone(), standing).await?,
        None => false,
    };
    if !removed && !connections(&service, &record).await?.iter().any(|known| known.id == connection) {
        return Err(gone());
    }
    // Rejects messages that arrive after the session has forgotten the connection.
    service.store.mark_disconnected(&connection).await.map_err(|error| not_stored(&error))?;
    match (removed, live) {
        (true, _) => service.registry.save_revoked(&record.id).await.map_err(|error| not_stored(&error))?,
        (false, Some(_)) => return Err(gone()),
        (false, None) => {
            return Err(not_stored(&StoreError("the session has no shell, which alone keeps people out".into())));
        }
    }
    tracing::info!(session = %record.id, %connection, operator = user.admin, "a connection was closed for good");
    Ok(Json(json!({ "success": true })))
}

/// `DELETE /api/sessions/{id}/revoked/{member}`: lets a person in again.
pub(in crate::http) async fn let_in(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path((id, member)): Path<(String, String)>,
) -> Result<Json<Value>, HttpError> {
    let (record, caller) = find(&service, &user, id).await?;
    if !user.admin && caller.standing(&record.creator).part != Part::Owner {
        let refusal = "only the session's owner or an operator lets people in again";
        return Err(HttpError::new(ErrorCode::Forbidden, refusal));
    }
    let unknown = "`member` is none that `GET /api/sessions` lists as `revoked`";
    let member = Member::parse(&member).ok_or_else(|| HttpError::new(ErrorCode::BadField, unknown))?;
    // One who is not kept out is in already.
    service.registry.let_in(&record, member).await?;
    if service.registry.live(&record.id).is_some() {
        service.registry.save_revoked(&record.id).await.map_err(|error| not_stored(&error))?;
    }
    Ok(Json(json!({ "success": true })))
}

/// The answer to a change that holds in this instance, but that others may not know of.
fn not_stored(error: &StoreError) -> HttpError {
    tracing::error!(%error, "a change is not stored");
    HttpError::new(ErrorCode::NotStored, "it holds here, but not yet everywhere; try again")
}

/// The connections of a session; none without a shell, even if records have not expired yet.
async fn connections(service: &ServiceContext, record: &SessionRecord) -> Result<Vec<ConnectionRecord>, HttpError> {
    if record.state != SessionState::Running {
        return Ok(Vec::new());
    }
    let mut all = service.store.connections_of(&record.id).await?;
    all.sort_by_key(|connection| connection.attached_at);
    Ok(all)
}

fn describe_connection(connection: &ConnectionRecord) -> Value {
    json!({
        "id": connection.id,
        "user": connection.user,
        "role": connection.role,
        "attachedAt": connection.attached_at,
    })
}

/// The record of a session that the user may access, and the user as its caller.
pub(super) async fn find(
    service: &ServiceContext,
    user: &UserClaims,
    id: String,
) -> Result<(SessionRecord, Caller), HttpError> {
    let id = session_id(id)?;
    let caller = caller(service, user, &id)?;
    let record = service.registry.record(&id, &caller).await?;
    service.registry.check_not_removed(&record, &caller).await?;
    Ok((record, caller))
}

/// The user of an HTTP request as the caller of a session.
pub(super) fn caller(service: &ServiceContext, user: &UserClaims, id: &SessionId) -> Result<Caller, HttpError> {
    Ok(direct_caller(user, Some(id), no_connection()?, Transport::Http, &*service.clock))
}

/// In place of the connection of an HTTP request.
pub(super) fn no_connection() -> Result<ConnectionId, HttpError> {
    // Cannot collide with a connection of API Gateway, whose ids are longer.
    ConnectionId::new("http").map_err(|error| HttpError::new(ErrorCode::Internal, error.to_string()))
}

pub(super) fn session_id(id: String) -> Result<SessionId, HttpError> {
    SessionId::new(id).map_err(|error| HttpError::new(ErrorCode::BadField, error.to_string()))
}

/// The refusal of a user that may only watch, unless this one may do more.
fn require(may_control: bool) -> Result<(), HttpError> {
    may_control.then_some(()).ok_or_else(|| HttpError::new(ErrorCode::ReadOnly, "a viewer may only watch"))
}

pub(super) fn describe_record(record: &SessionRecord) -> Value {
    let (state, reason, ended_at) = match record.state {
        SessionState::Created => ("created", None, None),
        SessionState::Running => ("running", None, None),
        SessionState::Ended { reason, at } => ("ended", Some(reason), Some(at)),
    };
    json!({
        "sessionId": record.id,
        "valid": ended_at.is_none(),
        "state": state,
        "createdAt": record.created_at,
        "profile": record.creator.profile,
        "endReason": reason,
        "endedAt": ended_at,
    })
}
