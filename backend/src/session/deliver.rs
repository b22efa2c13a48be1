//! What each message of a client does to the session.

use super::actor::Actor;
use super::client::Client;
use super::command::Finished;
use super::input_order::Offered;
use super::{Close, Reply, Speaker};
use crate::pty::Size;
use shared_protocol::client::{Ack, Command, Follow};
use shared_protocol::server::{CommandStarted, EchoReply, ErrorMessage, PlainResult, Pong, ResizeAck, UnknownCommand};
use shared_protocol::{
    ClientId, ClientMessage, EndReason, ErrorCode, Inbound, Plain, Role, ServerMessage, StreamEvent,
};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A plain command that takes longer is answered `command_started`; its result comes later. Under API Gateway's 29 s.
pub(super) const DIRECT_COMMAND: Duration = Duration::from_secs(20);

/// Who asked for a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A client; the result goes into the stream.
    Client { client: ClientId, id: String },
    /// A plain connection; the result is its answer.
    Plain(u64),
}

struct PlainCommand {
    client: ClientId,
    id: Option<String>,
    speaker: Speaker,
    /// The request that waits; gone once `command_started` was answered.
    reply: Option<oneshot::Sender<Reply>>,
    until: Instant,
}

/// Commands of plain connections that are not over.
#[derive(Default)]
pub(super) struct PlainCommands {
    next: u64,
    open: BTreeMap<u64, PlainCommand>,
}

impl PlainCommands {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.values().filter(|command| command.reply.is_some()).map(|command| command.until).min()
    }

    pub(super) fn forget(&mut self, client: &ClientId) {
        self.open.retain(|_, command| command.client != *client);
    }

    fn waits(&self, client: &ClientId) -> bool {
        self.open.values().any(|command| command.client == *client)
    }
}

impl Actor {
    /// Takes one message and answers it, at once but for a plain command.
    pub(super) fn deliver(&mut self, speaker: Speaker, inbound: Inbound, reply: oneshot::Sender<Reply>) {
        let client = self.connections.get(&speaker.connection).map(|connected| connected.client.clone());
        let touch = self.heard(&speaker.connection);
        let mut wants_grant = false;
        let message = match inbound {
            Inbound::Unknown { kind } => Some(ServerMessage::UnknownCommand(UnknownCommand { received: kind })),
            Inbound::Plain(Plain::Command { id, command }) => return self.plain_command(speaker, id, command, reply),
            Inbound::Plain(plain) => Some(self.plain_message(&speaker, client.as_ref(), &plain)),
            Inbound::Message(ClientMessage::Ping(ping)) => {
                Some(ServerMessage::Pong(Pong { t: ping.t, timestamp: self.clock.now_ms() }))
            }
            Inbound::Message(ClientMessage::Echo(echo)) => {
                Some(ServerMessage::Echo(EchoReply { received: echo.fields.into(), timestamp: self.clock.now_ms() }))
            }
            Inbound::Message(_) if self.is_over() => {
                Some(ErrorMessage::new(ErrorCode::SessionEnded, "the session has ended").into())
            }
            Inbound::Message(ClientMessage::Attach(attach)) => {
                wants_grant = true;
                Some(self.attach(&speaker, &attach))
            }
            Inbound::Message(message) => match &client {
                None => {
                    Some(ErrorMessage::new(ErrorCode::NotAttached, "this connection must send `attach` first").into())
                }
                Some(id) => {
                    wants_grant = matches!(message, ClientMessage::Follow(_));
                    self.client_message(id, message)
                }
            },
        };
        let answer = self.reply(&speaker, message, wants_grant, touch);
        // A request that is gone needs no answer: the client asks again.
        let _ = reply.send(answer);
    }

