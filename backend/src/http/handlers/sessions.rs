//! `/api/sessions`: creates, looks up and ends sessions, for platforms and users.

use crate::http::auth::{AuthenticatedUser, direct_caller};
use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::store::{SessionRecord, SessionState};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use shared_protocol::{ConnectionId, EndReason, ErrorCode, Role, SessionId, UserClaims};
use std::sync::Arc;

pub(in crate::http) async fn create(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    require_controller(&user)?;
    let id = match &user.sid {
        Some(id) => id.clone(),
        None => session_id(hex::encode(service.random.bytes::<16>()))?,
    };
    let record = service.registry.create(id, &user.sub).await?;
    Ok((StatusCode::CREATED, Json(describe_record(&record))))
}

pub(in crate::http) async fn describe(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
) -> Result<Json<Value>, HttpError> {
    Ok(Json(describe_record(&find(&service, &user, id).await?)))
}

pub(in crate::http) async fn end(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
) -> Result<Json<Value>, HttpError> {
    // An operator may end any session, with either role.
    if !user.admin {
        require_controller(&user)?;
    }
    let record = find(&service, &user, id).await?;
    let reason = if record.user == user.sub || !user.admin { EndReason::Closed } else { EndReason::Revoked };
    service.registry.end(record, reason).await?;
    Ok(Json(json!({ "success": true })))
}

/// The record of a session that the user may access.
pub(super) async fn find(service: &ServiceContext, user: &UserClaims, id: String) -> Result<SessionRecord, HttpError> {
    let id = session_id(id)?;
    // Cannot collide with a connection of API Gateway, whose ids are longer.
    let connection =
        ConnectionId::new("http").map_err(|error| HttpError::new(ErrorCode::Internal, error.to_string()))?;
    Ok(service.registry.record(&id, &direct_caller(user, &id, connection)).await?)
}

fn session_id(id: String) -> Result<SessionId, HttpError> {
    SessionId::new(id).map_err(|error| HttpError::new(ErrorCode::BadField, error.to_string()))
}

pub(super) fn require_controller(user: &UserClaims) -> Result<(), HttpError> {
    match user.role {
        Role::Controller => Ok(()),
        Role::Viewer => Err(HttpError::new(ErrorCode::ReadOnly, "a viewer may only watch")),
    }
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
        "endReason": reason,
        "endedAt": ended_at,
    })
}
