//! `/api/sessions`: what a platform does for its users over HTTP: create, look up, end.

use super::Service;
use super::auth::{User, caller};
use super::error::Failure;
use crate::store::{SessionRecord, SessionState};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use shared_protocol::{ConnectionId, EndReason, ErrorCode, Role, SessionId, UserClaims};
use std::sync::Arc;

pub(super) async fn create(
    State(service): State<Arc<Service>>,
    User(user): User,
) -> Result<(StatusCode, Json<Value>), Failure> {
    only_controller(&user)?;
    let id = match &user.sid {
        Some(id) => id.clone(),
        None => session_id(hex::encode(service.entropy.bytes::<16>()))?,
    };
    let record = service.registry.create(id, &user.sub).await?;
    Ok((StatusCode::CREATED, Json(describe_record(&record))))
}

pub(super) async fn describe(
    State(service): State<Arc<Service>>,
    User(user): User,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(describe_record(&find(&service, &user, id).await?)))
}

pub(super) async fn end(
    State(service): State<Arc<Service>>,
    User(user): User,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    // What an operator may do does not depend on what they may do in a session.
    if !user.admin {
        only_controller(&user)?;
    }
    let record = find(&service, &user, id).await?;
    let reason = if record.user == user.sub || !user.admin { EndReason::Closed } else { EndReason::Revoked };
    service.registry.end(record, reason).await?;
    Ok(Json(json!({ "success": true })))
}

pub(super) async fn find(service: &Service, user: &UserClaims, id: String) -> Result<SessionRecord, Failure> {
    let id = session_id(id)?;
    // No connection of the gateway's: none of its ids is this short.
    let connection = ConnectionId::new("http").map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
    Ok(service.registry.record(&id, &caller(user, &id, connection)).await?)
}

fn session_id(id: String) -> Result<SessionId, Failure> {
    SessionId::new(id).map_err(|error| Failure::new(ErrorCode::BadField, error.to_string()))
}

pub(super) fn only_controller(user: &UserClaims) -> Result<(), Failure> {
    match user.role {
        Role::Controller => Ok(()),
        Role::Viewer => Err(Failure::new(ErrorCode::ReadOnly, "a viewer only watches")),
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
