//! A conversation with a session: the client of the protocol on an open connection, until what was waited for is heard.

use crate::diagnosis::Diagnosis;
use crate::frame_socket::{FrameSocket, Received};
use protocol_client::{Client, ClientEvent, StreamItem};
use shared_protocol::server::Attached;
use shared_protocol::{ClientId, ErrorCode, ServerFrame, ServerMessage, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// The window; small, so that nothing that a prompt prints is cut.
const SIZE: (u16, u16) = (80, 24);

/// A client and its connection.
pub(crate) struct ProtocolSession {
    line: FrameSocket,
    client: Client,
    began: Instant,
    /// Where the session's stream ends, as far as it was said.
    head: u64,
}

/// What a command printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandOutput {
    pub(crate) result: String,
    pub(crate) exit_code: i32,
}

impl ProtocolSession {
    pub(crate) fn new(line: FrameSocket, id: ClientId) -> Self {
        let mut client = Client::new(id, SIZE.0, SIZE.1);
        client.connected(Duration::ZERO);
        Self { line, client, began: Instant::now(), head: 0 }
    }

    /// Goes on over another connection, as a page does that lost the first.
    pub(crate) async fn lose(
        self,
        another: impl Future<Output = Result<FrameSocket, Diagnosis>>,
    ) -> Result<Self, Diagnosis> {
        let Self { line, mut client, began, head } = self;
        client.disconnected();
        line.cut();
        let line = another.await?;
        client.connected(began.elapsed());
        Ok(Self { line, client, began, head })
    }

    /// Attaches, or finds out why not.
    pub(crate) async fn attached(&mut self, step: &'static str, limit: Duration) -> Result<Attached, Diagnosis> {
        const HINT: &str = "Does the function's log say “undelivered”? Then it may not post to this API and stage \
                            (execute-api:ManageConnections), or DOMAIN_NAME and STAGE are another's.";
        self.until(step, limit, HINT, |heard| match heard {
            ClientEvent::Attached(attached) => Some(Ok(attached)),
            ClientEvent::Reply(ServerMessage::Error(error)) if !error.retryable => {
                Some(Err(Diagnosis::Error { step, error: error.into() }))
            }
            _ => None,
        })
        .await?
    }

    /// The answer to a `ping` that is sent now.
    pub(crate) async fn ping(&mut self, step: &'static str, limit: Duration) -> Result<Duration, Diagnosis> {
        let asked = Instant::now();
        self.line.say(serde_json::json!({"type": "ping", "t": "doctor"}).to_string()).await;
        let marked = |heard| match heard {
            ClientEvent::Reply(ServerMessage::Pong(pong)) => pong.t.is_some_and(|t| t == "doctor").then_some(()),
            _ => None,
        };
        self.until(step, limit, "The function's log and the service's say how far it came.", marked).await?;
        Ok(asked.elapsed())
    }

    /// Runs a command line. A shell that is not at its prompt yet is asked again.
    pub(crate) async fn command(
        &mut self,
        step: &'static str,
        id: &str,
        line: &str,
        limit: Duration,
    ) -> Result<CommandOutput, Diagnosis> {
        const HINT: &str = "The shell shows no prompt of Termgate's: does its start-up file replace PROMPT_COMMAND or start \
                            another shell?";
        let by = Instant::now() + limit;
        loop {
            self.client.command(id, line);
            let left = by.saturating_duration_since(Instant::now());
            let ran = self.until(step, left, HINT, |heard| match heard {
                ClientEvent::Stream(StreamItem::Event(StreamEvent::CommandResult {
                    id: of,
                    result,
                    exit_code,
                    ..
                })) => (of == id).then_some(Ok(Some(CommandOutput { result, exit_code }))),
                ClientEvent::Reply(ServerMessage::Error(error)) if error.code == ErrorCode::Busy => Some(Ok(None)),
                ClientEvent::Reply(ServerMessage::Error(error)) => {
                    Some(Err(Diagnosis::Error { step, error: error.into() }))
                }
                _ => None,
            });
            if let Some(ran) = ran.await?? {
                return Ok(ran);
            }
        }
    }

    /// Types a key; how long until the terminal shows it.
    pub(crate) async fn key(&mut self, step: &'static str, key: u8, limit: Duration) -> Result<Duration, Diagnosis> {
        let typed = Instant::now();
        self.client.keys(&char::from(key).to_string());
        let shown = |heard| match heard {
            ClientEvent::Stream(StreamItem::Bytes(bytes) | StreamItem::Snapshot { data: bytes, .. }) => {
                bytes.contains(&key).then_some(())
            }
            _ => None,
        };
        self.until(step, limit, "What is typed arrives, but nothing that is printed comes back.", shown).await?;
        Ok(typed.elapsed())
    }

    /// How much the session has said so far.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Ends the session, and waits until it is over.
    pub(crate) async fn end(&mut self, step: &'static str, limit: Duration) -> Result<(), Diagnosis> {
        self.client.close();
        let over =
            |heard| matches!(heard, ClientEvent::Stream(StreamItem::Event(StreamEvent::Exit { .. }))).then_some(());
        match self.until(step, limit, "The session goes on; it ends by itself when nobody is attached.", over).await {
            // The last frame and the end of the connection race each other.
            Err(Diagnosis::Closed { code: 1000 | 1005, .. }) => Ok(()),
            ended => ended,
        }
    }

    /// Does what a client has to, until something is heard.
    async fn until<T>(
        &mut self,
        step: &'static str,
        limit: Duration,
        hint: &'static str,
        mut wanted: impl FnMut(ClientEvent) -> Option<T>,
    ) -> Result<T, Diagnosis> {
        let by = Instant::now() + limit;
        loop {
            while let Some(heard) = self.client.next_event() {
                if let Some(found) = wanted(heard) {
                    return Ok(found);
                }
            }
            for message in self.client.send(self.began.elapsed()) {
                self.line.say(message).await;
            }
            if Instant::now() >= by {
                return Err(Diagnosis::Timeout { step, seconds: limit.as_secs(), hint });
            }
            let duty = self.client.deadline().map_or(by, |at| by.min(self.began + at));
            if let Received::Frame(text) = self.line.next(step, duty).await? {
                let frame = serde_json::from_str::<ServerFrame>(&text).ok();
                self.head = self.head.max(frame.and_then(|frame| frame.head).unwrap_or_default().0);
                self.client.receive(&text, self.began.elapsed());
            }
        }
    }
}
