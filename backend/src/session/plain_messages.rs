//! Messages without a number, of connections that never attach. Each counts once, however often its request arrives.

use super::actor::Actor;
use super::caller::Caller;
use super::handle::{Reply, SessionError};
use super::one_shot::Origin;
use super::stateless::needs_attach;
use crate::terminal::Size;
use shared_protocol::server::{ErrorMessage, ResizeAck};
use shared_protocol::{ClientId, ErrorCode, Plain, ServerMessage};
use tokio::sync::oneshot;

impl Actor {
    /// Handles a message and answers it: at once, unless it is a command.
    pub(super) fn plain(&mut self, caller: Caller, plain: Plain, reply: oneshot::Sender<Reply>) {
        let done = match plain {
            Plain::Unordered { kind } => Ok(Some(self.unordered(&caller, kind))),
            Plain::Command { id, command } => match self.admit(&caller, id.clone()) {
                Ok(client) => return self.one_shot(client, caller, id, command, reply),
                Err(refused) => Err(refused),
            },
            Plain::Resize { cols, rows } => {
                let size = Size::of_window(cols, rows);
                self.admit(&caller, None).map(|_| Some(self.resize_now(&caller, size)))
            }
            Plain::Chat { message } => self.admit(&caller, None).map(|client| self.chat_now(&caller, &client, message)),
        };
        let answer = done.map_or_else(|refused| *refused, |message| self.reply(&caller, message, None));
        // A request that is gone needs no answer.
        let _ = reply.send(answer);
    }

    /// Refuses a message without a number: an attached client must number it, any other may not send it.
    fn unordered(&self, caller: &Caller, kind: &str) -> ServerMessage {
        let client = self.attachments.client_of(&caller.connection).and_then(|id| self.attachments.client(id));
        if client.is_some_and(|client| !client.one_shot) { unnumbered(kind).into() } else { needs_attach(kind) }
    }

    /// The client of a connection that never attached, if its message may count; otherwise the answer. `id` is a command's.
    fn admit(&mut self, caller: &Caller, id: Option<String>) -> Result<ClientId, Box<Reply>> {
        let client = self.plain_client(caller);
        let client = client.map_err(|error| Box::new(self.reply(caller, Some(error.for_command(id)), None)))?;
        self.attachments.admit_once(caller, self.clock.steady_ms()).map_err(|error| {
            self.metrics.streams.record_error(error.code);
            // Beside a relay's frames: the client itself hears nothing of what is replayed in its name.
            let frame = self.frames.encode(&ServerMessage::from(error).into());
            Box::new(Reply { frame: Some(frame), ..Reply::default() })
        })?;
        Ok(client)
    }

    fn plain_client(&mut self, caller: &Caller) -> Result<ClientId, SessionError> {
        self.ended_error().map_or(Ok(()), Err)?;
        let now = self.now();
        let client = self.attachments.one_shot_client(caller, now.instant, now.ms)?;
        self.connected(caller);
        Ok(client)
    }

    fn resize_now(&mut self, caller: &Caller, size: Size) -> ServerMessage {
        if let Err(error) = self.control.check(&caller.user, caller.role, None, None) {
            return error.into();
        }
        self.terminal.resize(size, &mut self.log, &mut self.events);
        ServerMessage::ResizeAck(ResizeAck { timestamp: self.clock.now_ms() })
    }

    /// Chats. The connection hears others from then on; its own message is the answer.
    fn chat_now(&mut self, caller: &Caller, id: &ClientId, message: String) -> Option<ServerMessage> {
        let client = self.attachments.client_mut(id)?;
        if !client.one_shot {
            return Some(unnumbered("chat_message").into());
        }
        client.chats = true;
        let waiting = client.outbound.reply_count();
        if let Err(error) = self.chat(caller.user.clone(), caller.class.name.clone(), message) {
            return Some(error.into());
        }
        self.attachments.client_mut(id)?.outbound.take_reply_above(waiting)
    }

    /// Runs a command. Its end answers the request.
    fn one_shot(
        &mut self,
        client: ClientId,
        caller: Caller,
        id: Option<String>,
        line: String,
        reply: oneshot::Sender<Reply>,
    ) {
        if let Err(error) = self.control.check(&caller.user, caller.role, None, None) {
            let answer = self.reply(&caller, Some(error.for_command(id)), None);
            let _ = reply.send(answer);
            return;
        }
        let now = self.now();
        self.note_typist(&client);
        let key = self.one_shot.add(client, id, caller, reply, now.instant);
        self.expiry.active = now.instant;
        self.terminal.run_command(Origin::OneShot(key), line, &mut self.log, &mut self.events);
    }
}

/// The refusal of a message that an attached client sent without a number.
fn unnumbered(kind: &str) -> ErrorMessage {
    ErrorMessage::new(ErrorCode::BadField, format!("`{kind}`: `seq` and `epoch` are missing"))
}
