//! Requests of other instances: `POST /api/internal/group` for their walls, `POST /api/internal/announce` for their classes.

use crate::http::auth::InstanceRequest;
use crate::http::context::ServiceContext;
use crate::http::error::{HttpError, read_body_as};
use crate::wall::{Announcement, GroupAnswer, Heard};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

/// The sessions of the group that run here, as far as the other instance does not know them.
pub(in crate::http) async fn group(
    State(service): State<Arc<ServiceContext>>,
    InstanceRequest(body): InstanceRequest,
) -> Result<Json<GroupAnswer>, HttpError> {
    Ok(Json(service.walls.answer(&read_body_as(&body)?).await))
}

/// Says a message to the class in the sessions that run here, checked as if a page had sent it.
pub(in crate::http) async fn announce(
    State(service): State<Arc<ServiceContext>>,
    InstanceRequest(body): InstanceRequest,
) -> Result<Json<Heard>, HttpError> {
    let announcement: Announcement = read_body_as(&body)?;
    announcement.message.check().map_err(|error| HttpError::new(error.code, error.message))?;
    Ok(Json(service.walls.hear(&announcement).await))
}
