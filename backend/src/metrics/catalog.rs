//! Every family of the service, by the part that records it.

use super::families::{EnumFamily, Families, Label};
use super::guard::GaugeGuard;
use super::labels::{
    AuthFailure, CheckOutcome, Deletion, ForwardOutcome, FrameKind, LabelValue, MessageType, Operation, Phase,
    RetransmissionCause, SnapshotCause, TransferOutcome, TransferWay, Transport,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use shared_protocol::{EndReason, ErrorCode, Role, ServerMessage};
use std::time::Duration;

/// Seconds: a fork takes 1 ms, a machine that swaps takes seconds.
const START_BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Seconds: the kernel alone takes 10 µs, and people notice 0.1 s.
const ECHO_BUCKETS: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// Seconds: from a look-up in memory to a one-shot command, which may run for 20 s.
const REQUEST_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 20.0];

/// Seconds: a store in memory takes microseconds, Redis in the same region 1 ms; no caller waits for longer than 5 s.
const CALL_BUCKETS: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Declares metrics: each with its type, the method of [`Families`] that registers it, its name, and its help text, which
/// documents the field too.
macro_rules! families {
    ($(#[$about:meta])* $name:ident { $($field:ident: $type:ty = $make:ident($family:literal, $help:literal $(, $rest:expr)*);)* }) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $name { $(#[doc = $help] pub $field: $type,)* }

        impl $name {
            pub(super) fn new(families: &mut Families) -> Self {
                Self { $($field: families.$make($family, $help $(, $rest)*),)* }
            }
        }
    };
}

families! {
    /// Sessions of this instance and their clients.
    SessionMetrics {
        phases: EnumFamily<Phase, Gauge> = enumerate("sessions", "Sessions with a shell in this instance, by state", "state");
        clients: EnumFamily<Role, Gauge> = enumerate("clients", "Clients attached to a session, by role", "role");
        connections: EnumFamily<Transport, Gauge> = enumerate("connections",
            "Connections in a session, by transport: through the gateway, direct by WebSocket, or by HTTP", "transport");
        held: Gauge = add("sessions_held",
            "Memory that the service holds for its sessions: screens, output, and what waits for clients, in bytes",
            Some(Unit::Bytes), Gauge::default());
        shell_start: Histogram = seconds("shell_start", "Time to open a terminal and start its shell, in seconds", START_BUCKETS);
        start_failures: Counter = counter("shell_start_failures", "Shells that failed to start");
        ended: EnumFamily<EndReason, Counter> = enumerate("sessions_ended", "Sessions that ended here, by reason", "reason");
        takeovers: EnumFamily<EndReason, Counter> = enumerate("takeovers",
            "Sessions restarted here with a new shell, by how the previous shell was lost", "reason");
        ownership_losses: Counter = counter("ownership_losses", "Sessions that another instance took over while they ran here");
        heartbeat_failures: Counter = counter("heartbeat_failures", "Heartbeats that the store did not accept");
        transfers: Family<[Label; 2], Counter> = add("file_transfers", "Transfers of files that are over, by way and outcome",
            None, Family::default());
        checks: EnumFamily<CheckOutcome, Counter> = enumerate("checks", "Checks of the platform that are done, by outcome", "outcome");
    }
}

impl SessionMetrics {
    /// Counts a session in a phase until the guard is dropped.
    pub fn enter(&self, phase: Phase) -> GaugeGuard {
        GaugeGuard::new(self.phases.of(phase))
    }

    /// Records the end of a transfer of a file.
    pub fn record_transfer(&self, way: TransferWay, outcome: TransferOutcome) {
        let labels = [("way", way.label_value()), ("outcome", outcome.label_value())];
        self.transfers.get_or_create(&labels).inc();
    }

    /// Counts an attached client until the guard is dropped.
    pub fn attached(&self, role: Role) -> GaugeGuard {
        GaugeGuard::new(self.clients.of(role))
    }

    /// Counts a connection until the guard is dropped.
    pub fn connected(&self, transport: Transport) -> GaugeGuard {
        GaugeGuard::new(self.connections.of(transport))
    }
}

families! {
    /// Terminals and their clients: bytes, frames, messages, and recovery from loss and slow clients.
    StreamMetrics {
        output: Counter = bytes("terminal_output", "Bytes of output read from terminals");
        input: Counter = bytes("terminal_input", "Bytes of input written to terminals");
        frames: EnumFamily<FrameKind, Counter> = enumerate("frames_sent", "Frames made for clients, by kind", "kind");
        frame_bytes: EnumFamily<FrameKind, Counter> = enumerate_with("frames_sent",
            "Size of the frames made for clients as JSON text in bytes, by kind", "kind", Some(Unit::Bytes), Counter::default);
        messages: EnumFamily<MessageType, Counter> = enumerate("messages_received", "Messages from clients, by type", "type");
        input_gaps: Counter = counter("input_gaps", "Clients notified that an input message did not arrive in time");
        retransmissions: EnumFamily<RetransmissionCause, Counter> = enumerate("retransmissions",
            "Ranges of the stream sent again: the client asked, or its acknowledgement was overdue", "cause");
        snapshots: EnumFamily<SnapshotCause, Counter> = enumerate("snapshots",
            "Snapshots sent instead of the stream, by cause", "cause");
        backpressure_pauses: Counter = counter("backpressure_pauses",
            "Times that a program was paused because its controlling page was behind");
        echo: Histogram = seconds("echo",
            "Time from input to the next output of a terminal, in seconds; one measurement at a time per session", ECHO_BUCKETS);
        errors: EnumFamily<ErrorCode, Counter> = enumerate("errors", "Error responses and error frames, by code", "code");
    }
}

impl StreamMetrics {
    /// Records a frame made for a client, of this size as JSON.
    pub fn record_frame(&self, message: &ServerMessage, bytes: usize) {
        let kind = FrameKind::from(message);
        self.frames.of(kind).inc();
        self.frame_bytes.of(kind).inc_by(bytes as u64);
        if let ServerMessage::Error(error) = message {
            self.record_error(error.code);
        }
    }

    /// Records a message from a client.
    pub fn record_message(&self, kind: impl Into<MessageType>) {
        self.messages.of(kind.into()).inc();
    }

    /// Records an error response or error frame.
    pub fn record_error(&self, code: ErrorCode) {
        self.errors.of(code).inc();
    }
}

families! {
    /// Relays: runs of the function that carry the frames of clients.
    RelayMetrics {
        running: Gauge = gauge("relays", "Relays that were granted and are not over");
        members: Gauge = gauge("relay_members", "Clients that a relay carries");
        waiting: Gauge = gauge("relay_questions_waiting", "Questions of relays that wait for a frame");
        floods: Gauge = gauge("relay_floods", "Relays that are for one client whose output pours");
        moves: Counter = counter("relay_moves", "Clients that moved to another relay by themselves");
        failed: Counter = counter("relay_frames_failed", "Frames that relays reported as not, or not certainly, posted");
        gone: Counter = counter("relay_connections_gone", "Connections that relays found closed");
        throttled: Counter = counter("relay_throttles",
            "Times that a relay began to report that API Gateway refuses posts of the whole account");
    }
}

impl RelayMetrics {
    /// Counts a relay until the guard is dropped.
    pub fn run(&self) -> GaugeGuard {
        GaugeGuard::new(&self.running)
    }

    /// Counts a client of a relay until the guard is dropped.
    pub fn carry(&self) -> GaugeGuard {
        GaugeGuard::new(&self.members)
    }

    /// Counts a relay for one client that pours until the guard is dropped.
    pub fn set_apart(&self) -> GaugeGuard {
        GaugeGuard::new(&self.floods)
    }

    /// Counts a question until the guard is dropped.
    pub fn wait(&self) -> GaugeGuard {
        GaugeGuard::new(&self.waiting)
    }
}

families! {
    /// HTTP requests, from outside and between instances.
    RequestMetrics {
        open: Gauge = gauge("http_requests_open", "HTTP requests without a response");
        responses: Family<[Label; 2], Counter> = add("http_requests", "HTTP requests, by route pattern and status", None, Family::default());
        durations: Family<[Label; 1], Histogram, fn() -> Histogram> = add("http_request_duration",
            "Duration of HTTP requests in seconds, by route pattern; without long polls and WebSockets",
            Some(Unit::Seconds), Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS.iter().copied())));
        forwards: EnumFamily<ForwardOutcome, Counter> = enumerate("forwards",
            "Requests forwarded to the instance that owns the session, by outcome", "outcome");
        forward_durations: Histogram = seconds("forward_duration",
            "Time until another instance responded in seconds; without long polls", REQUEST_BUCKETS);
        auth_failures: EnumFamily<AuthFailure, Counter> = enumerate("auth_failures", "Requests without a valid token, by reason", "reason");
        isolation: Family<[Label; 1], Gauge> = add("isolation",
            "Isolation of sessions: 1 for the level of this instance", None, Family::default());
    }
}

