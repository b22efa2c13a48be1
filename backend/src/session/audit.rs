//! The audit of a session: people who attach, get or lose the right to type, remove others, or close it.

use super::actor::Actor;
use super::caller::Caller;
use super::control::Sender;
use crate::audit::{By, audit};
use shared_protocol::{ClientId, ClientMessage, ServerMessage};

/// The type of a message that is accounted for.
fn kind(message: &ClientMessage) -> Option<&'static str> {
    Some(match message {
        ClientMessage::Ask(_) => "ask",
        ClientMessage::Allow(_) => "allow",
        ClientMessage::TakeBack(_) => "take_back",
        ClientMessage::GiveBack(_) => "give_back",
        ClientMessage::OnlyMe(_) => "only_me",
        ClientMessage::Remove(_) => "remove",
        ClientMessage::Close(_) => "close",
        _ => return None,
    })
}

impl Caller {
    /// The caller as the sender of a message of this kind, in a session.
    pub fn by<'a>(&'a self, session: &'a str, kind: &'a str) -> By<'a> {
        By { user: &self.user, session, connection: self.connection.as_str(), request: &self.request, kind }
    }
}

impl Actor {
    /// Applies a numbered message, and accounts for what comes of it.
    pub(super) fn accounted(
        &mut self,
        caller: &Caller,
        id: &ClientId,
        message: ClientMessage,
    ) -> Option<ServerMessage> {
        let Some(kind) = kind(&message) else { return self.ordered(id, message) };
        let Caller { user, connection, request, .. } = caller;
        let (user, connection, request) = (user.clone(), connection.to_string(), request.clone());
        self.control.sender = Some(Sender { user, connection, request, kind });
        let (removed, was_running) = (self.attachments.revoked.clone(), self.termination.is_running());
        let reply = self.ordered(id, message);
        self.control.sender = None;
        if self.attachments.revoked != removed {
            audit!(Remove, caller.by(self.id.as_str(), kind), {}, "a person was removed for good");
        }
        if was_running && !self.termination.is_running() {
            audit!(Close, caller.by(self.id.as_str(), kind), {}, "the session is to end");
        }
        reply
    }

    /// Accounts for a change of whose keys count: of the sender, or of time.
    pub(super) fn control_changed(&self) {
        let state = self.frames.room.control.unwrap_or_default().state;
        let none = By { session: self.id.as_str(), ..By::NONE };
        let by = self.control.sender.as_ref().map_or(none, |sender| sender.by(self.id.as_str()));
        audit!(Control, by, { ?state, }, "whose keys count has changed");
    }
}
