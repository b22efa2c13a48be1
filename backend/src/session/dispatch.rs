//! Dispatch of client messages: the effect of each on the session, and its direct answer.

use super::actor::Actor;
use super::caller::Caller;
use super::handle::{Reply, SessionError};
use super::input_order::Offered;
use super::one_shot::Origin;
use super::snapshot::prefers_tail;
use super::stateless::stateless_reply;
use crate::audit::audit;
use crate::metrics::SnapshotCause;
use crate::relay::Renewal;
use crate::terminal::Size;
use shared_protocol::client::{Ack, Attach, Command, Follow, Input, Interrupt};
use shared_protocol::server::{Attached, ErrorMessage, Room};
use shared_protocol::{
    ClientId, ClientMessage, ConnectionId, EndReason, ErrorCode, Inbound, Loan, Pos, Role, Seq, ServerMessage,
    StreamEvent,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Time after which a page that is looked at says so again, in ms: less than a relay carries a silent client.
const FOLLOW_MS: u64 = 20_000;

/// Effect of a message on the client's relay. `ping` and `ack` alone do not say that the page is looked at.
fn renewal(inbound: &Inbound) -> Option<Renewal> {
    match inbound {
        Inbound::Message(ClientMessage::Attach(_) | ClientMessage::Follow(_)) => Some(Renewal::Follow),
        Inbound::Message(message) if message.order().is_some() => Some(Renewal::Message),
        _ => None,
    }
}

impl Actor {
    /// Handles a message and answers it: at once, unless it is a one-shot command.
    pub(super) fn deliver(&mut self, mut caller: Caller, inbound: Inbound, reply: oneshot::Sender<Reply>) {
        let attaches = matches!(inbound, Inbound::Message(ClientMessage::Attach(_)));
        if let Some(rejected) = self.rejects(&mut caller, attaches) {
            let _ = reply.send(rejected);
            return;
        }
        if let Inbound::Message(ClientMessage::Carry(carry)) = &inbound {
            let answer = self.carry(&caller, carry);
            let _ = reply.send(answer);
            return;
        }
        self.attachments.seen(&caller.connection, Instant::now());
        let renewal = renewal(&inbound);
        let message = match inbound {
            Inbound::Plain(plain) => return self.plain(caller, plain, reply),
            Inbound::Message(message) => self.message(&caller, message),
            Inbound::Unknown { .. } => stateless_reply(&inbound, caller.arrival, self.clock.now_ms()),
        };
        let answer = self.reply(&caller, message, renewal);
        // A request that is gone needs no answer: the client sends its message again.
        let _ = reply.send(answer);
    }

    /// Refuses a message if its connection may send none, or none any more. Otherwise sets the caller's role in this session.
    pub(super) fn rejects(&mut self, caller: &mut Caller, attaches: bool) -> Option<Reply> {
        caller.role = caller.role_in(&self.lease.record().creator);
        // The first message of a connection decides: the wall clock may have jumped since.
        caller.valid_until_ms = self.attachments.valid_until_ms(&caller.connection).unwrap_or(caller.valid_until_ms);
        let is_ending = !self.termination.is_running();
        let code = self.attachments.authorize(caller, attaches, self.clock.steady_ms(), is_ending)?;
        self.connections_changed();
        self.metrics.streams.record_error(code);
        let is_being_told = self.attachments.closed.is_being_told(&caller.connection, Instant::now());
        Some(if is_being_told { Reply::default() } else { Reply::rejected(code) })
    }

    /// Queues a frame for the relay of this connection. False if none carries it.
    pub(super) fn tell(&mut self, connection: &ConnectionId, message: ServerMessage) -> bool {
        if self.attachments.closed.is_being_told(connection, Instant::now()) {
            // Nothing comes after the reason.
            return true;
        }
        let client = self.attachments.client_of_mut(connection);
        let Some(client) = client.filter(|client| client.outbound.link.is_live_on(connection)) else { return false };
        client.outbound.queue_reply(message);
        true
    }

    fn message(&mut self, caller: &Caller, message: ClientMessage) -> Option<ServerMessage> {
        let client = self.attachments.client_of(&caller.connection).cloned();
        match message {
            // An attached client may attach again to an ended session, for its last events.
            ClientMessage::Attach(attach) => match self.ended_error().filter(|_| client.is_none()) {
                Some(ended) => Some(ended.into()),
                None => Some(self.attach(caller, &attach).unwrap_or_else(ServerMessage::from)),
            },
            ClientMessage::Ping(_) | ClientMessage::Echo(_) => {
                stateless_reply(&Inbound::Message(message), caller.arrival, self.clock.now_ms())
            }
            message => {
                if message.order().is_some()
                    && let Some(ended) = self.ended_error()
                {
                    return Some(ended.into());
                }
                let Some(id) = client else {
                    let error = ErrorMessage::new(ErrorCode::NotAttached, "this connection must send `attach` first");
                    return Some(error.into());
                };
                match message {
                    ClientMessage::Ack(ack) => {
                        self.ack(&id, ack);
                        None
                    }
                    ClientMessage::Follow(follow) => self.follow(&id, follow),
                    message => self.accounted(caller, &id, message),
                }
            }
        }
    }

    fn attach(&mut self, caller: &Caller, attach: &Attach) -> Result<ServerMessage, SessionError> {
        let (now, id) = (self.now(), &attach.client);
        let is_new = self.attachments.attach(caller, attach, now.instant, now.ms)?;
        if let (Some(client), Some(bearer)) = (self.attachments.client(id), self.attachments.people.bearer(id)) {
            self.control.arrived(bearer, client.who, now.instant);
        }
        self.connected(caller);
        self.terminal.tells_commands |= attach.commands;
        self.repeat_notices();
        let (end, epoch) = (self.log.end(), self.epoch);
        let acked = self.attachments.client(id).map_or(Pos(0), |client| client.outbound.cursor.acked());
        let resume = attach.resume.filter(|resume| resume.epoch == epoch && resume.pos <= end);
        // No `resume` means an empty page. A stale `resume` must not move the cursor behind the last ack.
        let from = resume.map_or(Pos(0), |resume| resume.pos.max(acked));
        // The cheapest way back: the missing part as it was printed, or the screen as it is now.
        let is_printed = !(attach.snapshot && from == Pos(0)) && prefers_tail(from, &mut self.log, &mut self.terminal);
        let skip = (!is_printed).then_some(SnapshotCause::Attach);
        if let Some(client) = self.attachments.client_mut(id) {
            client.outbound.restart(from, skip, now.instant);
        }
        if is_new {
            let role = caller.role;
            audit!(Attach, caller.by(self.id.as_str(), "attach"), { ?role, }, "client attached");
        }
        let controls = caller.role == Role::Controller && self.check_typing(id, None).is_ok();
        if controls && self.attachments.controller.is_none() {
            self.take_control(id);
        }
        self.use_theme_of_controller();
        let input_seq = self.attachments.client(id).map_or(Seq(0), |client| client.inbound.applied());
        let (ends_at, can_extend) = self.expiry.lifetime_end(self.now());
        let size = self.terminal.size;
        Ok(ServerMessage::Attached(Attached {
            session_id: self.id.clone(),
            client: id.clone(),
            who: self.attachments.client(id).map(|client| client.who),
            epoch,
            pos: from,
            input_seq,
            cols: size.cols,
            rows: size.rows,
            role: caller.role,
            tty: self.terminal.settings.announced(),
            follow_ms: FOLLOW_MS,
            limits: shared_protocol::server::Limits::default(),
            ends_at: Some(ends_at),
            can_extend,
            can_ask: self.attachments.people.asker(id).is_some(),
            dispatch: caller.arrival.dispatch,
            room: Room::default(),
        }))
    }

    fn ack(&mut self, id: &ClientId, ack: Ack) {
        // A late ack of an earlier epoch, or of bytes that do not exist, means nothing.
        if ack.epoch == self.epoch
            && ack.pos <= self.log.end()
            && let Some(client) = self.attachments.client_mut(id)
        {
            client.outbound.ack(ack.pos, Instant::now());
        }
    }

    fn follow(&mut self, id: &ClientId, follow: Follow) -> Option<ServerMessage> {
        if follow.epoch != self.epoch {
            return Some(stale(None));
        }
        if follow.repair && follow.pos <= self.log.end() {
            let client = self.attachments.client_mut(id)?;
            self.frames.repair(&mut client.outbound, follow.pos, &mut self.log, &mut self.terminal);
        }
        None
    }

    pub(super) fn ordered(&mut self, id: &ClientId, message: ClientMessage) -> Option<ServerMessage> {
        let (seq, epoch) = message.order()?;
        if epoch != self.epoch {
            return Some(stale(command_id(&message)));
        }
        if let ClientMessage::Input(Input { ack: Some(pos), .. }) = message {
            // Out of order, as every acknowledgement: it tells how far output was parsed.
            self.ack(id, Ack { epoch, pos });
        }
        let now = Instant::now();
        let interrupt = match &message {
            ClientMessage::Interrupt(interrupt) => Some(*interrupt),
            _ => None,
        };
        let client = self.attachments.client_mut(id)?;
        match client.inbound.offer(seq, message, now) {
            // The page waits for the acknowledgement.
            Offered::Repeat => client.echo_hold.end(),
            Offered::Held => drop(interrupt.map(|interrupt| self.interrupt(id, interrupt))),
            Offered::Full => {
                let have = Some(client.inbound.applied());
                let full = "more input waits than may; send it again later";
                return Some(ErrorMessage { have, ..ErrorMessage::new(ErrorCode::InputFull, full) }.into());
            }
        }
        // If it is refused in its turn, that answer is this message's direct reply.
        let before = self.attachments.client(id)?.outbound.reply_count();
        self.apply_input();
        let client = self.attachments.client_mut(id)?;
        client.inbound.update_gap(now);
        client.outbound.take_reply_above(before)
    }

    /// Applies every message whose turn it is, as long as the terminal accepts input.
    pub(super) fn apply_input(&mut self) {
        let ready = self.attachments.clients().filter(|(_, client)| client.inbound.is_ready());
        let ids: Vec<ClientId> = ready.map(|(id, _)| id.clone()).collect();
        for id in ids {
            while self.termination.is_running() && self.terminal.accepts_input() {
                let now = Instant::now();
                let Some(client) = self.attachments.client_mut(&id) else { break };
                let Some((seq, message)) = client.inbound.take_next(now) else { break };
                self.apply(&id, seq, message, now);
                self.apply_events();
            }
        }
    }

    fn apply(&mut self, id: &ClientId, seq: Seq, message: ClientMessage, now: Instant) {
        let Some(message) = self.apply_to_people(id, message) else { return };
        let checked = match &message {
            ClientMessage::ChatMessage(_) => Ok(()),
            message => self.check_typing(id, loan_of(message)),
        };
        let Some(client) = self.attachments.client_mut(id) else { return };
        if let Err(SessionError { code, message: sentence }) = checked {
            let id = command_id(&message);
            let refused = ErrorMessage { id, seq: Some(seq), ..ErrorMessage::new(code, sentence) };
            client.outbound.queue_reply(refused.into());
            return;
        }
        if !matches!(message, ClientMessage::Input(_)) {
            client.echo_hold.end();
        }
        match message {
            // Taken back by an interrupt that came after it and acted first.
            ClientMessage::Input(_) if client.inbound.is_discarded(seq) => {}
            ClientMessage::Input(input) => {
                let keys = input.keys.into_bytes().unwrap_or_default();
                client.echo_hold.typed(&keys, input.predicted, now);
                self.keys(id, seq, keys, now);
            }
            ClientMessage::Interrupt(_) if client.inbound.take_interrupt(seq) => {}
            // Where it makes no signal, it is a key like any other.
            ClientMessage::Interrupt(_) => self.keys(id, seq, b"\x03".to_vec(), now),
            ClientMessage::Resize(resize) => {
                client.size = Some(Size::of_window(resize.cols, resize.rows));
                if self.attachments.may_resize(id) {
                    self.take_control(id);
                }
            }
            ClientMessage::Theme(change) => {
                client.theme = Some(change.theme);
                self.use_theme_of_controller();
            }
            ClientMessage::Command(Command { id: command, command: line, .. }) => {
                let origin = Origin::Client { client: id.clone(), id: command };
                self.expiry.active = now;
                self.note_typist(id);
                self.terminal.run_command(origin, line, &mut self.log, &mut self.events);
            }
            ClientMessage::TypeLine(offer) => match self.terminal.offered(&offer.line, now) {
                Ok(keys) => self.keys(id, seq, keys, now),
                Err(SessionError { code, message }) => {
                    let refused = ErrorMessage { seq: Some(seq), ..ErrorMessage::new(code, message) };
                    client.outbound.queue_reply(refused.into());
                }
            },
            ClientMessage::Extend(_) => self.extend(now),
            ClientMessage::Close(_) => self.end(EndReason::Closed),
            ClientMessage::ChatMessage(chat) => {
                let (from, name) = (client.user.clone(), client.name.clone());
                if let Err(error) = self.chat(from, name, chat.data.message)
                    && let Some(client) = self.attachments.client_mut(id)
                {
                    client.outbound.queue_reply(error.into());
                }
            }
            ClientMessage::Attach(_)
            | ClientMessage::Ack(_)
            | ClientMessage::Follow(_)
            | ClientMessage::Hand(_)
            | ClientMessage::HandSeen(_)
            | ClientMessage::Ask(_)
            | ClientMessage::Allow(_)
            | ClientMessage::TakeBack(_)
            | ClientMessage::GiveBack(_)
            | ClientMessage::OnlyMe(_)
            | ClientMessage::Remove(_)
            | ClientMessage::Carry(_)
            | ClientMessage::Wall(_)
            | ClientMessage::WallAck(_)
            | ClientMessage::Announce(_)
            | ClientMessage::Upload(_)
            | ClientMessage::UploadPart(_)
            | ClientMessage::Download(_)
            | ClientMessage::DownloadPart(_)
            | ClientMessage::CancelTransfer(_)
            | ClientMessage::Ping(_)
            | ClientMessage::Echo(_) => {}
        }
    }

    /// Ctrl-C ahead of the pending input: discards keys that were typed before it, signals the foreground program, and skips
    /// its output. It keeps its place in the order, so that a repeat does nothing.
    fn interrupt(&mut self, id: &ClientId, interrupt: Interrupt) {
        if self.check_typing(id, interrupt.loan).is_err() {
            return;
        }
        let Some(client) = self.attachments.client_mut(id) else { return };
        let after = interrupt.after_seq;
        let Some(key) = self.terminal.interrupt(id, after, &mut self.log, &mut self.events) else { return };
        client.echo_hold.end();
        client.inbound.interrupted(interrupt.seq, key.flushes.then_some(after));
        self.apply_events();
        self.expiry.active = Instant::now();
        for client in self.attachments.clients_mut().filter(|client| !client.one_shot) {
            client.outbound.skip_unsent(self.log.end());
        }
    }

    pub(super) fn report_gaps(&mut self, now: Instant) {
        for client in self.attachments.clients_mut() {
            if !client.inbound.gap_is_due(now) {
                continue;
            }
            self.metrics.streams.input_gaps.inc();
            let have = Some(client.inbound.applied());
            let gap = ErrorMessage::new(ErrorCode::InputGap, "an input message is missing; send again what follows");
            client.outbound.queue_reply(ErrorMessage { have, ..gap }.into());
        }
    }

    fn extend(&mut self, now: Instant) {
        self.expiry.active = now;
        if self.expiry.extend(now) {
            let (at, can_extend) = self.expiry.lifetime_end(self.now());
            self.log.push_event(StreamEvent::Ends { at, can_extend });
        }
    }
}

pub(super) fn stale(id: Option<String>) -> ServerMessage {
    let message = "the message belongs to an earlier life of the shell and was not applied";
    ErrorMessage { id, ..ErrorMessage::new(ErrorCode::StaleEpoch, message) }.into()
}

fn command_id(message: &ClientMessage) -> Option<String> {
    match message {
        ClientMessage::Command(command) => Some(command.id.clone()),
        _ => None,
    }
}

fn loan_of(message: &ClientMessage) -> Option<Loan> {
    match message {
        ClientMessage::Input(input) => input.loan,
        ClientMessage::TypeLine(offer) => offer.loan,
        ClientMessage::Interrupt(interrupt) => interrupt.loan,
        ClientMessage::Command(command) => command.loan,
        _ => None,
    }
}
