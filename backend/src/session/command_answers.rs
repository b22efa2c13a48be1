//! Answers to commands: rejections, and the results of one-shot commands.

use super::actor::Actor;
use super::one_shot::Origin;
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ErrorCode, ServerMessage};

impl Actor {
    pub(super) fn reject_command(&mut self, origin: Origin, code: ErrorCode) {
        let reason = match code {
            ErrorCode::NoPromptMarks => {
                "this shell does not mark its prompts, so no command can be run in it for a result"
            }
            ErrorCode::ReadOnly => "the loan is over; the command was not run",
            _ => "the shell is not at an empty prompt",
        };
        let rejection = |id| ErrorMessage { id, ..ErrorMessage::new(code, reason) }.into();
        match origin {
            Origin::Client { client, id } => {
                if let Some(client) = self.attachments.client_mut(&client) {
                    client.outbound.queue_reply(rejection(Some(id)));
                }
            }
            Origin::OneShot(key) => self.answer_one_shot(key, rejection),
        }
    }

    /// Answers a one-shot command: its waiting request, or else the client's next frame.
    pub(super) fn answer_one_shot(&mut self, key: u64, message: impl FnOnce(Option<String>) -> ServerMessage) {
        let Some(command) = self.one_shot.open.remove(&key) else { return };
        let message = message(command.id);
        match command.reply {
            Some(reply) => {
                let answer = self.reply(&command.caller, Some(message), None);
                let _ = reply.send(answer);
            }
            None => {
                if let Some(client) = self.attachments.client_mut(&command.client) {
                    client.outbound.queue_reply(message);
                }
            }
        }
    }
}
