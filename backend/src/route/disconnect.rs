//! `POST /api/ws/disconnect`: a connection is gone.

use super::Service;
use super::auth::Signed;
use super::error::Failure;
use crate::session::SessionError;
use axum::Json;
use axum::extract::State;
use shared_protocol::ErrorCode;
use shared_protocol::gateway::{DisconnectRequest, DisconnectResponse};
use std::sync::Arc;

pub(super) async fn handle(
    State(service): State<Arc<Service>>,
    signed: Signed,
) -> Result<Json<DisconnectResponse>, Failure> {
    let request: DisconnectRequest = serde_json::from_slice(&signed.body)
        .map_err(|error| Failure::new(ErrorCode::BadField, format!("the body is wrong: {error}")))?;
    signed.check(Some(&request.connection_id), request.session_id.as_ref())?;
    service.store.mark_disconnected(&request.connection_id).await.map_err(SessionError::from)?;
    if let Some(session) = &signed.claims.sid
        && let Ok(session) = service.registry.running(session, &signed.caller()).await
    {
        // A session that is over has forgotten the connection already.
        let _ = session.disconnect(request.connection_id).await;
    }
    Ok(Json(DisconnectResponse { success: true }))
}
