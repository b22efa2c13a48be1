//! The end of a session: hanging up, killing, a time to tell its clients, and the cleanup of its processes and files.

use crate::metrics::{GaugeGuard, Metrics, Phase};
use crate::terminal::ProcessGroup;
use shared_protocol::{EndReason, SessionId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Time between a hang-up and the kill, and between two kills.
pub(super) const HANG_UP_TIMEOUT: Duration = Duration::from_millis(1500);

/// Time that an ended session tells its clients so: enough for one loss and one repair.
const LINGER: Duration = Duration::from_secs(4);

/// The same while the service shuts down, which has a deadline of its own.
const LINGER_IN_DRAIN: Duration = Duration::from_secs(1);

/// Time between two looks for clients that still have to be told.
const LINGER_INTERVAL: Duration = Duration::from_secs(1);

/// Time that leftover processes are looked for.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(2);

/// Time between two looks for leftover processes.
const SWEEP_INTERVAL: Duration = Duration::from_millis(20);

/// Result of a session's task.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    /// The session has ended.
    Ended {
        reason: EndReason,
        /// End of the shell, in ms since 1970.
        at: u64,
    },
    /// Another instance has the session.
    LeaseLost,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Running,
    /// The shell was told to hang up; it is killed at this time.
    HangingUp {
        kill_at: Instant,
    },
    /// The shell is over; the task tells its clients until this time.
    Over {
        until: Instant,
    },
}

/// Progress of a session towards its end. It only moves forward.
pub(super) struct Termination {
    state: State,
    /// Reason of the end; `Exited` unless the session was asked to end.
    pub(super) reason: EndReason,
    /// End of the shell, in ms since 1970: a token issued later may create the session again. 0 before.
    ended_at_ms: u64,
    /// True if the session continues elsewhere. Shared with its handles.
    migrating: Arc<AtomicBool>,
    /// Counts the session in its phase.
    _phase: GaugeGuard,
    metrics: Arc<Metrics>,
}

impl Termination {
    pub(super) fn new(migrating: Arc<AtomicBool>, metrics: Arc<Metrics>) -> Self {
        let _phase = metrics.sessions.enter(Phase::Running);
        Self { state: State::Running, reason: EndReason::Exited, ended_at_ms: 0, migrating, _phase, metrics }
    }

    /// True until the shell is told to hang up, or exits.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Running)
    }

    /// True once the shell has exited.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over { .. })
    }

    pub(super) fn outcome(&self) -> Outcome {
        Outcome::Ended { reason: self.reason, at: self.ended_at_ms }
    }

    pub(super) fn migrate(&self) {
        self.migrating.store(true, Ordering::Release);
    }

    /// Tells the shell to hang up. Its exit then follows as if it ended by itself.
    pub(super) fn hang_up(&mut self, reason: EndReason, processes: Arc<dyn ProcessGroup>) {
        self.migrating.store(reason == EndReason::ServerRestart, Ordering::Release);
        self.reason = reason;
        self._phase = self.metrics.sessions.enter(Phase::Ending);
        self.state = State::HangingUp { kill_at: Instant::now() + HANG_UP_TIMEOUT };
        // If it fails, the processes are killed a little later.
        tokio::spawn(async move { processes.hang_up().await });
    }

    /// Kills a shell that did not hang up in time.
    pub(super) fn kill_if_due(&mut self, now: Instant, processes: impl FnOnce() -> Arc<dyn ProcessGroup>) {
        if matches!(self.state, State::HangingUp { kill_at } if kill_at <= now) {
            self.state = State::HangingUp { kill_at: now + HANG_UP_TIMEOUT };
            let processes = processes();
            tokio::spawn(async move { processes.kill().await });
        }
    }

    pub(super) fn exited(&mut self, now_ms: u64) {
        self.ended_at_ms = now_ms;
        self._phase = self.metrics.sessions.enter(Phase::Ending);
        let linger = if self.reason == EndReason::ServerRestart { LINGER_IN_DRAIN } else { LINGER };
        self.state = State::Over { until: Instant::now() + linger };
    }

    /// True if the session is over and its clients have had time to hear so.
    pub(super) fn has_lingered(&self, now: Instant) -> bool {
        matches!(self.state, State::Over { until } if until <= now)
    }

    /// Time of the next step; `None` while the session runs.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Running => None,
            State::HangingUp { kill_at } => Some(kill_at),
            // Looks again now and then: a relay may end silently.
            State::Over { until } => Some(until.min(now + LINGER_INTERVAL)),
        }
    }
}

/// Kills every process that the shell left behind, then removes their files.
pub(super) async fn sweep(session: &SessionId, processes: &dyn ProcessGroup) {
    let deadline = Instant::now() + SWEEP_TIMEOUT;
    // A process may start another during the scan, and takes a moment to die: repeat until none is found.
    while !matches!(processes.kill().await, Ok(0)) {
        if deadline <= Instant::now() {
            tracing::warn!(%session, "processes of the session may be left");
            break;
        }
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
    if let Err(error) = processes.clean().await {
        tracing::error!(%session, %error, "files of the session may be left");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::scripted::Script;

    fn kills(termination: &mut Termination, now: Instant) -> bool {
        let mut killed = None;
        termination.kill_if_due(now, || Arc::new(killed.insert(Script::default()).clone()));
        killed.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_shell_that_hangs_up_too_slowly_is_killed() {
        let (mut termination, start) = (Termination::new(Arc::default(), Metrics::new(0)), Instant::now());
        assert!(termination.is_running() && !kills(&mut termination, start + LINGER));
        termination.hang_up(EndReason::Idle, Arc::new(Script::default()));
        for due in [start + HANG_UP_TIMEOUT, start + HANG_UP_TIMEOUT * 2] {
            assert_eq!(termination.deadline(start), Some(due));
            assert!(kills(&mut termination, due) && !kills(&mut termination, due), "once for each timeout");
        }
        termination.exited(7);
        assert!(termination.is_over() && !kills(&mut termination, start + LINGER));
        assert!(matches!(termination.outcome(), Outcome::Ended { reason: EndReason::Idle, at: 7 }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_of_the_service_migrates_and_lingers_for_a_shorter_time() {
        for (reason, linger) in [(EndReason::Idle, LINGER), (EndReason::ServerRestart, LINGER_IN_DRAIN)] {
            let (mut termination, start) = (Termination::new(Arc::default(), Metrics::new(0)), Instant::now());
            termination.hang_up(reason, Arc::new(Script::default()));
            assert_eq!(termination.migrating.load(Ordering::Acquire), reason == EndReason::ServerRestart);
            termination.exited(7);
            let phases =
                [Phase::Running, Phase::Ending].map(|phase| termination.metrics.sessions.phases.of(phase).get());
            assert_eq!(phases, [0, 1], "one phase at a time");
            let lingered =
                [linger - Duration::from_millis(1), linger].map(|time| termination.has_lingered(start + time));
            assert_eq!(lingered, [false, true]);
        }
    }
}
