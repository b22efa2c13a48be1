//! Sessions: one task owns a shell and everything mutable about it; the rest of the service speaks to it by messages. Knows
//! terminals and the store, but not how requests arrive.

mod actor;
mod admission;
mod attach;
pub mod budget;
mod client;
pub mod command;
mod console;
pub mod deflate;
mod deliver;
mod emulator;
mod ending;
pub mod follower;
pub mod input_order;
mod lifecycle;
mod live;
pub mod output_log;
mod plain;
mod registry;
mod restore;
mod screen_persistence;
mod send;
mod snapshot;
mod supervisor;
mod turning_away;

pub use admission::ENDED_PER_USER;
pub use follower::PollToken;
pub use lifecycle::Limits;
pub use registry::{Registry, RegistryDeps, ShellSettings};

use crate::store::{ConnectionRecord, StoreError};
use bytes::Bytes;
use shared_protocol::client::Ping;
use shared_protocol::server::Pong;
use shared_protocol::{ConnectionId, EndReason, ErrorCode, Inbound, Role, ServerMessage};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Requests that may wait for a session's task. More means that it is behind: the senders wait, and with them the gateway.
const MAILBOX: usize = 256;

/// Who sent a message, as their token says.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The transport it came over.
    pub connection: ConnectionId,
    /// The user.
    pub user: String,
    /// What they may do.
    pub role: Role,
    /// Whether they operate the platform.
    pub admin: bool,
    /// Whether their token names this session, which is authority enough to create it.
    pub names_session: bool,
    /// Whether they speak to this service directly, where frames cost nothing.
    pub direct: bool,
    /// When their token was issued, in seconds since 1970: decides whether it may create an ended session again.
    pub issued_at: Option<u64>,
    /// When their token expires, in seconds since 1970.
    pub expires_at: u64,
    /// The id of the request that they spoke with, for logs.
    pub request: String,
    /// When their message came.
    pub arrival: Arrival,
}

/// When a message came, for the answer to `ping`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arrival {
    /// Here, in ms since 1970.
    pub at_ms: u64,
    /// How long before that it came to the gateway, in ms. None where there is no gateway, or it did not say.
    pub gateway_ms: Option<u64>,
}

impl Arrival {
    /// A message that came to the gateway at a time, and here now, both in ms since 1970. Their clocks may differ.
    pub fn new(at_gateway_ms: Option<u64>, now_ms: u64) -> Self {
        Self { at_ms: now_ms, gateway_ms: at_gateway_ms.map(|at| now_ms.saturating_sub(at)) }
    }

    /// The answer to a `ping`, made now, in ms since 1970.
    pub fn pong(self, ping: Ping, now_ms: u64) -> ServerMessage {
        let service_ms = Some(now_ms.saturating_sub(self.at_ms));
        let Self { gateway_ms, .. } = self;
        ServerMessage::Pong(Pong { t: ping.t, timestamp: now_ms, gateway_ms, service_ms, epoch: None })
    }
}

impl Caller {
    /// Up to when their token is good, in ms since 1970: its expiry, and what clocks may differ.
    pub fn good_until_ms(&self) -> u64 {
        self.expires_at.saturating_add(auth_tokens::LEEWAY_SECONDS).saturating_mul(1000)
    }

    /// Whether their token is past its expiry. `now_ms` is in ms since 1970.
    pub fn has_expired(&self, now_ms: u64) -> bool {
        self.good_until_ms() <= now_ms
    }
}

/// Which connections the gateway closes after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The one that it was answered to.
    Connection,
    /// The same, because it may speak no more.
    Rejected,
    /// All of the session's.
    Session,
}

/// Answer to a message.
#[derive(Debug, Default, Clone)]
pub struct Reply {
    /// A frame for the browser.
    pub frame: Option<Bytes>,
    /// The bearer of this answer is to follow.
    pub follow: Option<PollToken>,
    /// What to close after that.
    pub close: Option<Close>,
    /// The gateway's row of this connection is to live on.
    pub touch: bool,
    /// To be written to the store: the connection as it speaks now.
    pub listed: Option<ConnectionRecord>,
}

/// Answer to a request for output.
#[derive(Debug, Default, Clone)]
pub struct OutputResponse {
    /// A frame for the browser; none when the time was up.
    pub frame: Option<Bytes>,
    /// Ask again with this; none means stop.
    pub next: Option<PollToken>,
    /// What to close after that.
    pub close: Option<Close>,
}

