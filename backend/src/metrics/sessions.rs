//! Metrics of sessions: how many exist, how they start and how they end.

use super::families::{EnumFamily, Families};
use super::guard::GaugeGuard;
use super::labels::{Phase, Transport};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use shared_protocol::{EndReason, Role};

/// Seconds: a fork takes 1 ms, a machine that swaps takes seconds.
const START_BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Sessions of this instance.
#[derive(Debug)]
pub struct SessionMetrics {
    /// Sessions with a shell.
    pub phases: EnumFamily<Phase, Gauge>,
    /// Attached clients.
    pub clients: EnumFamily<Role, Gauge>,
    /// Connections in a session.
    pub connections: EnumFamily<Transport, Gauge>,
    /// Time to start a shell.
    pub shell_start: Histogram,
    /// Shells that failed to start.
    pub start_failures: Counter,
    /// Sessions that ended for good.
    pub ended: EnumFamily<EndReason, Counter>,
    /// Sessions restarted here in a new epoch, by how the previous shell was lost.
    pub takeovers: EnumFamily<EndReason, Counter>,
    /// Sessions that another instance took over while they ran here.
    pub ownership_losses: Counter,
    /// Heartbeats that the store did not accept.
    pub heartbeat_failures: Counter,
}

impl SessionMetrics {
    pub(super) fn new(families: &mut Families) -> Self {
        Self {
            phases: families.enumerate("sessions", "state", None, "Sessions with a shell in this instance, by state"),
            clients: families.enumerate("clients", "role", None, "Clients attached to a session, by role"),
            connections: families.enumerate(
                "connections",
                "transport",
                None,
                "Connections in a session, by transport: through the gateway, or direct by WebSocket",
            ),
            shell_start: families.seconds(
                "shell_start",
                "Time to open a terminal and start its shell, in seconds",
                START_BUCKETS,
            ),
            start_failures: families.counter("shell_start_failures", "Shells that failed to start"),
            ended: families.enumerate("sessions_ended", "reason", None, "Sessions that ended here, by reason"),
            takeovers: families.enumerate(
                "takeovers",
                "reason",
                None,
                "Sessions restarted here with a new shell, by how the previous shell was lost",
            ),
            ownership_losses: families
                .counter("ownership_losses", "Sessions that another instance took over while they ran here"),
            heartbeat_failures: families.counter("heartbeat_failures", "Heartbeats that the store did not accept"),
        }
    }

    /// Counts a session in a phase until the guard is dropped.
    pub fn enter(&self, phase: Phase) -> GaugeGuard {
        GaugeGuard::new(self.phases.of(phase))
    }

    /// Counts an attached client until the guard is dropped.
    pub fn attached(&self, role: Role) -> GaugeGuard {
        GaugeGuard::new(self.clients.of(role))
    }

    /// Counts a connection until the guard is dropped.
    pub fn connected(&self, direct: bool) -> GaugeGuard {
        GaugeGuard::new(self.connections.of(if direct { Transport::WebSocket } else { Transport::Gateway }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels::LabelValue;
    use super::*;

    #[test]
    fn a_session_is_in_one_phase_at_a_time() {
        let metrics = SessionMetrics::new(&mut Families::default());
        let count = |phase| metrics.phases.of(phase).get();
        let mut guard = metrics.enter(Phase::Starting);
        assert_eq!((count(Phase::Starting), count(Phase::Running), count(Phase::Ending)), (1, 0, 0));
        for phase in [Phase::Running, Phase::Ending] {
            drop(std::mem::replace(&mut guard, metrics.enter(phase)));
            let total = Phase::ALL.iter().map(|phase| count(*phase)).sum::<i64>();
            assert_eq!((total, count(phase)), (1, 1));
        }
        drop(guard);
        assert_eq!(count(Phase::Ending), 0);
    }
}
