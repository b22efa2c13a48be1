//! Requests to the task of a session, from every other one.

use super::actor::Actor;
use super::caller::Caller;
use super::files::check_role;
use super::handle::{FilesAnswer, Request, SessionError};
use crate::store::{CommandRecord, Member};
use crate::terminal::ProcessGroup;
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ErrorCode, Role};
use std::sync::Arc;
use tokio::time::Instant;

impl Actor {
    /// Handles a request that is no message, or passes on one that is.
    pub(super) fn handle(&mut self, request: Request) {
        match request {
            Request::Deliver { caller, inbound, reply } => self.deliver(caller, inbound, reply),
            Request::Tell { connection, message, reply } => {
                let told = self.tell(&connection, message);
                // The request may be gone.
                let _ = reply.send(told);
            }
            Request::Disconnect { connection } => {
                self.attachments.disconnect(connection);
                self.connections_changed();
            }
            Request::End { reason } => self.end(reason),
            Request::EndBy { user, member, reason, reply } => {
                let allowed = self.check_controller(Some(&user), &member);
                if allowed.is_ok() {
                    self.end(reason);
                }
                let _ = reply.send(allowed);
            }
            Request::Remove { connection, by, reply } => {
                let removed = self.remove_connection(&connection, by);
                // The request may be gone.
                let _ = reply.send(removed);
            }
            Request::LetIn { member, reply } => {
                let was_out = self.attachments.revoked.remove(&member);
                self.revocations_changed();
                let _ = reply.send(was_out);
            }
            Request::Announce { by, notice, reply } => {
                let said = !self.attachments.revoked.has(&by) && self.announce(notice);
                let _ = reply.send(said);
            }
            Request::RunningCommand { reply } => {
                let running = self.terminal.command_log.running().cloned();
                let _ = reply.send(running.map(|command| CommandRecord { epoch: self.epoch, command }));
            }
            Request::Processes { reply } => {
                let _ = reply.send(self.processes());
            }
            Request::ProcessesFor { user, member, reply } => {
                let _ = reply.send(self.check_controller(user.as_deref(), &member).and_then(|()| self.processes()));
            }
            Request::FilesOf { caller, reply } => {
                let _ = reply.send(self.files_of(caller));
            }
            // The lease was checked before this was handled.
            Request::Lost => {}
        }
    }

    /// Answers a message about a file: it counts as use of the session, from one who may have its files.
    fn files_of(&mut self, mut caller: Caller) -> FilesAnswer {
        if let Some(rejected) = self.rejects(&mut caller, false) {
            return Err(Box::new(rejected));
        }
        let now = Instant::now();
        self.attachments.seen(&caller.connection, now);
        if self.attachments.client_of(&caller.connection).is_none() {
            let error = ErrorMessage::new(ErrorCode::NotAttached, "this connection must send `attach` first");
            return Err(Box::new(self.reply(&caller, Some(error.into()), None)));
        }
        let member = caller.member_in(&self.lease.record().creator);
        let allowed =
            check_role(&caller, caller.role).and_then(|()| self.check_controller(Some(&caller.user), &member));
        Ok(allowed.and_then(|()| self.processes()).inspect(|_| self.expiry.active = now))
    }

    /// Fails for one who was removed, and for a controller while another one, the owner, types alone.
    fn check_controller(&self, user: Option<&str>, member: &Member) -> Result<(), SessionError> {
        if self.attachments.revoked.has(member) {
            return Err(SessionError::removed());
        }
        user.map_or(Ok(()), |user| self.control.check(user, Role::Controller, None, None))
    }

    fn processes(&self) -> Result<Arc<dyn ProcessGroup>, SessionError> {
        self.termination.is_running().then(|| self.terminal.processes()).ok_or_else(SessionError::ended)
    }
}
