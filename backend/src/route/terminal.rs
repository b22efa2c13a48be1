//! `WS /terminal?sessionId&token`: the same messages and frames without a gateway, where the host allows WebSockets.

use super::Service;
use super::auth::{caller, origin_allowed, request_id};
use super::crowd::Present;
use super::error::Failure;
use super::message::{deliver, direct, not_understood};
use crate::session::{Arrival, Caller, Close, OutputResponse, PollToken, Reply, SessionError, SessionHandle};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::Deserialize;
use shared_protocol::client::parse;
use shared_protocol::gateway::SUBPROTOCOL;
use shared_protocol::limits::MESSAGE_BYTES;
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ConnectionId, ErrorCode, Inbound, Plain, SessionId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// The session does not exist, or is over.
const INVALID_SESSION: u16 = 4000;
/// The token is missing or not valid.
const UNAUTHORIZED: u16 = 4001;
/// Nothing was heard for too long.
const TIMEOUT: u16 = 1008;
/// The session is over and everything was sent.
const NORMAL: u16 = 1000;
/// The user has too many connections.
const TOO_MANY: u16 = 1013;
/// A fault on our side.
const SERVER_ERROR: u16 = 4500;
/// The service is being replaced.
const DRAINING: u16 = 4503;

/// Read from the connection at a time, in bytes: room for keys. It is kept by each connection, and cleared before each read.
const READ_BYTES: usize = 4 * 1024;
/// How often the peer is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Without a sign of life for this long, the peer is gone.
const SILENCE: Duration = Duration::from_secs(75);
/// How long a frame may take to be sent: a peer that stops reading is gone, and its session must not wait for it.
const SEND_PATIENCE: Duration = Duration::from_secs(20);
/// How long the session is asked for output at a time.
const WAIT: Duration = Duration::from_secs(25);
/// Longest life of a token that is watched: ten years, since a timer must have an end.
const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);
/// Plain commands of one connection that are waited for at once.
const PENDING: usize = 16;

#[derive(Deserialize)]
pub(super) struct Parameters {
    #[serde(rename = "sessionId")]
    pub session: Option<String>,
    pub token: Option<String>,
}

pub(super) async fn handle(
    State(service): State<Arc<Service>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Failure> {
    if !origin_allowed(&service.auth, &headers) {
        return Err(Failure::new(ErrorCode::Forbidden, "pages of this origin may not use the service"));
    }
    let random = service.entropy.bytes::<12>();
    let request = request_id(&headers).to_owned();
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES).max_frame_size(MESSAGE_BYTES).read_buffer_size(READ_BYTES);
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let started = Instant::now();
        let name = format!("direct:{}", hex::encode(random));
        tracing::info!(request, connection = name, "[Terminal] New connection attempt: {name}");
        let mut socket = Socket(socket);
        let (code, reason) = match admit(&service, &parameters, &name, &request).await {
            Ok((session, caller, _present)) => {
                tracing::info!(request, %session, connection = name, "[Terminal] Session found for {name}");
                let ms = started.elapsed().as_millis() as u64;
                tracing::info!(request, %session, connection = name, ms, "[Terminal:{session}] Connection established successfully in {ms}ms");
                let ended = serve(&service, &mut socket, &session, caller.clone()).await;
                if let Ok(session) = service.registry.running(&session, &caller).await {
                    // A session that is over has forgotten the connection already.
                    let _ = session.disconnect(caller.connection.clone()).await;
                }
                if let Err(error) = service.store.mark_disconnected(&caller.connection).await {
                    tracing::debug!(%error, "a connection that is gone is listed for a while");
                }
                let ms = started.elapsed().as_millis() as u64;
                tracing::info!(request, %session, connection = name, ms, "[WS] Client disconnected: {name}, Session: {session}");
                ended
            }
            Err(refused) => refused,
        };
        socket.close(code, reason).await;
    }))
}

