//! `WS /terminal?sessionId&token`: the same messages and frames without a gateway, on hosts that allow WebSockets.

mod connection;

use crate::http::access_log::request_id;
use crate::http::auth::{TerminalQuery, direct_caller, origin_allowed};
use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::http::user_connections::UserConnectionGuard;
use crate::session::Caller;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use connection::{CloseReason, Connection, INVALID_SESSION, SERVER_ERROR, Socket, TOO_MANY, UNAUTHORIZED};
use shared_protocol::gateway::SUBPROTOCOL;
use shared_protocol::limits::MESSAGE_BYTES;
use shared_protocol::{ConnectionId, ErrorCode, SessionId};
use std::sync::Arc;
use tokio::time::Instant;

/// Read buffer of each connection, in bytes: enough for keystrokes, and cleared before each read.
const READ_BUFFER_BYTES: usize = 4 * 1024;

pub(in crate::http) async fn handle(
    State(service): State<Arc<ServiceContext>>,
    Query(query): Query<TerminalQuery>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, HttpError> {
    if !origin_allowed(&service.config.auth, &headers) {
        return Err(HttpError::new(ErrorCode::Forbidden, "pages of this origin may not use the service"));
    }
    let name = format!("direct:{}", hex::encode(service.random.bytes::<12>()));
    let request = request_id(&headers).to_owned();
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES).max_frame_size(MESSAGE_BYTES);
    let upgrade = upgrade.read_buffer_size(READ_BUFFER_BYTES).protocols([SUBPROTOCOL]);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let started = Instant::now();
        tracing::info!(request, connection = name, "[Terminal] New connection attempt: {name}");
        let mut socket = Socket(socket);
        let reason = match admit(&service, &query, &name, &request).await {
            Ok((session, caller, _guard)) => {
                tracing::info!(request, %session, connection = name, "[Terminal] Session found for {name}");
                let ms = started.elapsed().as_millis() as u64;
                tracing::info!(request, %session, connection = name, ms, "[Terminal:{session}] Connection established successfully in {ms}ms");
                let reason = Connection::new(&service, &session, &caller).run(&mut socket).await;
                disconnect(&service, &session, &caller).await;
                let ms = started.elapsed().as_millis() as u64;
                tracing::info!(request, %session, connection = name, ms, "[WS] Client disconnected: {name}, Session: {session}");
                reason
            }
            Err(reason) => reason,
        };
        socket.close(reason).await;
    }))
}

/// Verifies the token and finds the session that the user may access.
async fn admit(
    service: &ServiceContext,
    query: &TerminalQuery,
    name: &str,
    request: &str,
) -> Result<(SessionId, Caller, UserConnectionGuard), CloseReason> {
    let token = query.token.as_deref().ok_or_else(|| {
        drop(service.missing_token());
        CloseReason(UNAUTHORIZED, "a token is required")
    })?;
    let user = service.config.auth.users.verify(token, service.now_seconds()).map_err(|error| {
        tracing::info!(request, connection = name, bad = %error, "[Terminal] refused {name}");
        drop(service.invalid_token(error));
        CloseReason(UNAUTHORIZED, "the token is not valid")
    })?;
    let invalid = |text| CloseReason(INVALID_SESSION, text);
    let requested = query.session.clone().map(SessionId::new).transpose();
    let requested = requested.map_err(|_| invalid("the session id is not valid"))?;
    if requested.is_some() && user.sid.is_some() && requested != user.sid {
        return Err(invalid("the token names another session"));
    }
    let session = requested.or_else(|| user.sid.clone()).ok_or(invalid("no session is named"))?;
    let connection = ConnectionId::new(name).map_err(|_| CloseReason(SERVER_ERROR, "no connection id"))?;
    let caller = Caller { request: request.to_owned(), ..direct_caller(&user, &session, connection) };
    if !caller.names_session {
        let found = service.registry.record(&session, &caller).await;
        found.map_err(|_| invalid("there is no such session"))?;
    }
    let guard = service.user_connections.acquire(&caller.user).ok_or_else(|| {
        service.metrics.streams.record_error(ErrorCode::LimitReached);
        CloseReason(TOO_MANY, "this user has too many connections")
    })?;
    Ok((session, caller, guard))
}

async fn disconnect(service: &ServiceContext, session: &SessionId, caller: &Caller) {
    if let Ok(session) = service.registry.running(session, caller).await {
        // Fails only if the session has ended, and the connection with it.
        let _ = session.disconnect(caller.connection.clone()).await;
    }
    if let Err(error) = service.store.mark_disconnected(&caller.connection).await {
        tracing::debug!(%error, "a closed connection stays listed until its record expires");
    }
}
