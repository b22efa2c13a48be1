//! The protocol client on an open connection: each method acts, and waits for the event that answers it.

use crate::diagnosis::Diagnosis;
use crate::frame_socket::FrameSocket;
use protocol_client::{Client, ClientEvent, StreamItem};
use shared_protocol::server::Attached;
use shared_protocol::{ClientId, ErrorCode, ServerFrame, ServerMessage, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// Window size in columns and rows.
const SIZE: (u16, u16) = (80, 24);

pub(crate) struct ProtocolSession {
    socket: FrameSocket,
    client: Client,
    /// Zero of the client's clock.
    started: Instant,
    /// Highest end of the session's stream that a frame named.
    pub(crate) head: u64,
}

impl ProtocolSession {
    pub(crate) fn new(socket: FrameSocket, id: ClientId) -> Self {
        let mut client = Client::new(id, SIZE.0, SIZE.1);
        client.connected(Duration::ZERO);
        Self { socket, client, started: Instant::now(), head: 0 }
    }

    /// Drops the connection without a close frame and continues on another, as a page does after a network failure.
    pub(crate) async fn reconnect(
        self,
        connect: impl Future<Output = Result<FrameSocket, Diagnosis>>,
    ) -> Result<Self, Diagnosis> {
        let Self { socket, mut client, started, head } = self;
        client.disconnected();
        drop(socket);
        let socket = connect.await?;
        client.connected(started.elapsed());
        Ok(Self { socket, client, started, head })
    }

    pub(crate) async fn attached(&mut self, step: &'static str, limit: Duration) -> Result<Attached, Diagnosis> {
        const HINT: &str = "If the function's log has “undelivered”, the function may not post to this API and stage \
                            (execute-api:ManageConnections), or its DOMAIN_NAME and STAGE are another API's.";
        self.wait_for(step, limit, HINT, |event| match event {
            ClientEvent::Attached(attached) => Some(Ok(attached)),
            ClientEvent::Reply(ServerMessage::Error(error)) if !error.retryable => {
                Some(Err(Diagnosis::Error { step, error: error.into() }))
            }
            _ => None,
        })
        .await?
    }

    pub(crate) async fn ping(&mut self, step: &'static str, limit: Duration) -> Result<Duration, Diagnosis> {
        let sent = Instant::now();
        self.socket.send(serde_json::json!({"type": "ping", "t": "doctor"}).to_string()).await;
        let pong = |event| match event {
            ClientEvent::Reply(ServerMessage::Pong(pong)) => pong.t.is_some_and(|t| t == "doctor").then_some(()),
            _ => None,
        };
        self.wait_for(step, limit, "The logs of the function and the service show how far the message came.", pong)
            .await?;
        Ok(sent.elapsed())
    }

    /// Runs a command line, again while the shell is not at its prompt. Returns its output and its exit code.
    pub(crate) async fn command(
        &mut self,
        step: &'static str,
        id: &str,
        line: &str,
        limit: Duration,
    ) -> Result<(String, i32), Diagnosis> {
        const HINT: &str = "The shell does not show Termgate's prompt. Check that its start-up file does not replace \
                            PROMPT_COMMAND or start another shell.";
        let deadline = Instant::now() + limit;
        loop {
            self.client.command(id, line);
            let left = deadline.saturating_duration_since(Instant::now());
            let output = self.wait_for(step, left, HINT, |event| match event {
                ClientEvent::Stream(StreamItem::Event(StreamEvent::CommandResult {
                    id: of,
                    result,
                    exit_code,
                    ..
                })) => (of == id).then_some(Ok(Some((result, exit_code)))),
                ClientEvent::Reply(ServerMessage::Error(error)) if error.code == ErrorCode::Busy => Some(Ok(None)),
                ClientEvent::Reply(ServerMessage::Error(error)) => {
                    Some(Err(Diagnosis::Error { step, error: error.into() }))
                }
                _ => None,
            });
            if let Some(output) = output.await?? {
                return Ok(output);
            }
        }
    }

    /// Measures the time from a key press until the terminal shows it.
    pub(crate) async fn key(&mut self, step: &'static str, key: u8, limit: Duration) -> Result<Duration, Diagnosis> {
        let typed = Instant::now();
        self.client.keys(&char::from(key).to_string());
        let shown = |event| match event {
            ClientEvent::Stream(StreamItem::Bytes(bytes) | StreamItem::Snapshot { data: bytes, .. }) => {
                bytes.contains(&key).then_some(())
            }
            _ => None,
        };
        self.wait_for(step, limit, "The terminal receives input, but its output does not arrive.", shown).await?;
        Ok(typed.elapsed())
    }

    pub(crate) async fn end(&mut self, step: &'static str, limit: Duration) -> Result<(), Diagnosis> {
        self.client.close();
        let exited =
            |event| matches!(event, ClientEvent::Stream(StreamItem::Event(StreamEvent::Exit { .. }))).then_some(());
        match self.wait_for(step, limit, "The session still runs; it ends when no client is attached.", exited).await {
            // The last frame and the end of the connection race each other.
            Err(Diagnosis::Closed { code: 1000 | 1005, .. }) => Ok(()),
            ended => ended,
        }
    }

    /// Runs the client until `select` accepts an event.
    async fn wait_for<T>(
        &mut self,
        step: &'static str,
        limit: Duration,
        hint: &'static str,
        mut select: impl FnMut(ClientEvent) -> Option<T>,
    ) -> Result<T, Diagnosis> {
        let deadline = Instant::now() + limit;
        loop {
            while let Some(event) = self.client.next_event() {
                if let Some(found) = select(event) {
                    return Ok(found);
                }
            }
            for message in self.client.send(self.started.elapsed()) {
                self.socket.send(message).await;
            }
            if Instant::now() >= deadline {
                return Err(Diagnosis::Timeout { step, seconds: limit.as_secs(), hint });
            }
            let wake = self.client.deadline().map_or(deadline, |at| deadline.min(self.started + at));
            if let Some(text) = self.socket.next(step, wake).await? {
                let frame = serde_json::from_str::<ServerFrame>(&text).ok();
                self.head = self.head.max(frame.and_then(|frame| frame.head).unwrap_or_default().0);
                self.client.receive(&text, self.started.elapsed());
            }
        }
    }
}
