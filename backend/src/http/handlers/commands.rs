//! `/api/sessions/{id}/commands`: the commands that people ran in a session, for its owner, the instructors of its group, and
//! operators.

use super::sessions::find;
use crate::http::auth::AuthenticatedUser;
use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::store::{CommandPlace, CommandRecord};
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use shared_protocol::ErrorCode;
use shared_protocol::server::Part;
use std::sync::Arc;

/// Commands in one answer, at most: less than 2 MiB, however long their lines are.
const PAGE_SIZE: usize = 100;

#[derive(Deserialize)]
pub(in crate::http) struct CommandsQuery {
    /// Place of the last command of the page before.
    after: Option<String>,
}

/// One page of the session's commands, the oldest first.
pub(in crate::http) async fn list(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(id): Path<String>,
    Query(query): Query<CommandsQuery>,
) -> Result<Json<Value>, HttpError> {
    let after = query.after.as_deref().map(str::parse::<CommandPlace>).transpose();
    let after = after.map_err(|error| HttpError::new(ErrorCode::BadField, format!("`after`: {error}")))?;
    let (record, caller) = find(&service, &user, id).await?;
    if caller.standing(&record.creator).part == Part::Guest {
        let refusal = "only the session's owner, an instructor or an operator may read its commands";
        return Err(HttpError::new(ErrorCode::Forbidden, refusal));
    }
    // Before the store is asked: a command that ends meanwhile is in one of both.
    let running = service.registry.running_command(&record).await;
    let mut commands = service.store.commands(&record.id, record.created_at, after, PAGE_SIZE + 1).await?;
    let last = commands.last().map(CommandRecord::place).max(after);
    if commands.len() <= PAGE_SIZE {
        commands.extend(running.filter(|running| Some(running.place()) > last));
    }
    let more = commands.len() > PAGE_SIZE;
    commands.truncate(PAGE_SIZE);
    tracing::info!(session = %record.id, operator = user.admin, "the commands of a session are read");
    let next = commands.last().filter(|_| more).map(|last| last.place().to_string());
    let commands: Vec<_> = commands.iter().map(described).collect();
    Ok(Json(json!({ "sessionId": record.id, "commands": commands, "next": next })))
}

/// A command with the time of its end, which is null while it runs.
fn described(record: &CommandRecord) -> Value {
    let mut command = json!(record);
    command["ended"] = json!(record.command.ended);
    command
}