    /// Wraps a direct answer: stamped, with a grant when nobody fetches this client's frames.
    fn reply(&mut self, speaker: &Speaker, message: Option<ServerMessage>, wants_grant: bool, touch: bool) -> Reply {
        let now = Instant::now();
        let refused = matches!(message, Some(ServerMessage::Error(_)));
        let id = self.connections.get(&speaker.connection).map(|connected| connected.client.clone());
        let Some(id) = id else {
            let frame = message.map(|message| super::send::encode(&message.into()));
            return Reply { frame, follow: None, close: self.close_when_over(), touch };
        };
        let frame = message.map(|message| self.stamp(&id, message));
        let idle_plain = |client: &Client| client.plain && client.urgent.is_empty() && !self.plain.waits(&id);
        let Some(client) = self.clients.get_mut(&id) else { return Reply { frame, touch, ..Reply::default() } };
        let follow = ((wants_grant && !refused) || !client.is_followed(now)) && !idle_plain(client);
        let follow = follow.then(|| {
            client.waiter = None;
            client.follower.grant(now)
        });
        Reply { frame, follow, close: None, touch }
    }

    fn close_when_over(&self) -> Option<Close> {
        self.is_over().then_some(Close::Connection)
    }

    fn client_message(&mut self, id: &ClientId, message: ClientMessage) -> Option<ServerMessage> {
        match message {
            ClientMessage::Ack(ack) => self.ack(id, ack),
            ClientMessage::Follow(follow) => self.follow(id, follow),
            message => self.ordered(id, message),
        }
    }

    fn ack(&mut self, id: &ClientId, ack: Ack) -> Option<ServerMessage> {
        // A late word about an earlier shell, or about bytes that do not exist, says nothing.
        if ack.epoch == self.epoch && ack.pos <= self.log.end() {
            self.clients.get_mut(id)?.sending.acked(ack.pos, Instant::now());
        }
        None
    }

    fn follow(&mut self, id: &ClientId, follow: Follow) -> Option<ServerMessage> {
        if follow.epoch != self.epoch {
            return Some(self.stale(None));
        }
        if follow.repair && follow.pos <= self.log.end() {
            let client = self.clients.get_mut(id)?;
            tracing::debug!(session = %self.id, pos = %follow.pos, "client asks for a repair");
            client.snapshot.clear();
            client.sending.repair(follow.pos, Instant::now());
        }
        None
    }

    fn stale(&self, id: Option<String>) -> ServerMessage {
        let message = "the message belongs to an earlier life of the shell and was not applied";
        ErrorMessage { id, ..ErrorMessage::new(ErrorCode::StaleEpoch, message) }.into()
    }

    fn ordered(&mut self, id: &ClientId, message: ClientMessage) -> Option<ServerMessage> {
        let (seq, epoch) = message.order()?;
        if epoch != self.epoch {
            return Some(self.stale(command_id(&message)));
        }
        let bytes = weight(&message);
        let now = Instant::now();
        let client = self.clients.get_mut(id)?;
        match client.order.offer(seq, message, bytes) {
            // Acknowledged again: the client has not heard that it arrived.
            Offered::Repeat => client.applied(now),
            Offered::Held => {}
            Offered::Full => {
                let have = Some(client.order.applied());
                let full = "more input waits than may; send it again later";
                return Some(ErrorMessage { have, ..ErrorMessage::new(ErrorCode::InputFull, full) }.into());
            }
        }
        // In its turn it may be refused: that answer is this message's direct reply.
        let before = client.urgent.len();
        self.apply_input();
        let client = self.clients.get_mut(id)?;
        client.gap_is_due(now);
        if client.urgent.len() > before { client.urgent.pop_back() } else { None }
    }

    /// Applies every message whose turn it is, as far as the terminal takes input.
    pub(super) fn apply_input(&mut self) {
        let ids: Vec<ClientId> = self.clients.keys().cloned().collect();
        for id in ids {
            while self.takes_input() {
                let Some(client) = self.clients.get_mut(&id) else { break };
                let Some((_, message)) = client.order.take_next() else { break };
                client.applied(Instant::now());
                self.apply(&id, message);
            }
        }
    }

