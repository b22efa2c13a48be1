//! Who is connected to what: a user's sessions with their connections, for the user and for operators, and closing one
//! connection. Apart from `sessions`, because platforms that only make sessions need none of it.

use super::Service;
use super::auth::User;
use super::error::Failure;
use super::sessions::{describe_record, find, only_controller};
use crate::session::SessionError;
use crate::store::{ConnectionRecord, SessionRecord, SessionState};
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use shared_protocol::{ConnectionId, ErrorCode};
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Whose {
    user: Option<String>,
}

/// `GET /api/sessions`: the caller's own, or for an operator those of `?user=`.
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    User(user): User,
    Query(whose): Query<Whose>,
) -> Result<Json<Value>, Failure> {
    let of = whose.user.as_deref().unwrap_or(&user.sub);
    if of != user.sub && !user.admin {
        return Err(Failure::new(ErrorCode::Forbidden, "only an operator sees the sessions of others"));
    }
    let mut records = service.store.sessions_of(of).await.map_err(SessionError::from)?;
    records.sort_by_key(|record| std::cmp::Reverse(record.created_at));
    let mut sessions = Vec::with_capacity(records.len());
    for record in &records {
        let mut session = describe_record(record);
        session["connections"] = connections(&service, record).await?.iter().map(describe).collect();
        sessions.push(session);
    }
    Ok(Json(json!({ "user": of, "sessions": sessions })))
}

/// `DELETE /api/sessions/{id}/connections/{connection}`: closes one page for good.
pub(super) async fn close(
    State(service): State<Arc<Service>>,
    User(user): User,
    Path((id, connection)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let record = find(&service, &user, id).await?;
    if !user.admin {
        only_controller(&user)?;
        if record.user != user.sub {
            return Err(Failure::new(ErrorCode::Forbidden, "only the session's owner or an operator may close others"));
        }
    }
    let gone = || Failure::new(ErrorCode::ConnectionGone, "the session has no such connection");
    let connection = ConnectionId::new(connection).map_err(|_| gone())?;
    let told = match service.registry.live(&record.id) {
        Some(session) => session.revoke(connection.clone()).await?,
        None => false,
    };
    if !told && !connections(&service, &record).await?.iter().any(|there| there.id == connection) {
        return Err(gone());
    }
    // Also for the messages that come after the session has forgotten it.
    service.store.mark_disconnected(&connection).await.map_err(SessionError::from)?;
    tracing::info!(session = %record.id, %connection, operator = user.admin, "a connection was closed for good");
    Ok(Json(json!({ "success": true })))
}

/// The connections of a session. One that has no shell has none, whatever the store has not forgotten yet.
async fn connections(service: &Service, record: &SessionRecord) -> Result<Vec<ConnectionRecord>, Failure> {
    if record.state != SessionState::Running {
        return Ok(Vec::new());
    }
    let mut all = service.store.connections_of(&record.id).await.map_err(SessionError::from)?;
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
