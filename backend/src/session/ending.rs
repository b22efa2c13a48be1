//! How a session ends: asked to, or by itself, and what is swept up after it.

use super::actor::{Actor, Ending, HANG_UP_GRACE};
use super::client::Client;
use crate::metrics::Phase;
use crate::terminal::Interest;
use shared_protocol::{EndReason, StreamEvent};
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// How long a session that is over goes on telling its clients so: one loss and one repair.
const LINGER: Duration = Duration::from_secs(4);

/// The same while the service is being replaced, which has a deadline of its own.
const LINGER_IN_DRAIN: Duration = Duration::from_secs(1);

/// How long leftover processes are looked for, and how often.
const SWEEP_PATIENCE: Duration = Duration::from_secs(2);
const SWEEP_PAUSE: Duration = Duration::from_millis(20);

impl Actor {
    /// Asks the shell to end. What follows is the same as when it exits by itself.
    pub(super) fn end(&mut self, reason: EndReason) {
        if self.ending.is_some() {
            return;
        }
        if matches!(reason, EndReason::ServerRestart | EndReason::Limits) {
            let at = self.clock.now_ms() + HANG_UP_GRACE.as_millis() as u64;
            self.log.push_event(StreamEvent::Closing { code: reason.code(), reason, at });
        }
        self.migrating.store(reason == EndReason::ServerRestart, Ordering::Release);
        self.reason = reason;
        self._counted = self.metrics.sessions.enter(Phase::Ending);
        self.ending = Some(Ending::HangingUp { kill_at: Instant::now() + HANG_UP_GRACE });
        let processes = self.pty.processes();
        // If it fails they are killed a little later.
        tokio::spawn(async move { processes.hang_up().await });
    }

    /// Ends the session when its time is up.
    pub(super) fn end_when_due(&mut self) {
        if self.ending.is_none()
            && let Some(reason) = self.life.due(self.moment())
        {
            self.end(reason);
        }
    }

    /// Somebody asks for more time, and is there.
    pub(super) fn extend(&mut self, now: Instant) {
        self.life.activity(now);
        if self.ending.is_none() && self.life.extend(now) {
            let (at, can_extend) = self.life.longest(self.moment());
            self.log.push_event(StreamEvent::Ends { at, can_extend });
        }
    }

    /// Says that an end is near, or not any more.
    pub(super) fn announce(&mut self) {
        if self.ending.is_none() {
            for event in self.life.announce(self.moment()) {
                self.log.push_event(event);
            }
        }
    }

    /// The session uses more than it may, or not any more.
    pub(super) fn overused(&mut self) {
        let overuse = self.pty.processes().quota_exceeded();
        self.life.overused(overuse.is_some(), Instant::now());
        let Some(overuse) = overuse.filter(|_| self.ending.is_none()) else { return };
        tracing::warn!(session = %self.id, %overuse, "a session uses more than it may");
        let outlook = if overuse.is_hard() { "it ends now" } else { "it ends unless it soon uses less" };
        let notice = format!("\r\n\x1b[0;7m This session uses {overuse}: {outlook} \x1b[0m\r\n");
        self.print(notice.as_bytes());
        if overuse.is_hard() {
            self.end(EndReason::Limits);
        }
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
        // The exit is the last of its epoch, so a title in the last output comes before it.
        self.catch_up();
        tracing::info!(session = %self.id, code = exit.code, reason = ?self.reason, "session over");
        self.log.push_event(StreamEvent::Exit { exit_code: exit.code, signal: exit.signal, reason: self.reason });
        self.ended_at_ms = self.clock.now_ms();
        self._counted = self.metrics.sessions.enter(Phase::Ending);
        let linger = if self.reason == EndReason::ServerRestart { LINGER_IN_DRAIN } else { LINGER };
        self.ending = Some(Ending::Over { until: Instant::now() + linger });
    }

    /// Whether it is over and everyone who listens has heard so.
    pub(super) fn is_gone(&mut self) -> bool {
        let Some(Ending::Over { until }) = self.ending else { return false };
        let now = Instant::now();
        let waits = |client: &mut Client| !client.plain && client.is_followed(now);
        until <= now || !self.clients.values_mut().any(waits)
    }

    /// Ends the shell without a word: another instance has the session, and speaks for it.
    pub(super) async fn abandon(&mut self) {
        self.migrating.store(true, Ordering::Release);
        self.sweep().await;
        let nothing = Interest { read: false, write: false };
        let over = poll_fn(|context| self.pty.poll_event(context, nothing));
        if tokio::time::timeout(HANG_UP_GRACE, over).await.is_err() || self.pty.exit().is_none() {
            tracing::warn!(session = %self.id, "the shell was not seen to end");
        }
    }

    /// Ends every process that the shell left behind, then removes what they left.
    pub(super) async fn sweep(&mut self) {
        let deadline = Instant::now() + SWEEP_PATIENCE;
        let processes = self.pty.processes();
        // A process may start another while it is being looked for, and takes a moment to die: look again until none is found.
        loop {
            if matches!(processes.kill().await, Ok(0)) {
                break;
            }
            if deadline <= Instant::now() {
                tracing::warn!(session = %self.id, "processes of the session may be left");
                break;
            }
            tokio::time::sleep(SWEEP_PAUSE).await;
        }
        if let Err(error) = processes.clean().await {
            tracing::error!(session = %self.id, %error, "files of the session may be left");
        }
    }
}
