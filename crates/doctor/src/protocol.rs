//! The protocol client on an open connection: each method acts, and waits for the event that answers it.

use crate::diagnosis::Diagnosis;
use crate::frame_socket::FrameSocket;
use protocol_client::{Carrier, CarrierEnd, Client, ClientEvent, StreamItem};
use shared_protocol::server::Attached;
use shared_protocol::{ClientId, Dispatch, ErrorCode, ServerFrame, ServerMessage, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// Window size in columns and rows.
const SIZE: (u16, u16) = (80, 24);

pub(crate) struct ProtocolSession {
    socket: FrameSocket,
    client: Client,
    /// The second connection, after [`Self::open_carrier`].
    carrier: Option<(FrameSocket, Carrier)>,
    /// Zero of the client's clock.
    started: Instant,
    /// Highest end of the session's stream that a frame named.
    pub(crate) head: u64,
}

impl ProtocolSession {
    pub(crate) fn new(socket: FrameSocket, id: ClientId) -> Self {
        let mut client = Client::new(id, SIZE.0, SIZE.1);
        client.connected(Duration::ZERO);
        Self { socket, client, carrier: None, started: Instant::now(), head: 0 }
    }

    /// Drops the connection without a close frame and continues on another, as a page does after a network failure.
    pub(crate) async fn reconnect(
        self,
        connect: impl Future<Output = Result<FrameSocket, Diagnosis>>,
    ) -> Result<Self, Diagnosis> {
        let Self { socket, mut client, carrier, started, head } = self;
        client.disconnected();
        drop((socket, carrier));
        let socket = connect.await?;
        client.connected(started.elapsed());
        Ok(Self { socket, client, carrier: None, started, head })
    }

    /// Kind of dispatch, if the service has named it.
    pub(crate) const fn dispatch(&self) -> Option<Dispatch> {
        self.client.dispatch()
    }

    /// Carries frames on a second connection, and waits until the service has accepted it.
    pub(crate) async fn open_carrier(&mut self, socket: FrameSocket, limit: Duration) -> Result<(), Diagnosis> {
        const HINT: &str = "The second connection, whose runs carry the frames, is not answered.";
        let mut carrier = Carrier::new(self.client.id().clone(), self.client.epoch().unwrap_or_default());
        carrier.opened(self.started.elapsed());
        self.carrier = Some((socket, carrier));
        let deadline = Instant::now() + limit;
        while self.carrier.as_ref().is_some_and(|(_, carrier)| carrier.answers() == 0) {
            self.step("carrier", deadline, HINT, limit).await?;
        }
        Ok(())
    }

    /// Lets the client do what is due for this time.
    pub(crate) async fn run(&mut self, step: &'static str, time: Duration) -> Result<(), Diagnosis> {
        match self.wait_for(step, time, "", |_| None::<()>).await {
            Err(Diagnosis::Timeout { .. } | Diagnosis::Error { .. }) => Ok(()),
            other => other,
        }
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
        // The client repeats what failed for now. If it fails to the end, this is why.
        let mut failure = None;
        loop {
            while let Some(event) = self.client.next_event() {
                if let ClientEvent::Reply(ServerMessage::Error(error)) = &event {
                    failure = Some(error.clone());
                }
                if let Some(found) = select(event) {
                    return Ok(found);
                }
            }
            match (self.step(step, deadline, hint, limit).await, failure.take()) {
                (Err(Diagnosis::Timeout { .. }), Some(error)) => {
                    return Err(Diagnosis::Error { step, error: error.into() });
                }
                (stepped, still) => {
                    stepped?;
                    failure = still;
                }
            }
        }
    }

    /// Sends what is due on both connections, and receives one frame.
    async fn step(
        &mut self,
        step: &'static str,
        deadline: Instant,
        hint: &'static str,
        limit: Duration,
    ) -> Result<(), Diagnosis> {
        for message in self.client.send(self.started.elapsed()) {
            self.socket.send(message).await;
        }
        let mut wake = self.client.deadline().map_or(deadline, |at| deadline.min(self.started + at));
        if let Some((socket, carrier)) = &mut self.carrier {
            if let Some(message) = carrier.send(self.started.elapsed()) {
                socket.send(message).await;
            }
            wake = carrier.deadline().map_or(wake, |at| wake.min(self.started + at));
        }
        if Instant::now() >= deadline {
            return Err(Diagnosis::Timeout { step, seconds: limit.as_secs(), hint });
        }
        tokio::select! {
            text = self.socket.next(step, wake) => {
                if let Some(text) = text? {
                    self.receive(&text);
                }
            }
            text = next_of(&mut self.carrier, wake) => {
                if let (Some(text), Some((_, carrier))) = (text?, &mut self.carrier) {
                    carrier.receive(&text, self.started.elapsed());
                }
            }
        }
        match self.carrier.as_ref().and_then(|(_, carrier)| carrier.end()) {
            None => Ok(()),
            Some(CarrierEnd::Refused(code)) => {
                let detail = format!("the second connection of the client was refused ({code:?}).");
                Err(Diagnosis::Unexpected { step: "carrier", detail })
            }
            Some(CarrierEnd::Unanswered | CarrierEnd::Failed) => {
                Err(Diagnosis::Timeout { step: "carrier", seconds: limit.as_secs(), hint })
            }
        }
    }

    fn receive(&mut self, text: &str) {
        if let Ok(frame) = serde_json::from_str::<ServerFrame>(text) {
            self.head = self.head.max(frame.head.unwrap_or_default().0);
            if let (ServerMessage::Renew(_), Some((_, carrier))) = (&frame.message, &mut self.carrier) {
                carrier.renew(self.started.elapsed());
            }
        }
        self.client.receive(text, self.started.elapsed());
    }
}

/// The next frame of the second connection; never without one.
async fn next_of(carrier: &mut Option<(FrameSocket, Carrier)>, wake: Instant) -> Result<Option<String>, Diagnosis> {
    match carrier {
        Some((socket, _)) => socket.next("carrier", wake).await,
        None => std::future::pending().await,
    }
}
