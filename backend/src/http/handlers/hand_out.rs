//! `POST /api/groups/{grp}/files`: a file for every student of a class; and the same for what another instance passes on.

use super::groups::instructed_group;
use super::sessions::no_connection;
use crate::audit::{By, audit};
use crate::files::check_name;
use crate::http::access_log::request_id;
use crate::http::auth::{AuthenticatedUser, InstanceRequest, direct_caller};
use crate::http::context::{HAND_OUT_ROUTE, ServiceContext};
use crate::http::error::{HttpError, MAX_HAND_OUT_BYTES, read_long_body};
use crate::metrics::Transport;
use crate::session::Watcher;
use crate::store::Member;
use crate::wall::{HandOut, HandOutHead, Heard};
use axum::Json;
use axum::extract::{Path, Query, Request, State};
use serde::Deserialize;
use serde_json::{Value, json};
use shared_protocol::ErrorCode;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct HandOutQuery {
    name: String,
}

/// Answers once the file is in the homes of the group's students, or cannot be.
pub(in crate::http) async fn hand_out(
    State(service): State<Arc<ServiceContext>>,
    AuthenticatedUser(user): AuthenticatedUser,
    Path(group): Path<String>,
    Query(HandOutQuery { name }): Query<HandOutQuery>,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    let grp = instructed_group(&user, group)?;
    check_handed_name(&name)?;
    service.walls.take_hand_out_turn(&user.sub, &grp).await?;
    let (parts, body) = request.into_parts();
    let content = read_long_body(body, MAX_HAND_OUT_BYTES).await?;
    let by = Member::of(&user.sub, user.role, user.class.jti.as_deref());
    let from = Watcher::of(&direct_caller(&user, None, no_connection()?, Transport::Http, &*service.clock)).name;
    let file = HandOut { head: HandOutHead { grp, by, from, name }, content };
    let (reached, missed) = service.walls.hand_out(&file).await?;
    let kind = format!("POST {HAND_OUT_ROUTE}");
    let by = By { user: &user.sub, session: "-", connection: "-", request: request_id(&parts.headers), kind: &kind };
    let bytes = file.content.len();
    audit!(HandOut, by, { group = %file.head.grp, bytes, reached, missed, }, "a file was handed out");
    Ok(Json(json!({ "reached": reached, "missed": missed })))
}

/// Brings a file of another instance to the sessions that run here, checked as if a page had sent it.
pub(in crate::http) async fn take(
    State(service): State<Arc<ServiceContext>>,
    InstanceRequest(body): InstanceRequest,
) -> Result<Json<Heard>, HttpError> {
    let file = HandOut::of_body(&body)
        .ok_or_else(|| HttpError::new(ErrorCode::BadMessage, "the body is not a line of JSON and a file"))?;
    check_handed_name(&file.head.name)?;
    if file.content.len() > MAX_HAND_OUT_BYTES {
        return Err(HttpError::new(ErrorCode::TooLarge, "the file is larger than one that is handed out"));
    }
    Ok(Json(service.walls.take_hand_out(&file).await))
}

/// A file of another person must be seen, and no program may take it for one of its own or for an option.
fn check_handed_name(name: &str) -> Result<(), HttpError> {
    let begins_well =
        if name.starts_with(['.', '-']) { Err("a file for others begins with neither `.` nor `-`") } else { Ok(()) };
    check_name(name)
        .and(begins_well)
        .map_err(|why| HttpError::new(ErrorCode::BadField, format!("`name` is not valid: {why}")))
}
