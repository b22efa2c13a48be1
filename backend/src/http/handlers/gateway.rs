//! `POST /api/ws/…`: the requests of the gateway, for its WebSockets.

use super::file_messages;
use crate::http::auth::GatewayRequest;
use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::http::messaged_transfers::FileMessage;
use crate::metrics::MessageType;
use crate::session::{Caller, FirstShell, Grant, Reply, SessionHandle, check_carrier, stateless_reply};
use crate::store::{ConnectionRecord, StoreError};
use crate::terminal::Size;
use crate::wall::WallMessage;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use shared_protocol::client::{Announce, ParseError, parse};
use shared_protocol::gateway::{CLOSE_CONNECTION, CLOSE_HEADER, DisconnectRequest, DisconnectResponse, TOUCH_HEADER};
use shared_protocol::relay::GRANT_HEADER;
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ClientMessage, ConnectionId, ErrorCode, Inbound, Plain, ServerFrame, ServerMessage, SessionId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Time that a message to a session of this instance waits for the store.
const STORE_TIMEOUT: Duration = Duration::from_millis(500);

/// Window of a session that a plain message starts, until a client resizes it.
const DEFAULT_SIZE: Size = Size { cols: 80, rows: 24 };

/// `POST /api/ws/disconnect`: a connection is gone.
pub(in crate::http) async fn disconnect(
    State(service): State<Arc<ServiceContext>>,
    request: GatewayRequest,
) -> Result<Json<DisconnectResponse>, HttpError> {
    let body: DisconnectRequest = request.parse_body()?;
    request.check_body_ids(Some(&body.connection_id), body.session_id.as_ref())?;
    service.walls.disconnect(&body.connection_id);
    service.store.mark_disconnected(&body.connection_id).await?;
    if let Some(session) = &request.claims.sid
        && let Ok(session) = service.registry.running(session, &request.caller()).await
    {
        // Fails only if the session has ended, and the connection with it.
        let _ = session.disconnect(body.connection_id).await;
    }
    Ok(Json(DisconnectResponse { success: true }))
}

/// `POST /api/ws/message`: one message of a browser.
pub(in crate::http) async fn message(
    State(service): State<Arc<ServiceContext>>,
    request: GatewayRequest,
) -> Result<Reply, HttpError> {
    let service = &*service;
    if service.message_rate.check(&request.claims.cid).is_err() {
        service.metrics.streams.record_error(ErrorCode::RateLimited);
        let text = "this connection exceeds its message rate; this message was discarded";
        return Ok(refused(service, &request, ErrorMessage::new(ErrorCode::RateLimited, text)).await);
    }
    if !request.carries_relays {
        tracing::error!("the gateway function is of another version than this service: deploy both from the same one");
        let text = "the gateway and the service have different versions; an administrator must deploy both";
        return Ok(direct_reply(service, ErrorMessage::new(ErrorCode::Internal, text).into()));
    }
    let envelope = match parse(&request.body) {
        Ok(envelope) => envelope,
        Err(malformed) => {
            service.metrics.streams.record_message(MessageType::Malformed);
            return Ok(refused(service, &request, ErrorMessage::new(malformed.code, malformed.message)).await);
        }
    };
    if let Err(error) = request.check_body_ids(envelope.connection_id.as_ref(), envelope.session_id.as_ref()) {
        return refusal_as_frame(service, &request, error).await;
    }
    let mut caller = request.caller();
    let Some(session) = request.claims.sid.as_ref() else {
        if wall_message(&envelope.inbound).is_some() {
            caller.arrival.dispatch = service.dispatch(&request).await;
        }
        return answer_of_wall(service, caller, envelope.inbound).await;
    };
    if let Err(error) = check_carrier(&caller, &envelope.inbound) {
        service.metrics.streams.record_message(&envelope.inbound);
        service.metrics.streams.record_error(error.code);
        return Ok(refused(service, &request, error).await);
    }
    caller.arrival.dispatch = service.dispatch(&request).await;
    match deliver(service, session, caller, envelope.inbound).await {
        Ok(reply) => Ok(reply),
        Err(error) => refusal_as_frame(service, &request, error).await,
    }
}

/// The reply to a message that reaches no session. A client that a relay carries gets it from the relay: two posts to one
/// connection must not overtake each other.
async fn refused(service: &ServiceContext, request: &GatewayRequest, error: impl Into<ServerMessage>) -> Reply {
    let message = error.into();
    if tell(service, request, message.clone()).await { Reply::default() } else { direct_reply(service, message) }
}

