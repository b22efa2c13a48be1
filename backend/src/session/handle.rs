//! The interface of a session's task: requests, their answers, and the handle that sends them. Each wait has a timeout.

use super::caller::Caller;
use super::standing::Standing;
use super::watching::WatchSlot;
use crate::relay::DirectFrames;
use crate::store::{CommandRecord, ConnectionRecord, Member, StoreError};
use crate::terminal::ProcessGroup;
use bytes::Bytes;
use shared_protocol::server::{ErrorMessage, Notice};
use shared_protocol::{ConnectionId, EndReason, ErrorCode, Inbound, ServerMessage};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Requests that a session's mailbox holds. When it is full the senders wait, and with them the gateway.
const MAILBOX: usize = 256;

/// Time that a request waits for room in the mailbox, and the margin of an answer over the work's own limit.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// Time that a session may take to hand a frame to a relay.
const TELL_TIMEOUT: Duration = Duration::from_millis(500);

/// Time that a session may take to show a message to the class.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(2);

/// Time until a one-shot `command` is answered `command_started`; its result comes later. Below API Gateway's 29 s.
pub(super) const DIRECT_COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// Why the connection of a request is closed after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// Its session, or its place there, has ended.
    Ended,
    /// Its messages are rejected from now on.
    Rejected,
}

/// Right to fetch a client's frames.
#[derive(Debug)]
pub enum Grant {
    /// For the run of the function that gets the answer: to carry these and other clients' frames.
    Relay(String),
    /// For the direct connection of the client itself.
    Direct(DirectFrames),
}

/// Answer to a message.
#[derive(Debug, Default)]
pub struct Reply {
    /// Frame for the client.
    pub frame: Option<Bytes>,
    /// Right to fetch frames, if none fetches the client's.
    pub grant: Option<Grant>,
    /// Set if the connection is to be closed afterwards.
    pub close: Option<Close>,
    /// True if the gateway must extend the TTL of this connection's row.
    pub touch: bool,
    /// Record of the connection that is due to be written to the store.
    pub listed: Option<ConnectionRecord>,
}

/// Reason why a session did not apply a message. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SessionError {
    /// Stable code.
    pub code: ErrorCode,
    /// Sentence for a person.
    pub message: String,
}

impl SessionError {
    /// An error with this code and sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn ended() -> Self {
        Self::new(ErrorCode::SessionEnded, "the session has ended")
    }

    /// For a viewer's message that would change the session.
    pub(super) fn read_only() -> Self {
        Self::new(ErrorCode::ReadOnly, "a viewer only watches")
    }

    /// For a message that counts once, of a gateway that does not say which one it is.
    pub(super) fn old_gateway() -> Self {
        let text = "the gateway is older than the service; an administrator must deploy both from the same version";
        Self::new(ErrorCode::Internal, text)
    }

    pub(super) fn too_many_clients() -> Self {
        Self::new(ErrorCode::LimitReached, "the session has too many clients")
    }

    /// For one who was removed for good.
    pub(super) fn removed() -> Self {
        Self::new(ErrorCode::Revoked, "you were removed from this session")
    }

    pub(super) fn not_found() -> Self {
        Self::new(ErrorCode::SessionNotFound, "there is no such session")
    }

    pub(super) fn remote() -> Self {
        Self::new(ErrorCode::BackendUnreachable, "the session's shell is in another instance; try again")
    }

    pub(super) fn unknown_location() -> Self {
        let text = "whether the session's instance is alive is not known yet; try again";
        Self::new(ErrorCode::BackendUnreachable, text)
    }

    fn overloaded() -> Self {
        Self::new(ErrorCode::BackendTimeout, "the session did not answer in time")
    }

    /// This error as an answer to the command with this id.
    pub(super) fn for_command(self, id: Option<String>) -> ServerMessage {
        ErrorMessage { id, ..ErrorMessage::new(self.code, self.message) }.into()
    }
}

