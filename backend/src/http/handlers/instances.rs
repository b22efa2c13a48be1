//! `POST /api/internal/group`: the questions of other instances, for their walls.

use crate::http::auth::InstanceRequest;
use crate::http::context::ServiceContext;
use crate::http::error::{HttpError, read_body_as};
use crate::wall::GroupAnswer;
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
