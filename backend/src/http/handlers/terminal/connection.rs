//! One open connection over any transport: delivers its messages to the session, and sends it replies and frames of the stream.

use crate::http::context::ServiceContext;
use crate::http::error::HttpError;
use crate::http::handlers::gateway::{answer_of_wall, deliver, direct_reply, malformed_reply};
use crate::http::socket::{CloseReason, DRAINING, Incoming, NORMAL, SILENT, Socket, UNAUTHORIZED, UNSUPPORTED};
use crate::relay::{DirectFrames, DirectResponse};
use crate::session::{Arrival, Caller, Close, Grant, Reply};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Fuse, FusedFuture, ready};
use futures_util::stream::{FuturesUnordered, StreamExt};
use shared_protocol::client::parse;
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ErrorCode, Inbound, Plain, SessionId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// Time between two looks whether the peer is there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Length of one poll of the session for output.
const POLL_TIMEOUT: Duration = Duration::from_secs(25);
/// Longest timer for a token's expiry, ten years: a timer cannot be infinite.
const MAX_TOKEN_TIMER: Duration = Duration::from_secs(3650 * 24 * 3600);
/// Concurrent one-shot commands of one connection.
const MAX_PENDING_COMMANDS: usize = 16;

const REPLACED: CloseReason = CloseReason(DRAINING, "the service is being replaced");
const REJECTED: CloseReason = CloseReason(UNAUTHORIZED, "this connection is no longer authorized");

type ReplyFuture<'a> = BoxFuture<'a, Result<Reply, HttpError>>;
type PollFuture = BoxFuture<'static, (DirectFrames, DirectResponse)>;

/// A connection of an authenticated user to one session.
pub(super) struct Connection<'a> {
    service: &'a Arc<ServiceContext>,
    /// Its session; none for a wall.
    session: Option<&'a SessionId>,
    caller: &'a Caller,
    /// The pending poll for the next frame; terminated before the attach, and after the end of the frames.
    poll: Fuse<PollFuture>,
    /// When the message rate allows the next read; `None` if now.
    paused_until: Option<Instant>,
}