/// Has the relay of the request's connection bring a frame; false if it has none.
async fn tell(service: &ServiceContext, request: &GatewayRequest, message: ServerMessage) -> bool {
    let session = request.claims.sid.as_ref().and_then(|session| service.registry.live(session));
    match session {
        Some(session) => session.tell(request.claims.cid.clone(), message).await,
        None => false,
    }
}

/// Turns a refusal into an error frame, because platforms roll back a deployment that answers many 4xx or 5xx: an ordinary one
/// of a client, and one that the page retries by itself, because its session moves to another instance. Only a fault of the
/// service keeps its status.
async fn refusal_as_frame(
    service: &ServiceContext,
    request: &GatewayRequest,
    HttpError(error): HttpError,
) -> Result<Reply, HttpError> {
    let moves = matches!(error.code, ErrorCode::Draining | ErrorCode::BackendUnreachable);
    if error.code.status() >= 500 && !moves {
        return Err(HttpError(error));
    }
    Ok(refused(service, request, ErrorMessage::new(error.code, error.error)).await)
}

/// Answers a message of a connection without a session, which may have a wall.
pub(super) async fn answer_of_wall(
    service: &ServiceContext,
    caller: Caller,
    inbound: Inbound,
) -> Result<Reply, HttpError> {
    service.metrics.streams.record_message(&inbound);
    let inbound = match inbound {
        Inbound::Message(ClientMessage::Announce(message)) if !caller.carrier => {
            return Ok(announce(service, caller, message).await);
        }
        inbound => inbound,
    };
    let Some(message) = wall_message(&inbound).filter(|_| !caller.carrier) else {
        let text = "this connection has no session: it may only `ping` and `echo`; open it with `?sessionId=`";
        let error = || ErrorMessage::new(ErrorCode::NotAttached, text).into();
        let message = stateless_reply(&inbound, caller.arrival, service.clock.now_ms());
        // A connection without a session cannot attach either.
        let message = message.filter(|message| !matches!(message, ServerMessage::Error(_)));
        return Ok(direct_reply(service, message.unwrap_or_else(error)));
    };
    let delivered = service.walls.deliver(caller, message).await;
    Ok(delivered.unwrap_or_else(|error| direct_reply(service, error.into())))
}

/// Says a message to a class, and answers with what became of it.
async fn announce(service: &ServiceContext, caller: Caller, message: Announce) -> Reply {
    let id = Some(message.id.clone());
    match service.walls.announce(caller, message).await {
        Ok(announced) => direct_reply(service, ServerMessage::Announced(announced)),
        Err(error) if error.code == ErrorCode::TokenExpired => Reply::rejected(error.code),
        Err(error) => direct_reply(service, ErrorMessage { id, ..ErrorMessage::new(error.code, error.message) }.into()),
    }
}

/// The message, if it is for a wall.
fn wall_message(inbound: &Inbound) -> Option<WallMessage> {
    match inbound {
        Inbound::Message(ClientMessage::Wall(wall)) => Some(WallMessage::Wall(wall.clone())),
        Inbound::Message(ClientMessage::WallAck(ack)) => Some(WallMessage::Ack(ack.clone())),
        _ => None,
    }
}

/// Delivers a message to its session, which it may start. Answers a message that needs no session itself.
pub(super) async fn deliver(
    service: &ServiceContext,
    session: &SessionId,
    caller: Caller,
    inbound: Inbound,
) -> Result<Reply, HttpError> {
    service.metrics.streams.record_message(&inbound);
    if let Err(error) = check_carrier(&caller, &inbound) {
        service.metrics.streams.record_error(error.code);
        return Ok(direct_reply(service, error.into()));
    }
    // A running session checks the expiry itself: it also notifies its attached clients.
    if caller.has_expired(service.clock.steady_ms()) && service.registry.live(session).is_none() {
        service.metrics.streams.record_error(ErrorCode::TokenExpired);
        return Ok(Reply::rejected(ErrorCode::TokenExpired));
    }
    let first: Option<FirstShell> = match &inbound {
        Inbound::Message(ClientMessage::Attach(attach)) => {
            let (size, directory) = (Size::of_window(attach.cols, attach.rows), attach.directory.clone());
            Some(FirstShell { size, directory: directory.map(Into::into) })
        }
        Inbound::Plain(Plain::Command { command, .. }) => {
            log_command(service, session, &caller, command);
            Some(DEFAULT_SIZE.into())
        }
        Inbound::Message(ClientMessage::Command(command)) => {
            log_command(service, session, &caller, &command.command);
            None
        }
        Inbound::Plain(Plain::Resize { cols, rows }) => Some(Size::of_window(*cols, *rows).into()),
        Inbound::Plain(Plain::Chat { .. }) => Some(DEFAULT_SIZE.into()),
        _ => None,
    };
    // A message that arrives after its connection has closed must not start a session.
    if first.is_some() && is_closed(service, session, &caller.connection).await? {
        return Err(HttpError::new(ErrorCode::ConnectionGone, "this connection was closed"));
    }
    let handle = match first {
        Some(first) => service.registry.running_or_new(session, &caller, first).await?,
        None => match service.registry.running(session, &caller).await {
            Ok(handle) => handle,
            Err(error) => {
                let message = stateless_reply(&inbound, caller.arrival, service.clock.now_ms());
                return message.map(|message| direct_reply(service, message)).ok_or_else(|| error.into());
            }
        },
    };
    if let Some(message) = FileMessage::of(&inbound) {
        return Ok(answer_of_file(service, session, &handle, caller, message).await);
    }
    let reply = handle.deliver(caller, inbound).await?;
    if let Some(connection) = &reply.listed {
        // Without the record the connection is only missing in the listing until the next refresh.
        match timeout(STORE_TIMEOUT, record_connection(service, connection)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, connection = %connection.id, "a connection is not listed"),
            Err(_) => tracing::warn!(connection = %connection.id, "a connection is not listed in time"),
        }
    }
    Ok(reply)
}

