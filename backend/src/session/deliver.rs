//! What each message of a client does to the session.

use super::actor::Actor;
use super::client::Client;
use super::input_order::Offered;
use super::plain::Origin;
use super::{Caller, Close, Reply};
use crate::metrics::RetransmissionCause;
use crate::terminal::Size;
use shared_protocol::client::{Ack, Command, Follow, Input, Interrupt};
use shared_protocol::server::{EchoReply, ErrorMessage, UnknownCommand};
use shared_protocol::{
    ClientId, ClientMessage, EndReason, ErrorCode, Inbound, Plain, Role, Seq, ServerMessage, StreamEvent,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

impl Actor {
    /// Takes one message and answers it, at once but for a plain command.
    pub(super) fn deliver(&mut self, caller: Caller, inbound: Inbound, reply: oneshot::Sender<Reply>) {
        if let Some(code) = self.turns_away(&caller, &inbound) {
            self.metrics.streams.record_error(code);
            let _ = reply.send(Reply::rejected(code));
            return;
        }
        let client = self.connections.get(&caller.connection).map(|connected| connected.client.clone());
        self.heard(&caller.connection);
        let mut wants_grant = false;
        let message = match inbound {
            Inbound::Unknown { kind } => {
                Some(ServerMessage::UnknownCommand(UnknownCommand { received: kind, epoch: None }))
            }
            Inbound::Plain(Plain::Command { id, command }) => return self.plain_command(caller, id, command, reply),
            Inbound::Plain(plain) => Some(self.plain_message(&caller, client.as_ref(), &plain)),
            Inbound::Message(ClientMessage::Ping(ping)) => Some(caller.arrival.pong(ping, self.clock.now_ms())),
            Inbound::Message(ClientMessage::Echo(echo)) => Some(ServerMessage::Echo(EchoReply {
                received: echo.fields.into(),
                timestamp: self.clock.now_ms(),
                epoch: None,
            })),
            // What was said last must still be heard.
            Inbound::Message(ClientMessage::Attach(_)) if self.is_over() && client.is_none() => {
                Some(ErrorMessage::new(ErrorCode::SessionEnded, "the session has ended").into())
            }
            Inbound::Message(ref message) if self.is_over() && message.order().is_some() => {
                Some(ErrorMessage::new(ErrorCode::SessionEnded, "the session has ended").into())
            }
            Inbound::Message(ClientMessage::Attach(attach)) => {
                wants_grant = true;
                Some(self.attach(&caller, &attach))
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
        let answer = self.reply(&caller, message, wants_grant);
        // A request that is gone needs no answer: the client asks again.
        let _ = reply.send(answer);
    }

    /// Wraps a direct answer: stamped, with a grant when nobody fetches this client's frames.
    pub(super) fn reply(&mut self, caller: &Caller, message: Option<ServerMessage>, wants_grant: bool) -> Reply {
        let now = Instant::now();
        let touch = self.touch(&caller.connection);
        let refused = matches!(message, Some(ServerMessage::Error(_)));
        let id = self.connections.get(&caller.connection).map(|connected| connected.client.clone());
        let Some(id) = id else {
            let frame = message.map(|message| self.encoded(&message.into()));
            return Reply { frame, close: self.close_when_over(), ..Reply::default() };
        };
        let frame = message.map(|message| self.stamp(&id, message));
        let listed = self.listing(&caller.connection, touch);
        let idle_plain = |client: &Client| client.plain && client.urgent.is_empty() && !self.plain.waits(&id);
        let Some(client) = self.clients.get_mut(&id) else { return Reply { frame, touch, listed, ..Reply::default() } };
        let follow = ((wants_grant && !refused) || !client.is_followed(now)) && !idle_plain(client);
        let follow = follow.then(|| {
            client.waiter = None;
            client.follower.grant(now)
        });
        Reply { frame, follow, close: None, touch, listed }
    }

    fn close_when_over(&self) -> Option<Close> {
        self.is_over().then_some(Close::Connection)
    }

    fn client_message(&mut self, id: &ClientId, message: ClientMessage) -> Option<ServerMessage> {
        match message {
            ClientMessage::Ack(ack) => {
                self.ack(id, ack);
                None
            }
            ClientMessage::Follow(follow) => self.follow(id, follow),
            message => self.ordered(id, message),
        }
    }

    fn ack(&mut self, id: &ClientId, ack: Ack) {
        // A late word about an earlier shell, or about bytes that do not exist, says nothing.
        if ack.epoch == self.epoch && ack.pos <= self.log.end() {
            let Some(client) = self.clients.get_mut(id) else { return };
            let before = client.sending.acked;
            client.sending.acked(ack.pos, Instant::now());
            client.reset &= client.sending.acked == before;
        }
    }

    fn follow(&mut self, id: &ClientId, follow: Follow) -> Option<ServerMessage> {
        if follow.epoch != self.epoch {
            return Some(self.stale(None));
        }
        if follow.repair && follow.pos <= self.log.end() {
            let client = self.clients.get_mut(id)?;
            tracing::debug!(session = %self.id, pos = %follow.pos, "client asks for a repair");
            self.metrics.streams.retransmissions.of(RetransmissionCause::Asked).inc();
            client.snapshot.clear();
            client.sending.repair(follow.pos, Instant::now());
            self.start_over(id);
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
        if let ClientMessage::Input(Input { ack: Some(pos), .. }) = message {
            // Out of turn, as every acknowledgement: it says where output stands.
            self.ack(id, Ack { epoch, pos });
        }
        let bytes = weight(&message);
        let now = Instant::now();
        let out_of_turn = match &message {
            ClientMessage::Interrupt(interrupt) => Some(*interrupt),
            _ => None,
        };
        let client = self.clients.get_mut(id)?;
        match client.order.offer(seq, message, bytes) {
            // Acknowledged again: the client has not heard that it arrived.
            Offered::Repeat => client.applied(now),
            Offered::Held => drop(out_of_turn.map(|interrupt| self.interrupt(id, interrupt))),
            Offered::Full => {
                let have = Some(client.order.applied());
                let full = "more input waits than may; send it again later";
                return Some(ErrorMessage { have, ..ErrorMessage::new(ErrorCode::InputFull, full) }.into());
            }
        }
        let client = self.clients.get_mut(id)?;
        // In its turn it may be refused: that answer is this message's direct reply.
        let before = client.urgent.len();
        self.apply_input();
        let client = self.clients.get_mut(id)?;
        client.note_gap(now);
        if client.urgent.len() > before { client.urgent.pop_back() } else { None }
    }

    /// Applies every message whose turn it is, as far as the terminal takes input.
    pub(super) fn apply_input(&mut self) {
        let ready = self.clients.iter().filter(|(_, client)| client.order.is_ready());
        let ids: Vec<ClientId> = ready.map(|(id, _)| id.clone()).collect();
        for id in ids {
            while self.takes_input() {
                let Some(client) = self.clients.get_mut(&id) else { break };
                let Some((seq, message)) = client.order.take_next() else { break };
                client.applied(Instant::now());
                self.apply(&id, seq, message);
            }
        }
    }

    fn apply(&mut self, id: &ClientId, seq: Seq, message: ClientMessage) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.role == Role::Viewer && !matches!(message, ClientMessage::ChatMessage(_)) {
            let refusal = ErrorMessage::new(ErrorCode::ReadOnly, "a viewer only watches");
            client.tell(ErrorMessage { id: command_id(&message), ..refusal }.into());
            return;
        }
        let now = Instant::now();
        match message {
            // Taken back by an interrupt that came after it but was applied before.
            ClientMessage::Input(_) if seq <= client.discard_until => {}
            ClientMessage::Input(input) => self.keys(id, seq, input.keys.into_bytes().unwrap_or_default(), now),
            // Where the terminal makes no signals, it is a key like any other. Otherwise it acted when it came.
            ClientMessage::Interrupt(_) if client.interrupts.remove(&seq) => {}
            ClientMessage::Interrupt(_) => self.keys(id, seq, b"\x03".to_vec(), now),
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
            ClientMessage::Extend(_) => self.extend(now),
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

    /// Ctrl-C ahead of the input that waits: what was typed before it and not yet read is taken back, the foreground program is
    /// signalled through the terminal, and what it printed meanwhile is skipped. Its place in the order is kept, so that a
    /// repeat does nothing.
    fn interrupt(&mut self, id: &ClientId, interrupt: Interrupt) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.role == Role::Viewer || !self.pty.interrupt() {
            return;
        }
        client.interrupts.insert(interrupt.seq);
        client.discard_until = client.discard_until.max(interrupt.after_seq);
        self.discard_input(id, interrupt.after_seq);
        self.commands.typed();
        self.life.activity(Instant::now());
        self.skip_unsent();
    }

    fn keys(&mut self, id: &ClientId, seq: Seq, bytes: Vec<u8>, now: Instant) {
        if self.controller.as_ref() != Some(id) {
            self.take_control(&id.clone());
        }
        self.commands.typed();
        self.life.activity(now);
        self.type_in(Some(id), seq, bytes);
    }

    /// Tells clients whose missing message did not come in time.
    pub(super) fn report_gaps(&mut self, now: Instant) {
        for client in self.clients.values_mut() {
            if client.gap_is_due(now) {
                self.metrics.streams.input_gaps.inc();
                let have = Some(client.order.applied());
                let gap = "an input message is missing; send again what follows";
                client.tell(ErrorMessage { have, ..ErrorMessage::new(ErrorCode::InputGap, gap) }.into());
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
