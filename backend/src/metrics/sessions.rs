//! Sessions and who is there: how many, how they begin and how they end.

use super::families::{Each, Families};
use super::guard::Guard;
use super::labels::{Door, Phase};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use shared_protocol::{EndReason, Role};

/// Seconds: a fork takes a millisecond, a machine that swaps takes seconds.
const START: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Sessions of this instance.
#[derive(Debug)]
pub struct Sessions {
    /// How many there are.
    pub phases: Each<Phase, Gauge>,
    /// Pages that are attached.
    pub clients: Each<Role, Gauge>,
    /// Connections that speak in a session.
    pub connections: Each<Door, Gauge>,
    /// From the decision to start a shell to a shell.
    pub shell_start: Histogram,
    /// Shells that could not be started.
    pub start_failures: Counter,
    /// Ends that were final.
    pub ended: Each<EndReason, Counter>,
    /// Sessions that were started anew in a new life, by how the last one was lost.
    pub takeovers: Each<EndReason, Counter>,
    /// Sessions that ran here and were found to be another instance's.
    pub ownership_losses: Counter,
    /// Heartbeats that the store did not take.
    pub heartbeat_failures: Counter,
}

impl Sessions {
    pub(super) fn new(families: &mut Families) -> Self {
        Self {
            phases: families.each("sessions", "state", None, "Sessions with a shell in this instance, by where they stand"),
            clients: families.each("clients", "role", None, "Pages and scripts attached to a session, by role"),
            connections: families.each(
                "connections",
                "door",
                None,
                "Connections that speak in a session, by the way they come: through the gateway, or directly by WebSocket",
            ),
            shell_start: families.seconds("shell_start", "Time to open a terminal and start a shell in it, in seconds", START),
            start_failures: families.counter("shell_start_failures", "Shells that could not be started"),
            ended: families.each("sessions_ended", "reason", None, "Sessions that ended here, by reason"),
            takeovers: families.each(
                "takeovers",
                "reason",
                None,
                "Sessions whose shell was started anew here because the last one was lost, by how it was lost",
            ),
            ownership_losses: families.counter(
                "ownership_losses",
                "Sessions that this instance had to let go because another instance had taken them",
            ),
            heartbeat_failures: families.counter("heartbeat_failures", "Heartbeats that the store did not take"),
        }
    }

    /// A session stands here for as long as the guard lives.
    pub fn enter(&self, phase: Phase) -> Guard {
        Guard::new(self.phases.of(phase))
    }

    /// A page is attached for as long as the guard lives.
    pub fn attached(&self, role: Role) -> Guard {
        Guard::new(self.clients.of(role))
    }

    /// A connection is there for as long as the guard lives.
    pub fn connected(&self, direct: bool) -> Guard {
        Guard::new(self.connections.of(if direct { Door::Direct } else { Door::Gateway }))
    }
}
