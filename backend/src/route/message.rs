//! `POST /api/ws/message`: one message of a browser.

use super::Service;
use super::auth::Signed;
use super::error::Failure;
use crate::metrics::Heard;
use crate::session::{Arrival, Caller, Close, Reply, SessionError};
use crate::store::{ConnectionRecord, StoreError};
use crate::terminal::Size;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use shared_protocol::client::{ParseError, parse};
use shared_protocol::gateway::{CLOSE_CONNECTION, CLOSE_HEADER, CLOSE_SESSION, FOLLOW_HEADER, TOUCH_HEADER};
use shared_protocol::server::{EchoReply, ErrorMessage, UnknownCommand};
use shared_protocol::{ClientMessage, ConnectionId, ErrorCode, Inbound, Plain, ServerFrame, ServerMessage, SessionId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a message to a session that runs here waits for the store.
const STORE_PATIENCE: Duration = Duration::from_millis(500);

/// Window of a session that a plain client starts, until someone resizes it.
const PLAIN_SIZE: Size = Size { cols: 80, rows: 24 };

pub(super) async fn handle(State(service): State<Arc<Service>>, signed: Signed) -> Result<Response, Failure> {
    Ok(answer(&service, &signed).await?.into_response())
}

async fn answer(service: &Service, signed: &Signed) -> Result<Reply, Failure> {
    if service.pace.may(&signed.claims.cid).is_err() {
        service.metrics.streams.refused(ErrorCode::RateLimited);
        let refusal = "this connection sends more messages than it may; nothing of this one was taken";
        return Ok(direct(service, ErrorMessage::new(ErrorCode::RateLimited, refusal).into()));
    }
    let envelope = match parse(&signed.body) {
        Ok(envelope) => envelope,
        Err(malformed) => return Ok(not_understood(service, malformed)),
    };
    signed.check(envelope.connection_id.as_ref(), envelope.session_id.as_ref())?;
    let Some(session) = signed.claims.sid.as_ref() else {
        let refusal = "this connection has no session: it may only `ping` and `echo`";
        let refused = || ErrorMessage::new(ErrorCode::NotAttached, refusal).into();
        service.metrics.streams.heard(&envelope.inbound);
        let answer = stateless(service, &envelope.inbound, signed.arrival);
        return Ok(direct(service, answer.unwrap_or_else(refused)));
    };
    let answered = deliver(service, session, signed.caller(), envelope.inbound).await;
    answered.or_else(|failure| again_later(service, failure))
}

/// What a page tries again by itself, because its session is on the way to another instance, is told to the page and is no fault
/// of the service: platforms take back a deployment that answers 5xx.
fn again_later(service: &Service, Failure(error): Failure) -> Result<Reply, Failure> {
    if !matches!(error.code, ErrorCode::Draining | ErrorCode::BackendUnreachable) {
        return Err(Failure(error));
    }
    Ok(direct(service, ErrorMessage::new(error.code, error.error).into()))
}

/// Gives a message to its session. What needs no session is answered without one.
pub(super) async fn deliver(
    service: &Service,
    session: &SessionId,
    caller: Caller,
    inbound: Inbound,
) -> Result<Reply, Failure> {
    service.metrics.streams.heard(&inbound);
    // A running session looks itself, since it says its last word to everyone who was there.
    if caller.has_expired(service.clock.now_ms()) && service.registry.live(session).is_none() {
        service.metrics.streams.refused(ErrorCode::TokenExpired);
        return Ok(Reply::rejected(ErrorCode::TokenExpired));
    }
    let size = match &inbound {
        Inbound::Message(ClientMessage::Attach(attach)) => Some(Size { cols: attach.cols, rows: attach.rows }),
        Inbound::Plain(Plain::Command { command, .. }) => {
            log_command(service, session, &caller, command);
            Some(PLAIN_SIZE)
        }
        Inbound::Message(ClientMessage::Command(command)) => {
            log_command(service, session, &caller, &command.command);
            None
        }
        Inbound::Plain(Plain::Resize { cols, rows }) => Some(Size { cols: *cols, rows: *rows }),
        _ => None,
    };
    // A late message must not bring it back.
    if size.is_some() && is_disconnected(service, session, &caller.connection).await? {
        return Err(Failure::new(ErrorCode::ConnectionGone, "this connection was closed"));
    }
    let handle = match size {
        Some(size) => service.registry.running_or_new(session, &caller, size).await?,
        None => match service.registry.running(session, &caller).await {
            Ok(handle) => handle,
            Err(refusal) => {
                let answer = stateless(service, &inbound, caller.arrival).map(|message| direct(service, message));
                return answer.ok_or_else(|| refusal.into());
            }
        },
    };
    let reply = handle.deliver(caller, inbound).await?;
    if let Some(connection) = &reply.listed {
        // Only the listing lacks it, until it is written again.
        match timeout(STORE_PATIENCE, list(service, connection)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, connection = %connection.id, "a connection is not listed"),
            Err(_) => tracing::warn!(connection = %connection.id, "a connection is not listed in time"),
        }
    }
    Ok(reply)
}