/// Why a session does not take a message. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SessionError {
    /// The stable code.
    pub code: ErrorCode,
    /// A sentence for a person.
    pub message: String,
}

impl SessionError {
    /// A refusal with this sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn ended() -> Self {
        Self::new(ErrorCode::SessionEnded, "the session has ended")
    }

    fn moved() -> Self {
        Self::new(ErrorCode::NotAttached, "the session goes on in another shell; attach again")
    }

    fn not_found() -> Self {
        Self::new(ErrorCode::SessionNotFound, "there is no such session")
    }

    fn remote() -> Self {
        Self::new(ErrorCode::BackendUnreachable, "the session's shell is in another instance; try again")
    }

    fn unknown_location() -> Self {
        let text = "whether the session's instance is alive is not known yet; try again";
        Self::new(ErrorCode::BackendUnreachable, text)
    }

    fn overloaded() -> Self {
        Self::new(ErrorCode::BackendTimeout, "the session did not answer in time")
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store");
        Self::new(ErrorCode::Internal, "the session store failed; try again")
    }
}

enum Request {
    Deliver {
        caller: Caller,
        inbound: Inbound,
        reply: oneshot::Sender<Reply>,
    },
    Output {
        connection: ConnectionId,
        token: PollToken,
        wait: Duration,
        reply: oneshot::Sender<OutputResponse>,
    },
    Disconnect {
        connection: ConnectionId,
    },
    End {
        reason: EndReason,
    },
    Revoke {
        connection: ConnectionId,
        reply: oneshot::Sender<bool>,
    },
    /// Look whether the session is still this instance's.
    Lost,
}

/// The way to a session's task.
#[derive(Debug, Clone)]
pub struct SessionHandle {
    sender: mpsc::Sender<Request>,
    /// The task ends, but the session goes on elsewhere: set before the task answers nobody any more.
    migrating: Arc<AtomicBool>,
}

/// How long a request waits for room in the mailbox, and a message for its answer beyond the time a command may take.
const PATIENCE: Duration = Duration::from_secs(4);

impl SessionHandle {
    /// A handle, and the mailbox of the task that it reaches.
    fn new() -> (Self, mpsc::Receiver<Request>) {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        (Self { sender, migrating: Arc::default() }, mailbox)
    }

    /// Gives it a message and waits for the direct answer.
    pub async fn deliver(&self, caller: Caller, inbound: Inbound) -> Result<Reply, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Deliver { caller, inbound, reply }).await?;
        let deadline = plain::DIRECT_COMMAND_TIMEOUT + PATIENCE;
        match tokio::time::timeout(deadline, answer).await {
            Ok(answer) => answer.map_err(|_| self.gone()),
            Err(_) => Err(SessionError::overloaded()),
        }
    }

    /// Waits for the next frame of a follower.
    pub async fn output(
        &self,
        connection: ConnectionId,
        token: PollToken,
        wait: Duration,
    ) -> Result<OutputResponse, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Output { connection, token, wait, reply }).await?;
        match tokio::time::timeout(wait + PATIENCE, answer).await {
            // Dropped unanswered: replaced by a newer request, or the session is over. Either way: stop.
            Ok(answer) => Ok(answer.unwrap_or_default()),
            Err(_) => Err(SessionError::overloaded()),
        }
    }

    /// Says that a connection is gone.
    pub async fn disconnect(&self, connection: ConnectionId) -> Result<(), SessionError> {
        self.send(Request::Disconnect { connection }).await
    }

    /// Ends the session; returns once it is told, not once it is over.
    pub async fn end(&self, reason: EndReason) -> Result<(), SessionError> {
        self.send(Request::End { reason }).await
    }

    /// Closes the client of this connection for good and tells it why. False when the session does not know the connection.
    pub async fn revoke(&self, connection: ConnectionId) -> Result<bool, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Revoke { connection, reply }).await?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(answer) => answer.map_err(|_| self.gone()),
            Err(_) => Err(SessionError::overloaded()),
        }
    }

    /// Wakes it, so that it finds out that another instance has the session.
    fn lost(&self) {
        // One that is full is awake.
        let _ = self.sender.try_send(Request::Lost);
    }

    /// Waits until the session's task is gone.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }

    fn gone(&self) -> SessionError {
        if self.migrating.load(Ordering::Acquire) { SessionError::moved() } else { SessionError::ended() }
    }

    async fn send(&self, request: Request) -> Result<(), SessionError> {
        match self.sender.send_timeout(request, PATIENCE).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(self.gone()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(SessionError::overloaded()),
        }
    }
}
