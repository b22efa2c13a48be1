//! A line that is offered to be typed.

use super::Terminal;
use crate::session::handle::SessionError;
use shared_protocol::ErrorCode;
use tokio::time::Instant;

impl Terminal {
    /// The keys that type the line at the empty prompt, or why there is none: elsewhere the line would reach a program, or
    /// complete another one.
    pub(in crate::session) fn offered(&self, line: &str, now: Instant) -> Result<Vec<u8>, SessionError> {
        if let Some(keys) = self.commands.offered(line, now) {
            return Ok(keys.into_bytes());
        }
        Err(if self.commands.is_near_prompt() || self.pty.prints_marks() {
            SessionError::new(ErrorCode::Busy, "a line is typed only at an empty prompt; this one was not")
        } else {
            SessionError::new(ErrorCode::NoPromptMarks, "this shell does not mark its prompts; copy the line instead")
        })
    }
}
