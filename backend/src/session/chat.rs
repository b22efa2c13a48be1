//! Chat: everyone in the session hears it, attached clients as an event of the stream, and plain ones as a frame of its own.

use super::actor::Actor;
use super::handle::{Caller, SessionError};
use shared_protocol::server::{ErrorMessage, PlainChat};
use shared_protocol::{ErrorCode, ServerMessage, StreamEvent};

impl Actor {
    /// Tells everyone in the session; no more often than the rate of this user allows.
    pub(super) fn chat(&mut self, from: String, name: Option<String>, message: String) -> Result<(), SessionError> {
        if self.chat_rate.check(&from).is_err() {
            return Err(SessionError::new(ErrorCode::RateLimited, "too many chat messages; wait a second"));
        }
        let chat = PlainChat { from, message, timestamp: self.now().ms };
        for client in self.attachments.clients_mut().filter(|client| client.one_shot) {
            client.outbound.queue_reply(ServerMessage::ChatMessage(chat.clone()));
        }
        self.log.push_event(StreamEvent::Chat { from: chat.from, name, message: chat.message });
        Ok(())
    }

    /// Chats for a connection that never attached. It hears others from then on; its own message is the answer.
    pub(super) fn chat_now(&mut self, caller: &Caller, message: String) -> Result<Option<ServerMessage>, SessionError> {
        self.ended_error().map_or(Ok(()), Err)?;
        let now = self.now();
        let id = self.attachments.one_shot_client(caller, now.instant, now.ms)?;
        self.connected(caller);
        let Some(client) = self.attachments.client_mut(&id) else { return Ok(None) };
        if !client.one_shot {
            return Ok(Some(unnumbered("chat_message").into()));
        }
        client.chats = true;
        let waiting = client.outbound.reply_count();
        self.chat(caller.user.clone(), caller.class.name.clone(), message)?;
        Ok(self.attachments.client_mut(&id).and_then(|client| client.outbound.take_reply_above(waiting)))
    }
}

/// The refusal of a message that an attached client sent without a number.
pub(super) fn unnumbered(kind: &str) -> ErrorMessage {
    ErrorMessage::new(ErrorCode::BadField, format!("`{kind}`: `seq` and `epoch` are missing"))
}