impl From<SessionError> for ServerMessage {
    fn from(error: SessionError) -> Self {
        error.for_command(None)
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store");
        Self::new(ErrorCode::Internal, "the session store failed; try again")
    }
}

/// The session's answer to a message about a file: its processes, the error for a sender without a right to its files, or the
/// reply to a connection that may send no such message at all.
pub(super) type FilesAnswer = Result<Result<Arc<dyn ProcessGroup>, SessionError>, Box<Reply>>;

/// Requests to a session's task.
pub(super) enum Request {
    Deliver {
        caller: Caller,
        inbound: Inbound,
        reply: oneshot::Sender<Reply>,
    },
    /// A frame about a message that never reached the session.
    Tell {
        connection: ConnectionId,
        message: ServerMessage,
        reply: oneshot::Sender<bool>,
    },
    Disconnect {
        connection: ConnectionId,
    },
    End {
        reason: EndReason,
    },
    /// The end that a controller asks for, unless the owner types alone.
    EndBy {
        user: String,
        /// As one who was removed is known.
        member: Member,
        reason: EndReason,
        reply: oneshot::Sender<Result<(), SessionError>>,
    },
    /// Removes everyone with the token of this connection.
    Remove {
        connection: ConnectionId,
        by: Standing,
        reply: oneshot::Sender<Result<bool, SessionError>>,
    },
    /// Lets a person in again.
    LetIn {
        member: Member,
        reply: oneshot::Sender<bool>,
    },
    /// A message of an instructor to the class.
    Announce {
        /// Its sender, as one who was removed is known.
        by: Member,
        notice: Notice,
        reply: oneshot::Sender<bool>,
    },
    /// The command that runs at the prompt.
    RunningCommand {
        reply: oneshot::Sender<Option<CommandRecord>>,
    },
    /// The processes of the shell, while it runs.
    Processes {
        reply: oneshot::Sender<Result<Arc<dyn ProcessGroup>, SessionError>>,
    },
    /// The same for one who is to have the session's files, or to bring some.
    ProcessesFor {
        /// A controller; `None` for one who instructs.
        user: Option<String>,
        /// As one who was removed is known.
        member: Member,
        reply: oneshot::Sender<Result<Arc<dyn ProcessGroup>, SessionError>>,
    },
    /// The same for a message about a file.
    FilesOf {
        caller: Caller,
        reply: oneshot::Sender<FilesAnswer>,
    },
    /// Wakes the task, which then finds out that it has lost the session.
    Lost,
}

/// Sends requests to one session's task.
#[derive(Debug, Clone)]
pub struct SessionHandle {
    sender: mpsc::Sender<Request>,
    /// True once the task stops but the session continues elsewhere. Set before the mailbox closes.
    pub(super) migrating: Arc<AtomicBool>,
    /// Where walls see the session.
    pub(super) slot: Arc<WatchSlot>,
}

