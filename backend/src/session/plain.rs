//! Connections that never attach (a script, `wscat`, an existing page): their messages carry no number and are served at once, and
//! what becomes of `command`, whoever asked for it.

use super::actor::Actor;
use super::command::Finished;
use super::{Caller, Reply};
use crate::terminal::Size;
use shared_protocol::server::{CommandStarted, ErrorMessage, PlainResult, ResizeAck, UnknownCommand};
use shared_protocol::{ClientId, ErrorCode, Plain, Role, ServerMessage, StreamEvent};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A plain command that takes longer is answered `command_started`; its result comes later. Under API Gateway's 29 s.
pub(super) const DIRECT_COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

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
    caller: Caller,
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

    /// Whether results of this client are still to come.
    pub(super) fn waits(&self, client: &ClientId) -> bool {
        self.open.values().any(|command| command.client == *client)
    }
}

impl Actor {
    pub(super) fn plain_message(&mut self, caller: &Caller, client: Option<&ClientId>, plain: &Plain) -> ServerMessage {
        let attached = client.and_then(|id| self.clients.get(id)).is_some_and(|client| !client.plain);
        match plain {
            Plain::Resize { .. } if self.is_over() => {
                ErrorMessage::new(ErrorCode::SessionEnded, "the session has ended").into()
            }
            Plain::Resize { cols, rows } => {
                if caller.role == Role::Viewer {
                    return ErrorMessage::new(ErrorCode::ReadOnly, "a viewer only watches").into();
                }
                let _ = self.plain_client(caller);
                self.resize(Size { cols: *cols, rows: *rows });
                ServerMessage::ResizeAck(ResizeAck { timestamp: self.clock.now_ms() })
            }
            Plain::Unordered { kind } if attached => {
                ErrorMessage::new(ErrorCode::BadField, format!("`{kind}`: `seq` and `epoch` are missing")).into()
            }
            Plain::Unordered { kind } => {
                ServerMessage::UnknownCommand(UnknownCommand { received: (*kind).to_owned(), epoch: None })
            }
            Plain::Command { .. } => ErrorMessage::new(ErrorCode::Internal, "a command was not expected here").into(),
        }
    }

    pub(super) fn plain_command(
        &mut self,
        caller: Caller,
        id: Option<String>,
        line: String,
        reply: oneshot::Sender<Reply>,
    ) {
        let refusal = if caller.role == Role::Viewer {
            Some(ErrorMessage::new(ErrorCode::ReadOnly, "a viewer only watches"))
        } else if self.is_over() {
            Some(ErrorMessage::new(ErrorCode::SessionEnded, "the session has ended"))
        } else {
            None
        };
        let client = self.plain_client(&caller);
        let (Some(client), None) = (client, &refusal) else {
            let limit = || ErrorMessage::new(ErrorCode::LimitReached, "the session has too many clients");
            let refusal = ErrorMessage { id, ..refusal.unwrap_or_else(limit) };
            let answer = self.reply(&caller, Some(refusal.into()), false);
            let _ = reply.send(answer);
            return;
        };
        let now = Instant::now();
        let key = self.plain.next;
        self.plain.next += 1;
        let command = PlainCommand { client, id, caller, reply: Some(reply), until: now + DIRECT_COMMAND_TIMEOUT };
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
                Some((command.caller.clone(), reply, started))
            })
            .collect();
        for (caller, reply, started) in slow {
            let answer = self.reply(&caller, Some(ServerMessage::CommandStarted(started)), true);
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
                let answer = self.reply(&command.caller, Some(message), false);
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
