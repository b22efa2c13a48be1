//! `POST /api/ws/relay`: the questions of relays.

use crate::http::auth::RelayRequest;
use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::relay::{Answer, GoneConnection, Next};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use shared_protocol::gateway::MAX_WAIT_MS;
use shared_protocol::relay::{NEXT_HEADER, NEXT_NOW, NEXT_SETTLED, RelayFrame};
use std::sync::Arc;
use std::time::Duration;

/// Applies a relay's reports and answers its question. A relay that is not known here is told to stop: it may have been granted
/// before a restart, and an error would say more than its sender may know.
pub(in crate::http) async fn ask(
    State(service): State<Arc<ServiceContext>>,
    RelayRequest { question, endpoint }: RelayRequest,
) -> Result<Answer, HttpError> {
    let relays = service.registry.relays();
    let Some(relay) = relays.find(&question.relay, &endpoint) else {
        tracing::info!(number = question.number, last = question.last, "a relay that is not known was told to stop");
        return Ok(Answer::default());
    };
    for gone in relay.report(&question) {
        // Beside the answer: a busy session or a store that is down must not delay the frames of others.
        tokio::spawn(disconnect(Arc::clone(&service), gone));
    }
    let wait = Duration::from_millis(question.wait_ms.min(MAX_WAIT_MS));
    let answer = relays.ask(&relay, &question, wait).await;
    if answer.next.is_none() {
        tracing::debug!(number = question.number, last = question.last, "a relay was told to stop");
    }
    Ok(answer)
}

async fn disconnect(service: Arc<ServiceContext>, GoneConnection { session, connection }: GoneConnection) {
    let session_id = session.as_ref().map(ToString::to_string);
    tracing::info!(session = session_id, %connection, "a relay found a connection closed");
    service.walls.disconnect(&connection);
    if let Some(session) = session.and_then(|session| service.registry.live(&session)) {
        // Fails only if the session has ended, and the connection with it.
        let _ = session.disconnect(connection.clone()).await;
    }
    if let Err(error) = service.store.mark_disconnected(&connection).await {
        tracing::warn!(%error, %connection, "a closed connection stays listed until its record expires");
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        let next = self.next.map(|next| if next == Next::Now { NEXT_NOW } else { NEXT_SETTLED });
        if let Some(next) = next {
            headers.insert(NEXT_HEADER, HeaderValue::from_static(next));
        }
        if self.frames.is_empty() {
            return (StatusCode::NO_CONTENT, headers).into_response();
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let mut body = BytesMut::with_capacity(self.frames.iter().map(RelayFrame::encoded_len).sum());
        self.frames.iter().for_each(|frame| frame.encode(&mut body));
        (headers, body.freeze()).into_response()
    }
}
