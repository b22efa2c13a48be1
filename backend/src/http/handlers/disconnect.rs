//! `POST /api/ws/disconnect`: the gateway reports that a connection is gone.

use crate::http::auth::GatewayRequest;
use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use axum::Json;
use axum::extract::State;
use shared_protocol::gateway::{DisconnectRequest, DisconnectResponse};
use std::sync::Arc;

pub(in crate::http) async fn handle(
    State(service): State<Arc<ServiceContext>>,
    request: GatewayRequest,
) -> Result<Json<DisconnectResponse>, HttpError> {
    let body: DisconnectRequest = request.parse_body()?;
    request.check_body_ids(Some(&body.connection_id), body.session_id.as_ref())?;
    service.store.mark_disconnected(&body.connection_id).await?;
    if let Some(session) = &request.claims.sid
        && let Ok(session) = service.registry.running(session, &request.caller()).await
    {
        // Fails only if the session has ended, and the connection with it.
        let _ = session.disconnect(body.connection_id).await;
    }
    Ok(Json(DisconnectResponse { success: true }))
}