impl RequestMetrics {
    /// Counts a request until the guard is dropped.
    pub fn begin(&self) -> GaugeGuard {
        GaugeGuard::new(&self.open)
    }

    /// Records a response of this route; `took` is `None` if the duration must not count.
    pub fn record_response(&self, route: &str, status: u16, took: Option<Duration>) {
        let route: [Label; 1] = [("route", route.to_owned().into())];
        if let Some(took) = took {
            self.durations.get_or_create(&route).observe(took.as_secs_f64());
        }
        let [route] = route;
        self.responses.get_or_create(&[route, ("status", status.to_string().into())]).inc();
    }

    /// Records a forwarded request; `took` is `None` if the duration must not count.
    pub fn record_forward(&self, outcome: ForwardOutcome, took: Option<Duration>) {
        self.forwards.of(outcome).inc();
        if let Some(took) = took {
            self.forward_durations.observe(took.as_secs_f64());
        }
    }

    /// Records a request without a valid token.
    pub fn record_auth_failure(&self, reason: impl Into<AuthFailure>) {
        self.auth_failures.of(reason.into()).inc();
    }

    /// Exposes the isolation level of this instance.
    pub fn set_isolation(&self, level: &'static str) {
        self.isolation.get_or_create(&[("level", level.into())]).set(1);
    }
}

