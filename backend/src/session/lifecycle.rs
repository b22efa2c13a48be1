//! Causes of a session's end: a request, a timeout, a quota, the shell's exit, or a lost lease.

use super::actor::Actor;
use super::handle::SessionError;
use super::recorder::Recorder;
use super::termination::{HANG_UP_TIMEOUT, sweep};
use crate::audit::{By, audit};
use shared_protocol::{EndReason, StreamEvent};
use std::future::poll_fn;
use tokio::time::Instant;

impl Actor {
    /// Asks the shell to end, unless it was asked before.
    pub(super) fn end(&mut self, reason: EndReason) {
        if !self.termination.is_running() {
            return;
        }
        if matches!(reason, EndReason::ServerRestart | EndReason::Limits) {
            let at = self.clock.now_ms() + HANG_UP_TIMEOUT.as_millis() as u64;
            self.log.push_event(StreamEvent::Closing { code: reason.code(), reason, at });
        }
        self.termination.hang_up(reason, self.terminal.processes());
    }

    pub(super) fn end_if_due(&mut self) {
        if self.termination.is_running()
            && let Some(reason) = self.expiry.due(self.now())
        {
            self.end(reason);
        }
    }

    pub(super) fn warn_of_ends(&mut self) {
        if self.termination.is_running() {
            for event in self.expiry.due_events(self.now()) {
                self.log.push_event(event);
            }
        }
    }

    pub(super) fn quota_changed(&mut self) {
        let exceeded = self.terminal.processes().quota_exceeded();
        self.expiry.over_quota(exceeded.is_some(), Instant::now());
        let Some(exceeded) = exceeded.filter(|_| self.termination.is_running()) else { return };
        tracing::warn!(session = %self.id, %exceeded, "a session uses more than it may");
        let outlook = if exceeded.is_hard() { "it ends now" } else { "it ends unless it soon uses less" };
        let notice = format!("\r\n\x1b[0;7m This session uses {exceeded}: {outlook} \x1b[0m\r\n");
        self.log.push_bytes(notice.as_bytes());
        if exceeded.is_hard() {
            self.end(EndReason::Limits);
        }
    }

    pub(super) fn shell_exited(&mut self) {
        let Some(exit) = self.terminal.exited(&mut self.log, &mut self.events) else {
            tracing::warn!(session = %self.id, "the shell was said to be over but is not");
            return;
        };
        self.apply_events();
        let reason = self.termination.reason;
        let by = By { session: self.id.as_str(), ..By::NONE };
        audit!(End, by, { code = exit.code, ?reason, }, "session over");
        self.log.push_event(StreamEvent::Exit { exit_code: exit.code, signal: exit.signal, reason });
        self.termination.exited(self.clock.now_ms());
    }

    /// Records the session from its beginning.
    pub(super) fn set_recorder(&mut self, recorder: Recorder) {
        self.frames.room.recording = recorder.told();
        // A recording has a marker for each.
        self.terminal.tells_commands |= recorder.is_on();
        if recorder.has_input() {
            self.terminal.record_keys();
        }
        self.recorder = recorder;
    }

    /// Hands what happened to the recording, and says so where that ends.
    pub(super) fn record(&mut self) {
        if self.termination.is_over() {
            self.recorder.take_all();
        }
        if self.recorder.follow(&mut self.log, &mut self.terminal) {
            self.announce_people();
        }
    }

    /// True if the session is over and every client has heard so, or has had the time to.
    pub(super) fn is_done(&self) -> bool {
        let now = Instant::now();
        self.termination.is_over()
            && (self.termination.has_lingered(now)
                || !self.attachments.clients().any(|(_, client)| !client.one_shot && client.outbound.link.is_live()))
    }

    /// Kills the shell silently: another instance has the session, and speaks for it.
    pub(super) async fn abandon(&mut self) {
        self.termination.migrate();
        self.recorder.take_all();
        self.recorder.follow(&mut self.log, &mut self.terminal);
        sweep(&self.id, &*self.terminal.processes()).await;
        let exit = poll_fn(|context| self.terminal.poll_exit(context));
        if tokio::time::timeout(HANG_UP_TIMEOUT, exit).await.is_err() || !self.terminal.has_exited() {
            tracing::warn!(session = %self.id, "the shell was not seen to end");
        }
    }

    /// The error for a message that would change a session that is over.
    pub(super) fn ended_error(&self) -> Option<SessionError> {
        self.termination.is_over().then(SessionError::ended)
    }
}