    fn apply(&mut self, id: &ClientId, message: ClientMessage) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.role == Role::Viewer && !matches!(message, ClientMessage::ChatMessage(_)) {
            let refusal = ErrorMessage::new(ErrorCode::ReadOnly, "a viewer only watches");
            client.tell(ErrorMessage { id: command_id(&message), ..refusal }.into());
            return;
        }
        let now = Instant::now();
        match message {
            ClientMessage::Input(input) => self.keys(id, &input.keys.into_bytes().unwrap_or_default(), now),
            ClientMessage::Interrupt(_) => self.keys(id, b"\x03", now),
            ClientMessage::Resize(resize) => {
                client.size = Some(Size { cols: resize.cols, rows: resize.rows });
                if self.controller.is_none() || self.controller.as_ref() == Some(id) {
                    self.take_control(&id.clone());
                }
            }
            ClientMessage::Command(Command { id: command, command: line, .. }) => {
                let origin = Origin::Client { client: id.clone(), id: command };
                let steps = self.commands.request(origin, line, now);
                self.life.activity(now);
                self.take_steps(steps);
            }
            ClientMessage::Close(_) => self.end(EndReason::Closed),
            ClientMessage::ChatMessage(chat) => {
                let from = client.user.clone();
                self.log.push_event(StreamEvent::Chat { from, message: chat.data.message });
            }
            ClientMessage::Attach(_)
            | ClientMessage::Ack(_)
            | ClientMessage::Follow(_)
            | ClientMessage::Ping(_)
            | ClientMessage::Echo(_) => {}
        }
    }

    fn keys(&mut self, id: &ClientId, bytes: &[u8], now: Instant) {
        if self.controller.as_ref() != Some(id) {
            self.take_control(&id.clone());
        }
        self.commands.typed();
        self.life.activity(now);
        self.type_in(bytes);
    }

    /// Tells clients whose missing message did not come in time.
    pub(super) fn report_gaps(&mut self, now: Instant) {
        for client in self.clients.values_mut() {
            if client.gap_is_due(now) {
                let have = Some(client.order.applied());
                let gap = "an input message is missing; send again what follows";
                client.tell(ErrorMessage { have, ..ErrorMessage::new(ErrorCode::InputGap, gap) }.into());
            }
        }
    }

    fn plain_message(&mut self, speaker: &Speaker, client: Option<&ClientId>, plain: &Plain) -> ServerMessage {
        let attached = client.and_then(|id| self.clients.get(id)).is_some_and(|client| !client.plain);
        match plain {
            Plain::Resize { cols, rows } => {
                if speaker.role == Role::Viewer {
                    return ErrorMessage::new(ErrorCode::ReadOnly, "a viewer only watches").into();
                }
                let _ = self.plain_client(speaker);
                self.resize(Size { cols: *cols, rows: *rows });
                ServerMessage::ResizeAck(ResizeAck { timestamp: self.clock.now_ms() })
            }
            Plain::Unordered { kind } if attached => {
                ErrorMessage::new(ErrorCode::BadField, format!("`{kind}`: `seq` and `epoch` are missing")).into()
            }
            Plain::Unordered { kind } => ServerMessage::UnknownCommand(UnknownCommand { received: (*kind).to_owned() }),
            Plain::Command { .. } => ErrorMessage::new(ErrorCode::Internal, "a command was not expected here").into(),
        }
    }

    fn plain_command(&mut self, speaker: Speaker, id: Option<String>, line: String, reply: oneshot::Sender<Reply>) {
        let refusal = if speaker.role == Role::Viewer {
            Some(ErrorMessage::new(ErrorCode::ReadOnly, "a viewer only watches"))
        } else if self.is_over() {
            Some(ErrorMessage::new(ErrorCode::SessionEnded, "the session has ended"))
        } else {
            None
        };
        let client = self.plain_client(&speaker);
        let (Some(client), None) = (client, &refusal) else {
            let limit = || ErrorMessage::new(ErrorCode::LimitReached, "the session has too many clients");
            let refusal = ErrorMessage { id, ..refusal.unwrap_or_else(limit) };
            let answer = self.reply(&speaker, Some(refusal.into()), false, false);
            let _ = reply.send(answer);
            return;
        };
        let now = Instant::now();
        let key = self.plain.next;
        self.plain.next += 1;
        let command = PlainCommand { client, id, speaker, reply: Some(reply), until: now + DIRECT_COMMAND };
        self.plain.open.insert(key, command);
        self.life.activity(now);
        let steps = self.commands.request(Origin::Plain(key), line, now);
        self.take_steps(steps);
    }

    /// Answers plain commands that take too long to be waited for.
    pub(super) fn answer_slow_commands(&mut self, now: Instant) {
        let timestamp = self.clock.now_ms();
        let overdue = self.plain.open.values_mut().filter(|command| command.until <= now);
        let slow: Vec<_> = overdue
            .filter_map(|command| {
                let reply = command.reply.take()?;
                let started = CommandStarted { id: command.id.clone(), timestamp };
                Some((command.speaker.clone(), reply, started))
            })
            .collect();
        for (speaker, reply, started) in slow {
            let answer = self.reply(&speaker, Some(ServerMessage::CommandStarted(started)), true, false);
            let _ = reply.send(answer);
        }
    }

    pub(super) fn command_finished(&mut self, finished: Finished<Origin>) {
        let Finished { origin, result, truncated, code } = finished;
        match origin {
            Origin::Client { id, .. } => {
                self.log.push_event(StreamEvent::CommandResult { id, result, truncated, exit_code: code });
            }
            Origin::Plain(key) => {
                let timestamp = self.clock.now_ms();
                let id = self.plain.open.get(&key).and_then(|command| command.id.clone());
                let result = PlainResult { id, result, truncated, exit_code: code, timestamp };
                self.answer_plain(key, ServerMessage::CommandResult(result));
            }
        }
    }

    pub(super) fn command_refused(&mut self, origin: Origin, code: ErrorCode, message: &str) {
        match origin {
            Origin::Client { client, id } => {
                if let Some(client) = self.clients.get_mut(&client) {
                    client.tell(ErrorMessage { id: Some(id), ..ErrorMessage::new(code, message) }.into());
                }
            }
            Origin::Plain(key) => {
                let id = self.plain.open.get(&key).and_then(|command| command.id.clone());
                self.answer_plain(key, ErrorMessage { id, ..ErrorMessage::new(code, message) }.into());
            }
        }
    }

    /// The answer of a plain command: to the request that waits, or with the next fetch.
    fn answer_plain(&mut self, key: u64, message: ServerMessage) {
        let Some(command) = self.plain.open.remove(&key) else { return };
        match command.reply {
            Some(reply) => {
                let answer = self.reply(&command.speaker, Some(message), false, false);
                let _ = reply.send(answer);
            }
            None => {
                if let Some(client) = self.clients.get_mut(&command.client) {
                    client.tell(message);
                }
            }
        }
    }
}

fn command_id(message: &ClientMessage) -> Option<String> {
    match message {
        ClientMessage::Command(command) => Some(command.id.clone()),
        _ => None,
    }
}

/// Roughly the memory that a held message takes, in bytes.
fn weight(message: &ClientMessage) -> usize {
    use shared_protocol::client::Keys;
    64 + match message {
        ClientMessage::Input(input) => match &input.keys {
            Keys::Data(text) | Keys::B64(text) => text.len(),
        },
        ClientMessage::Command(command) => command.command.len() + command.id.len(),
        ClientMessage::ChatMessage(chat) => chat.data.message.len(),
        _ => 0,
    }
}