families! {
    /// Recordings of sessions.
    RecordingMetrics {
        parts: Counter = counter("recording_parts", "Parts of recordings that the store took");
        failures: Counter = counter("recording_failures",
            "Recordings that could not begin, and attempts to write a part that failed");
        deleted: EnumFamily<Deletion, Counter> = enumerate("recordings_deleted",
            "Recordings deleted: because a person asked, or from a folder because of their age or of the size of all", "reason");
    }
}

families! {
    /// Events for the receiver of webhooks.
    WebhookMetrics {
        sent: Counter = counter("webhooks_sent", "Events that the receiver of webhooks took");
        refused: Counter = counter("webhooks_refused", "Attempts to send an event that failed");
        dropped: Counter = counter("webhooks_dropped", "Events that were not sent: too many waited, or for too long");
    }
}

families! {
    /// Calls of the store.
    StoreMetrics {
        durations: EnumFamily<Operation, Histogram> = enumerate_with("store_call_duration",
            "Duration of store calls in seconds, failed ones included, by operation", "operation", Some(Unit::Seconds),
            || Histogram::new(CALL_BUCKETS.iter().copied()));
        errors: EnumFamily<Operation, Counter> = enumerate("store_errors",
            "Store calls that failed, timed out or were abandoned, by operation", "operation");
    }
}

impl StoreMetrics {
    /// Records one call.
    pub fn record_call(&self, operation: Operation, took: Duration, succeeded: bool) {
        self.durations.of(operation).observe(took.as_secs_f64());
        if !succeeded {
            self.errors.of(operation).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantArray;

    #[test]
    fn a_session_is_in_one_phase_at_a_time() {
        let metrics = SessionMetrics::new(&mut Families::default());
        let count = |phase| metrics.phases.of(phase).get();
        let mut guard = metrics.enter(Phase::Starting);
        assert_eq!((count(Phase::Starting), count(Phase::Running), count(Phase::Ending)), (1, 0, 0));
        for phase in [Phase::Running, Phase::Ending] {
            drop(std::mem::replace(&mut guard, metrics.enter(phase)));
            let total = Phase::VARIANTS.iter().map(|phase| count(*phase)).sum::<i64>();
            assert_eq!((total, count(phase)), (1, 1));
        }
        drop(guard);
        assert_eq!(count(Phase::Ending), 0);
    }
}
