//! How a session ends: asked to, or by itself, and what is swept up after it.

use super::actor::{Actor, Ending, HANG_UP_GRACE};
use super::client::Client;
use shared_protocol::{EndReason, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// How long a session that is over goes on telling its clients so.
const LINGER: Duration = Duration::from_secs(10);

impl Actor {
    /// Asks the shell to end. What follows is the same as when it exits by itself.
    pub(super) fn end(&mut self, reason: EndReason) {
        if self.ending.is_some() {
            return;
        }
        self.reason = reason;
        self.ending = Some(Ending::HangingUp { kill_at: Instant::now() + HANG_UP_GRACE });
        let processes = self.pty.processes();
        tokio::task::spawn_blocking(move || processes.hang_up());
    }

    pub(super) fn exited(&mut self) {
        let Some(exit) = self.pty.exit() else {
            tracing::warn!(session = %self.id, "the shell was said to be over but is not");
            return;
        };
        // What was printed last is still in the terminal; background processes may print for ever.
        self.read_output();
        self.output_over = true;
        let steps = self.commands.shell_ended(exit.code);
        self.take_steps(steps);
        tracing::info!(session = %self.id, code = exit.code, reason = ?self.reason, "session over");
        self.log.push_event(StreamEvent::Exit { exit_code: exit.code, signal: exit.signal, reason: self.reason });
        self.ending = Some(Ending::Over { until: Instant::now() + LINGER });
    }

    /// Whether it is over and everyone who listens has heard so.
    pub(super) fn is_gone(&mut self) -> bool {
        let Some(Ending::Over { until }) = self.ending else { return false };
        let (end, now) = (self.log.end(), Instant::now());
        let waits = |client: &mut Client| !client.plain && client.sending.acked < end && client.is_followed(now);
        until <= now || !self.clients.values_mut().any(waits)
    }

    /// Ends every process that the shell left behind.
    pub(super) async fn sweep(&mut self) {
        let processes = self.pty.processes();
        let swept = tokio::task::spawn_blocking(move || {
            // A process may start another while it is being looked for: look again until none is found.
            (0..10).find(|_| processes.kill() == 0)
        });
        if !matches!(swept.await, Ok(Some(_))) {
            tracing::warn!(session = %self.id, "processes of the session may be left");
        }
    }
}
