//! Lists a user's sessions with their connections, and closes one connection: for the user and for operators. Apart from
//! `sessions`, because a platform that only creates sessions needs none of it.

use super::sessions::{describe_record, find, require_controller};
use crate::http::auth::AuthenticatedUser;
use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::store::{ConnectionRecord, SessionRecord, SessionState};
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use shared_protocol::{ConnectionId, ErrorCode};
use std::sync::Arc;

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
        session["connections"] = connections(&service, record).await?.iter().map(describe).collect();
        sessions.push(session);
    }
    Ok(Json(json!({ "user": owner, "sessions": sessions })))
}

/// `DELETE /api/sessions/{id}/connections/{connection}`: revokes one connection.
pub(in crate::http) async fn close(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path((id, connection)): Path<(String, String)>,
) -> Result<Json<Value>, HttpError> {
    let record = find(&service, &user, id).await?;
    if !user.admin {
        require_controller(&user)?;
        if record.user != user.sub {
            let refusal = "only the session's owner or an operator may close connections";
            return Err(HttpError::new(ErrorCode::Forbidden, refusal));
        }
    }
    let gone = || HttpError::new(ErrorCode::ConnectionGone, "the session has no such connection");
    let connection = ConnectionId::new(connection).map_err(|_| gone())?;
    let revoked = match service.registry.live(&record.id) {
        Some(session) => session.revoke(connection.clone()).await?,
        None => false,
    };
    if !revoked && !connections(&service, &record).await?.iter().any(|known| known.id == connection) {
        return Err(gone());
    }
    // Rejects messages that arrive after the session has forgotten the connection.
    service.store.mark_disconnected(&connection).await?;
    tracing::info!(session = %record.id, %connection, operator = user.admin, "a connection was closed for good");
    Ok(Json(json!({ "success": true })))
}

/// The connections of a session; none without a shell, whatever records have not expired yet.
async fn connections(service: &ServiceContext, record: &SessionRecord) -> Result<Vec<ConnectionRecord>, HttpError> {
    if record.state != SessionState::Running {
        return Ok(Vec::new());
    }
    let mut all = service.store.connections_of(&record.id).await?;
    all.sort_by_key(|connection| connection.attached_at);
    Ok(all)
}

fn describe(connection: &ConnectionRecord) -> Value {
    json!({
        "id": connection.id,
        "user": connection.user,
        "role": connection.role,
        "attachedAt": connection.attached_at,
    })
}
