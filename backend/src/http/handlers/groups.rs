//! `/api/groups/{grp}/sessions`: the sessions of a class, for its instructors and for operators.

use super::sessions::describe_record;
use crate::http::auth::AuthenticatedUser;
use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::store::SessionRecord;
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use shared_protocol::{ErrorCode, GroupId, SessionId, UserClaims};
use std::sync::Arc;

/// Sessions in one answer, at most.
const PAGE_SIZE: usize = 100;

#[derive(Deserialize)]
pub(in crate::http) struct PageQuery {
    /// The last session of the page before.
    after: Option<SessionId>,
}

/// One page of the group's sessions, by id.
pub(in crate::http) async fn list(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(group): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Value>, HttpError> {
    let group = instructed_group(&user, group)?;
    let mut records = service.store.sessions_in(&group).await?;
    records.retain(|record| page.after.as_ref().is_none_or(|after| record.id > *after));
    records.sort_by(|one, other| one.id.cmp(&other.id));
    let more = records.len() > PAGE_SIZE;
    records.truncate(PAGE_SIZE);
    let sessions: Vec<Value> = records.iter().map(describe_member).collect();
    Ok(Json(json!({ "group": group, "sessions": sessions, "more": more })))
}

/// The group, if this user instructs it. The refusal is the same for a group that does not exist.
pub(super) fn instructed_group(user: &UserClaims, group: String) -> Result<GroupId, HttpError> {
    let group = GroupId::new(group).ok();
    group.filter(|group| user.admin || user.class.instructs(user.role, Some(group))).ok_or_else(|| {
        HttpError::new(ErrorCode::Forbidden, "only an instructor of this group or an operator may do that")
    })
}

fn describe_member(record: &SessionRecord) -> Value {
    let mut session = describe_record(record);
    session["user"] = json!(record.creator.user);
    session["name"] = json!(record.creator.display_name());
    session
}