type Closing = (u16, &'static str);

/// Who it is, and which session they may reach.
async fn admit(
    service: &Service,
    parameters: &Parameters,
    name: &str,
    request: &str,
) -> Result<(SessionId, Caller, Present), Closing> {
    let token = parameters.token.as_deref().ok_or_else(|| {
        drop(service.no_token());
        (UNAUTHORIZED, "a token is required")
    })?;
    let user = service.auth.users.verify(token, service.now_seconds()).map_err(|bad| {
        tracing::info!(request, connection = name, %bad, "[Terminal] refused {name}");
        drop(service.bad_token(bad));
        (UNAUTHORIZED, "the token is not valid")
    })?;
    let asked = parameters.session.clone().map(SessionId::new).transpose();
    let asked = asked.map_err(|_| (INVALID_SESSION, "the session id is not valid"))?;
    if asked.is_some() && user.sid.is_some() && asked != user.sid {
        return Err((INVALID_SESSION, "the token names another session"));
    }
    let session = asked.or_else(|| user.sid.clone()).ok_or((INVALID_SESSION, "no session is named"))?;
    let connection = ConnectionId::new(name).map_err(|_| (SERVER_ERROR, "no connection id"))?;
    let caller = Caller { request: request.to_owned(), ..caller(&user, &session, connection) };
    if !caller.names_session {
        let found = service.registry.record(&session, &caller).await;
        found.map_err(|_| (INVALID_SESSION, "there is no such session"))?;
    }
    let present = service.crowd.enter(&caller.user).ok_or_else(|| {
        service.metrics.streams.refused(ErrorCode::LimitReached);
        (TOO_MANY, "this user has as many connections as they may")
    })?;
    Ok((session, caller, present))
}

/// Speaks for one connection until one side is done. Returns the close code.
async fn serve(service: &Arc<Service>, socket: &mut Socket, session: &SessionId, caller: Caller) -> Closing {
    let mut pending: FuturesUnordered<BoxFuture<'_, Result<Reply, Failure>>> = FuturesUnordered::new();
    let mut following: Option<BoxFuture<'static, Result<OutputResponse, SessionError>>> = None;
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    // When it may speak next.
    let mut too_early: Option<Instant> = None;
    let good_for = caller.good_until_ms().saturating_sub(service.clock.now_ms());
    let good_until = Instant::now() + Duration::from_millis(good_for).min(LONGEST);
    loop {
        let reply = tokio::select! {
            message = socket.0.recv(), if too_early.is_none() => {
                heard = Instant::now();
                too_early = service.pace.may(&caller.connection).err().map(|wait| heard + wait);
                match message {
                    Some(Ok(Message::Text(text))) => match answer(service, session, &caller, text.as_bytes()) {
                        Answering::Now(reply) => reply.await,
                        Answering::Later(_) if pending.len() >= PENDING => Ok(busy(service)),
                        Answering::Later(reply) => { pending.push(reply); continue }
                    },
                    Some(Ok(Message::Pong(_))) => {
                        tracing::info!("[Terminal:{session}] Pong received");
                        continue;
                    }
                    Some(Ok(Message::Ping(_))) => continue,
                    Some(Ok(Message::Binary(_))) => return (1003, "frames must be text"),
                    Some(Ok(Message::Close(_))) | None => return (NORMAL, ""),
                    Some(Err(error)) => {
                        tracing::debug!(%error, "[Terminal:{session}] connection lost");
                        return (NORMAL, "");
                    }
                }
            }
            () = at(too_early) => {
                let now = Instant::now();
                too_early = service.pace.may(&caller.connection).err().map(|wait| now + wait);
                continue;
            }
            Some(reply) = pending.next() => reply,
            fetched = poll_following(&mut following) => {
                let fetched = fetched.unwrap_or_default();
                if let Some(frame) = fetched.frame && !socket.send(frame).await {
                    return (TIMEOUT, "the connection stopped reading");
                }
                following = fetched.next.and_then(|poll_token| follow(service, session, &caller, poll_token));
                if let Some(close) = fetched.close {
                    return closing(close);
                }
                continue;
            }
            // Nobody fetches frames that could say so.
            () = sleep_until(good_until), if following.is_none() => Ok(Reply::rejected(ErrorCode::TokenExpired)),
            _ = pings.tick() => {
                if following.is_none() && matches!(service.store.is_disconnected(&caller.connection).await, Ok(true)) {
                    let told = Reply::rejected(ErrorCode::Revoked);
                    // The close says it too.
                    let _ = match told.frame { Some(frame) => socket.send(frame).await, None => true };
                    return closing(Close::Rejected);
                }
                if heard.elapsed() > SILENCE {
                    tracing::info!("[Terminal:{session}] Connection timeout");
                    return (TIMEOUT, "connection timeout");
                }
                if !socket.ping().await {
                    return (TIMEOUT, "the connection stopped reading");
                }
                continue;
            }
            () = service.drained(), if service.registry.count() == 0 => return (DRAINING, "the service is being replaced"),
        };
        let reply = reply.unwrap_or_else(|Failure(error)| {
            let refusal = ErrorMessage { retryable: error.retryable, ..ErrorMessage::new(error.code, error.error) };
            direct(service, refusal.into())
        });
        if let Some(frame) = reply.frame
            && !socket.send(frame).await
        {
            return (TIMEOUT, "the connection stopped reading");
        }
        if let Some(poll_token) = reply.follow {
            following = follow(service, session, &caller, poll_token);
        }
        if let Some(close) = reply.close {
            return closing(close);
        }
    }
}

/// How the session has the connection closed.
fn closing(close: Close) -> Closing {
    match close {
        Close::Connection | Close::Session => (NORMAL, "the session has ended"),
        Close::Rejected => (UNAUTHORIZED, "this connection may speak no more"),
    }
}

enum Answering<'a> {
    /// Answered at once: waited for, so that messages stay in order.
    Now(BoxFuture<'a, Result<Reply, Failure>>),
    /// May take as long as a command does.
    Later(BoxFuture<'a, Result<Reply, Failure>>),
}

fn answer<'a>(service: &'a Arc<Service>, session: &'a SessionId, caller: &Caller, body: &[u8]) -> Answering<'a> {
    let envelope = match parse(body) {
        Ok(envelope) => envelope,
        Err(malformed) => {
            let reply = not_understood(service, malformed);
            return Answering::Now(async move { Ok(reply) }.boxed());
        }
    };
    let other = envelope.session_id.is_some_and(|id| id != *session)
        || envelope.connection_id.is_some_and(|id| id != caller.connection);
    if other {
        let refusal = Failure::new(ErrorCode::Forbidden, "the body names another connection or session");
        return Answering::Now(async move { Err(refusal) }.boxed());
    }
    let later = matches!(envelope.inbound, Inbound::Plain(Plain::Command { .. }));
    let caller = Caller { arrival: Arrival::new(None, service.clock.now_ms()), ..caller.clone() };
    let reply = deliver(service, session, caller, envelope.inbound).boxed();
    if later { Answering::Later(reply) } else { Answering::Now(reply) }
}

fn busy(service: &Service) -> Reply {
    direct(service, ErrorMessage::new(ErrorCode::Busy, "too many commands run on this connection").into())
}

/// The next frame of the session, once it is there.
fn follow(
    service: &Arc<Service>,
    session: &SessionId,
    caller: &Caller,
    poll_token: PollToken,
) -> Option<BoxFuture<'static, Result<OutputResponse, SessionError>>> {
    let handle: SessionHandle = service.registry.live(session)?;
    let connection = caller.connection.clone();
    Some(async move { handle.output(connection, poll_token, WAIT).await }.boxed())
}

/// Completes then; never, when there is no such time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Waits for the frame that is being fetched; for ever when none is.
async fn poll_following<T>(following: &mut Option<BoxFuture<'static, T>>) -> T {
    match following {
        Some(next) => {
            let fetched = next.await;
            *following = None;
            fetched
        }
        None => std::future::pending().await,
    }
}

struct Socket(WebSocket);

impl Socket {
    /// Sends a frame; false when the peer does not take it in time.
    async fn send(&mut self, frame: Bytes) -> bool {
        let Ok(text) = Utf8Bytes::try_from(frame) else { return false };
        self.within(Message::Text(text)).await
    }

    async fn ping(&mut self) -> bool {
        self.within(Message::Ping(Bytes::new())).await
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        // The peer may be gone.
        let _ = self.within(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
    }

    async fn within(&mut self, message: Message) -> bool {
        matches!(tokio::time::timeout(SEND_PATIENCE, self.0.send(message)).await, Ok(Ok(())))
    }
}