impl SessionHandle {
    /// A handle, and the mailbox of the task that it reaches.
    pub(super) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        (Self { sender, migrating: Arc::default(), slot: Arc::default() }, mailbox)
    }

    /// Delivers a message and waits for its direct answer.
    pub async fn deliver(&self, caller: Caller, inbound: Inbound) -> Result<Reply, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Deliver { caller, inbound, reply }).await?;
        self.answer(answer, DIRECT_COMMAND_TIMEOUT + REQUEST_TIMEOUT).await
    }

    /// Has a relay bring a frame about a message that never reached the session, in order with the relay's other frames. False if
    /// none carries the client over this connection, or the session is busy: then the message's own answer brings it.
    pub async fn tell(&self, connection: ConnectionId, message: ServerMessage) -> bool {
        let (reply, answer) = oneshot::channel();
        // Without a wait: such messages may be many.
        if self.sender.try_send(Request::Tell { connection, message, reply }).is_err() {
            return false;
        }
        self.answer(answer, TELL_TIMEOUT).await.unwrap_or(false)
    }

    /// Reports that a connection is gone.
    pub async fn disconnect(&self, connection: ConnectionId) -> Result<(), SessionError> {
        self.send(Request::Disconnect { connection }).await
    }

    /// Asks the session to end; returns before it has ended.
    pub async fn end(&self, reason: EndReason) -> Result<(), SessionError> {
        self.send(Request::End { reason }).await
    }

    /// Asks the session to end for a controller; returns before it has ended. Fails for one who was removed, and while another
    /// one, the owner, types alone.
    pub(super) async fn end_by(&self, user: String, member: Member, reason: EndReason) -> Result<(), SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::EndBy { user, member, reason, reply }).await?;
        self.answer(answer, REQUEST_TIMEOUT).await?
    }

    /// Closes this connection for good, with all of the same token, and tells each why. False if the session does not know it.
    pub async fn remove(&self, connection: ConnectionId, by: Standing) -> Result<bool, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Remove { connection, by, reply }).await?;
        self.answer(answer, REQUEST_TIMEOUT).await?
    }

    /// Lets a person in again. False if this one was not kept out.
    pub async fn let_in(&self, member: Member) -> Result<bool, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::LetIn { member, reply }).await?;
        self.answer(answer, REQUEST_TIMEOUT).await
    }

    /// Shows everyone in the session a message to the class. False if it does not, or is too busy to answer.
    pub(super) async fn announce(&self, by: Member, notice: Notice) -> bool {
        let (reply, answer) = oneshot::channel();
        // Without a wait: one session holds up no other.
        if self.sender.try_send(Request::Announce { by, notice, reply }).is_err() {
            return false;
        }
        self.answer(answer, ANNOUNCE_TIMEOUT).await.unwrap_or(false)
    }

    /// The command that runs at the prompt, if there is one.
    pub(super) async fn running_command(&self) -> Result<Option<CommandRecord>, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::RunningCommand { reply }).await?;
        self.answer(answer, REQUEST_TIMEOUT).await
    }

    /// The processes of the shell. Fails once the session is to end.
    pub(super) async fn processes(&self) -> Result<Arc<dyn ProcessGroup>, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Processes { reply }).await?;
        self.answer(answer, REQUEST_TIMEOUT).await?
    }

    /// The processes of the shell. Fails for one who was removed, and for a controller while another one, the owner, types alone.
    pub(super) async fn processes_for(
        &self,
        user: Option<String>,
        member: Member,
    ) -> Result<Arc<dyn ProcessGroup>, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::ProcessesFor { user, member, reply }).await?;
        self.answer(answer, REQUEST_TIMEOUT).await?
    }

    /// The processes of the shell, for a message about a file.
    pub(super) async fn files_of(&self, caller: Caller) -> Result<FilesAnswer, SessionError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::FilesOf { caller, reply }).await?;
        self.answer(answer, REQUEST_TIMEOUT).await
    }

    /// Wakes the task, so that it notices that another instance has the session.
    pub(super) fn lost(&self) {
        // A task whose mailbox is full is awake.
        let _ = self.sender.try_send(Request::Lost);
    }

    /// Waits until the session's task is gone.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }

    async fn answer<T>(&self, answer: oneshot::Receiver<T>, within: Duration) -> Result<T, SessionError> {
        match tokio::time::timeout(within, answer).await {
            Ok(answer) => answer.map_err(|_| self.gone()),
            Err(_) => Err(SessionError::overloaded()),
        }
    }

    fn gone(&self) -> SessionError {
        if self.migrating.load(Ordering::Acquire) {
            return SessionError::new(ErrorCode::NotAttached, "the session goes on in another shell; attach again");
        }
        SessionError::ended()
    }

    async fn send(&self, request: Request) -> Result<(), SessionError> {
        match self.sender.send_timeout(request, REQUEST_TIMEOUT).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(self.gone()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(SessionError::overloaded()),
        }
    }
}