/// Answers a message about a file, outside of the session's task, because its helper waits for a disk.
async fn answer_of_file(
    service: &ServiceContext,
    session: &SessionId,
    handle: &SessionHandle,
    caller: Caller,
    message: FileMessage,
) -> Reply {
    match file_messages::answer(service, session, handle, &caller, message).await {
        Ok(Some(answer)) if !handle.tell(caller.connection, answer.clone()).await => direct_reply(service, answer),
        // The client repeats its message.
        Ok(_) => Reply::default(),
        Err(rejected) => *rejected,
    }
}

/// True if the connection is closed. If the session runs here, a store that is down counts as no: the session knows its closed
/// connections itself.
async fn is_closed(
    service: &ServiceContext,
    session: &SessionId,
    connection: &ConnectionId,
) -> Result<bool, HttpError> {
    let closed = service.store.is_disconnected(connection);
    if service.registry.live(session).is_some() {
        return Ok(matches!(timeout(STORE_TIMEOUT, closed).await, Ok(Ok(true))));
    }
    Ok(closed.await?)
}

/// Writes the record of a connection, unless it has closed in the meantime.
async fn record_connection(service: &ServiceContext, connection: &ConnectionRecord) -> Result<(), StoreError> {
    service.store.put_connection(connection).await?;
    if service.store.is_disconnected(&connection.id).await? {
        service.store.mark_disconnected(&connection.id).await?;
    }
    Ok(())
}

/// Logs that a command runs; its text only with `LOG_COMMANDS`.
fn log_command(service: &ServiceContext, session: &SessionId, caller: &Caller, line: &str) {
    let (request, connection) = (&caller.request, &caller.connection);
    let command = service.config.log.commands.then_some(line);
    tracing::info!(request, %session, %connection, command, "[Terminal] Executing");
}

/// A reply that no session made.
pub(super) fn direct_reply(service: &ServiceContext, message: ServerMessage) -> Reply {
    let frame = ServerFrame::from(message);
    let json = frame.to_json();
    service.metrics.streams.record_frame(&frame.message, json.len());
    Reply { frame: Some(json.into()), ..Reply::default() }
}

/// The reply to text that is not a message.
pub(super) fn malformed_reply(service: &ServiceContext, malformed: ParseError) -> Reply {
    service.metrics.streams.record_message(MessageType::Malformed);
    direct_reply(service, ErrorMessage::new(malformed.code, malformed.message).into())
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(Grant::Relay(grant)) = self.grant
            && let Ok(grant) = HeaderValue::try_from(grant)
        {
            headers.insert(GRANT_HEADER, grant);
        }
        if self.touch {
            headers.insert(TOUCH_HEADER, HeaderValue::from_static("1"));
        }
        if self.close.is_some() {
            headers.insert(CLOSE_HEADER, HeaderValue::from_static(CLOSE_CONNECTION));
        }
        with_frame(headers, self.frame)
    }
}

/// `200` with the frame, or `204` without one.
fn with_frame(mut headers: HeaderMap, frame: Option<bytes::Bytes>) -> Response {
    match frame {
        Some(frame) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            (headers, frame).into_response()
        }
        None => (StatusCode::NO_CONTENT, headers).into_response(),
    }
}
