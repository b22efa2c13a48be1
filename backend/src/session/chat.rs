//! Chat: everyone in the session hears it, attached clients as an event of the stream, and plain ones as a frame of its own.

use super::actor::Actor;
use super::handle::SessionError;
use shared_protocol::server::PlainChat;
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
}