/// Whether the connection was closed. A session that runs here remembers that itself, and is not kept from anyone by a store
/// that is away.
async fn is_disconnected(service: &Service, session: &SessionId, connection: &ConnectionId) -> Result<bool, Failure> {
    let asked = service.store.is_disconnected(connection);
    if service.registry.live(session).is_some() {
        return Ok(matches!(timeout(STORE_PATIENCE, asked).await, Ok(Ok(true))));
    }
    Ok(asked.await.map_err(SessionError::from)?)
}

/// Writes that a connection speaks, unless it left meanwhile.
async fn list(service: &Service, connection: &ConnectionRecord) -> Result<(), StoreError> {
    service.store.put_connection(connection).await?;
    if service.store.is_disconnected(&connection.id).await? {
        service.store.mark_disconnected(&connection.id).await?;
    }
    Ok(())
}

/// Answers to what any connection may ask.
fn stateless(service: &Service, inbound: &Inbound, arrival: Arrival) -> Option<ServerMessage> {
    let timestamp = service.clock.now_ms();
    match inbound {
        Inbound::Message(ClientMessage::Ping(ping)) => Some(arrival.pong(ping.clone(), timestamp)),
        Inbound::Message(ClientMessage::Echo(echo)) => {
            Some(ServerMessage::Echo(EchoReply { received: echo.fields.clone().into(), timestamp, epoch: None }))
        }
        Inbound::Unknown { kind } => {
            Some(ServerMessage::UnknownCommand(UnknownCommand { received: kind.clone(), epoch: None }))
        }
        _ => None,
    }
}

/// What was typed stays out of the log, unless somebody has asked for it.
fn log_command(service: &Service, session: &SessionId, caller: &Caller, line: &str) {
    let (request, connection) = (&caller.request, &caller.connection);
    let command = service.log_commands.then_some(line);
    tracing::info!(request, %session, %connection, command, "[Terminal] Executing");
}

/// An answer that no session gives.
pub(super) fn direct(service: &Service, message: ServerMessage) -> Reply {
    let frame = ServerFrame::from(message);
    let json = frame.to_json();
    service.metrics.streams.sent(&frame.message, json.len());
    Reply { frame: Some(json.into()), ..Reply::default() }
}

/// The answer to what is no message.
pub(super) fn not_understood(service: &Service, malformed: ParseError) -> Reply {
    service.metrics.streams.heard(Heard::Malformed);
    direct(service, ErrorMessage::new(malformed.code, malformed.message).into())
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(poll_token) = self.follow.and_then(|poll_token| HeaderValue::try_from(poll_token.to_string()).ok())
        {
            headers.insert(FOLLOW_HEADER, poll_token);
        }
        if self.touch {
            headers.insert(TOUCH_HEADER, HeaderValue::from_static("1"));
        }
        insert_close(&mut headers, self.close);
        with_frame(headers, self.frame)
    }
}

pub(super) fn insert_close(headers: &mut HeaderMap, close: Option<Close>) {
    let value = match close {
        None => return,
        Some(Close::Connection | Close::Rejected) => CLOSE_CONNECTION,
        Some(Close::Session) => CLOSE_SESSION,
    };
    headers.insert(CLOSE_HEADER, HeaderValue::from_static(value));
}

/// `200` with the frame, or `204`.
pub(super) fn with_frame(mut headers: HeaderMap, frame: Option<bytes::Bytes>) -> Response {
    match frame {
        Some(frame) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            (headers, frame).into_response()
        }
        None => (StatusCode::NO_CONTENT, headers).into_response(),
    }
}