enum Answer<'a> {
    /// Awaited before the next message is read, so that messages stay in order.
    InOrder(ReplyFuture<'a>),
    /// A one-shot command: may take as long as the command runs.
    Concurrent(ReplyFuture<'a>),
}

impl<'a> Connection<'a> {
    pub(super) fn new(service: &'a Arc<ServiceContext>, session: Option<&'a SessionId>, caller: &'a Caller) -> Self {
        Self { service, session, caller, poll: Fuse::terminated(), paused_until: None }
    }

    /// Serves the connection until either side closes it.
    pub(super) async fn run(mut self, socket: &mut impl Socket) -> CloseReason {
        let (service, session) = (self.service, self.name());
        let mut pending: FuturesUnordered<ReplyFuture<'_>> = FuturesUnordered::new();
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let valid_for = Duration::from_millis(self.caller.valid_until_ms.saturating_sub(service.clock.steady_ms()));
        let valid_until = Instant::now() + valid_for.min(MAX_TOKEN_TIMER);
        loop {
            let reply = tokio::select! {
                message = socket.recv(), if self.paused_until.is_none() => {
                    self.check_rate(Instant::now());
                    match message {
                        Incoming::Text(text) => match self.answer(&text) {
                            Answer::InOrder(reply) => reply.await,
                            Answer::Concurrent(_) if pending.len() >= MAX_PENDING_COMMANDS => Ok(self.busy()),
                            Answer::Concurrent(reply) => { pending.push(reply); continue }
                        },
                        Incoming::Pong => {
                            tracing::info!("[Terminal:{session}] Pong received");
                            continue;
                        }
                        Incoming::Ping => continue,
                        Incoming::Binary => return CloseReason(UNSUPPORTED, "frames must be text"),
                        Incoming::Closed => return CloseReason(NORMAL, ""),
                    }
                }
                () = sleep_until(self.paused_until.unwrap_or(valid_until)), if self.paused_until.is_some() => {
                    self.check_rate(Instant::now());
                    continue;
                }
                Some(reply) = pending.next() => reply,
                (frames, DirectResponse { frame, close, end }) = &mut self.poll => {
                    // A session that has ended closes without a word; any other close says why.
                    let close = close.then_some(if frame.is_some() { Close::Rejected } else { Close::Ended });
                    if let Some(frame) = frame && let Err(reason) = socket.send(frame).await {
                        return reason;
                    }
                    if let Some(close) = close {
                        return close_reason(close, service.is_draining());
                    }
                    self.poll = if end { Fuse::terminated() } else { poll(frames) };
                    continue;
                }
                // While a poll is pending, the session itself reports the expiry.
                () = sleep_until(valid_until), if self.poll.is_terminated() => Ok(Reply::rejected(ErrorCode::TokenExpired)),
                _ = pings.tick() => match self.check_alive(socket).await {
                    Ok(()) => continue,
                    Err(reason) => return reason,
                },
                () = service.drained(), if service.registry.count() == 0 => {
                    return REPLACED;
                }
            };
            let reply = reply.unwrap_or_else(|HttpError(error)| {
                let message = ErrorMessage { retryable: error.retryable, ..ErrorMessage::new(error.code, error.error) };
                direct_reply(service, message.into())
            });
            if let Some(frame) = reply.frame
                && let Err(reason) = socket.send(frame).await
            {
                return reason;
            }
            if let Some(Grant::Direct(frames)) = reply.grant {
                self.poll = poll(frames);
            }
            if let Some(close) = reply.close {
                return close_reason(close, service.is_draining());
            }
        }
    }

    /// Counts one message, or pauses reading until the rate allows the next.
    fn check_rate(&mut self, now: Instant) {
        self.paused_until = self.service.message_rate.check(&self.caller.connection).err().map(|wait| now + wait);
    }

    /// Closes a connection that is revoked or silent; pings it otherwise.
    async fn check_alive(&mut self, socket: &mut impl Socket) -> Result<(), CloseReason> {
        // While a poll is pending, the session itself reports the revocation.
        if self.poll.is_terminated()
            && matches!(self.service.store.is_disconnected(&self.caller.connection).await, Ok(true))
        {
            if let Some(frame) = Reply::rejected(ErrorCode::Revoked).frame {
                // The close code tells the same.
                let _ = socket.send(frame).await;
            }
            return Err(REJECTED);
        }
        if socket.is_silent() {
            tracing::info!("[Terminal:{}] Connection timeout", self.name());
            return Err(SILENT);
        }
        socket.ping().await
    }

    fn answer(&self, body: &[u8]) -> Answer<'a> {
        let (service, session) = (self.service, self.session);
        let envelope = match parse(body) {
            Ok(envelope) => envelope,
            Err(malformed) => return Answer::InOrder(ready(Ok(malformed_reply(service, malformed))).boxed()),
        };
        let is_other = envelope.session_id.is_some_and(|id| Some(&id) != session)
            || envelope.connection_id.is_some_and(|id| id != self.caller.connection);
        if is_other {
            let error = HttpError::new(ErrorCode::Forbidden, "the body names another connection or session");
            return Answer::InOrder(ready(Err(error)).boxed());
        }
        let is_command = matches!(envelope.inbound, Inbound::Plain(Plain::Command { .. }));
        let arrival = Arrival { at_ms: service.clock.now_ms(), ..self.caller.arrival };
        let caller = Caller { arrival, ..self.caller.clone() };
        let Some(session) = session else {
            return Answer::InOrder(answer_of_wall(service, caller, envelope.inbound).boxed());
        };
        let reply = deliver(service, session, caller, envelope.inbound).boxed();
        if is_command { Answer::Concurrent(reply) } else { Answer::InOrder(reply) }
    }

    /// The session, for logs.
    fn name(&self) -> &'a str {
        self.session.map_or("-", SessionId::as_str)
    }

    fn busy(&self) -> Reply {
        let error = ErrorMessage::new(ErrorCode::Busy, "too many commands run on this connection");
        direct_reply(self.service, error.into())
    }
}

/// Asks for the next frame.
fn poll(mut frames: DirectFrames) -> Fuse<PollFuture> {
    async move {
        let next = frames.next(POLL_TIMEOUT).await;
        (frames, next)
    }
    .boxed()
    .fuse()
}

/// The reason for a close that the session asks for. While the service is being replaced, its shells end with it.
fn close_reason(close: Close, is_draining: bool) -> CloseReason {
    match close {
        Close::Rejected => REJECTED,
        Close::Ended if is_draining => REPLACED,
        Close::Ended => CloseReason(NORMAL, "the session has ended"),
    }
}
