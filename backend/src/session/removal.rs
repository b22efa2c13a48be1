//! Removal of people for good: by one of the session's people, or over HTTP. All with the same token go, and stay out until it
//! expires or one of those who may lets them in again.

use super::actor::Actor;
use super::handle::SessionError;
use super::standing::Standing;
use shared_protocol::server::Part;
use shared_protocol::{ClientId, ConnectionId, ErrorCode, Who};

impl Actor {
    /// A person of the session removes another.
    pub(super) fn remove_person(&mut self, by: &ClientId, who: Who) -> Result<(), SessionError> {
        let refused = |code, text: &str| Err(SessionError::new(code, text));
        let Some(by) = self.attachments.people.standing(by) else {
            return refused(ErrorCode::Forbidden, "only people of the session remove others");
        };
        by.may_remove(Part::Guest).or_else(|text| refused(ErrorCode::Forbidden, text))?;
        let Some(client) = self.attachments.people.client(who).cloned() else {
            return refused(ErrorCode::Busy, "this person is not attached");
        };
        self.attachments.remove_client(&client, by, self.now())?;
        self.revocations_changed();
        self.lease.save_soon(&self.store, self.clock.now_seconds());
        Ok(())
    }

    /// Removes everyone with the token of a connection. False if there is no such connection.
    pub(super) fn remove_connection(&mut self, connection: &ConnectionId, by: Standing) -> Result<bool, SessionError> {
        let Some(client) = self.attachments.client_of(connection).cloned() else {
            // A repeat, because the removal could not be stored.
            let was_removed = self.attachments.closed.reason(connection) == Some(ErrorCode::Revoked);
            return Ok(was_removed && self.lease.has_unsaved_removals());
        };
        self.attachments.remove_client(&client, by, self.now())?;
        self.revocations_changed();
        Ok(true)
    }

    /// Passes the list on to those who store it.
    pub(super) fn revocations_changed(&mut self) {
        self.lease.set_revoked(self.attachments.revoked.clone());
        self.connections_changed();
    }
}
