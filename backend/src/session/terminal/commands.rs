//! Commands that the service types at the prompt, and what becomes of them.

use super::{OutputLog, Terminal, TerminalEvent};
use crate::session::command::{Finished, Step};
use crate::session::one_shot::Origin;
use shared_protocol::{ErrorCode, StreamEvent};
use tokio::time::Instant;

impl Terminal {
    pub(super) fn run_steps(&mut self, steps: Vec<Step<Origin>>, log: &mut OutputLog, events: &mut Vec<TerminalEvent>) {
        for step in steps {
            match step {
                Step::Type(bytes) => {
                    self.prompt.typed();
                    self.write(None, bytes);
                }
                Step::Finished(Finished { origin, result, truncated, code }) => match origin {
                    Origin::Client { id, .. } => {
                        log.push_event(StreamEvent::CommandResult { id, result, truncated, exit_code: code });
                    }
                    Origin::OneShot(key) => {
                        events.push(TerminalEvent::OneShotFinished { key, result, truncated, code });
                    }
                },
                Step::Busy(origin) => {
                    let code = if self.pty.prints_marks() { ErrorCode::Busy } else { ErrorCode::NoPromptMarks };
                    events.push(TerminalEvent::CommandRejected(origin, code));
                }
                Step::Unmarked(origin) => {
                    events.push(TerminalEvent::CommandRejected(origin, ErrorCode::NoPromptMarks));
                }
            }
        }
    }

    /// Runs a command at the next empty prompt. Rejects it at once if none will come.
    pub(in crate::session) fn run_command(
        &mut self,
        origin: Origin,
        line: String,
        log: &mut OutputLog,
        events: &mut Vec<TerminalEvent>,
    ) {
        let steps = if self.commands.is_near_prompt() || self.pty.prints_marks() {
            self.commands.request(origin, line, Instant::now())
        } else {
            vec![Step::Unmarked(origin)]
        };
        self.run_steps(steps, log, events);
    }
}
