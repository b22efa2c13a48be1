//! Metrics of HTTP requests, from outside and between instances, and of this instance.

use super::families::{EnumFamily, Families, Label};
use super::labels::{AuthFailure, ForwardOutcome};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use std::time::Duration;

/// Seconds: from a look-up in memory to a one-shot command, which may run for 20 s.
const REQUEST_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 20.0];

/// The HTTP surface.
#[derive(Debug)]
pub struct RequestMetrics {
    responses: Family<[Label; 2], Counter>,
    durations: Family<[Label; 1], Histogram, fn() -> Histogram>,
    forwards: EnumFamily<ForwardOutcome, Counter>,
    forward_durations: Histogram,
    auth_failures: EnumFamily<AuthFailure, Counter>,
    isolation: Family<[Label; 1], Gauge>,
}

impl RequestMetrics {
    pub(super) fn new(families: &mut Families) -> Self {
        families.info("build", "Version of the service", [("version", env!("CARGO_PKG_VERSION").into())]);
        let histogram: fn() -> Histogram = || Histogram::new(REQUEST_BUCKETS);
        Self {
            responses: families.add(
                "http_requests",
                None,
                "HTTP requests, by route pattern and status",
                Family::default(),
            ),
            durations: families.add(
                "http_request_duration",
                Some(Unit::Seconds),
                "Duration of HTTP requests in seconds, by route pattern; without long polls and WebSockets",
                Family::new_with_constructor(histogram),
            ),
            forwards: families.enumerate(
                "forwards",
                "outcome",
                None,
                "Requests forwarded to the instance that owns the session, by outcome",
            ),
            forward_durations: families.add(
                "forward_duration",
                Some(Unit::Seconds),
                "Time until another instance responded in seconds; without long polls",
                histogram(),
            ),
            auth_failures: families.enumerate(
                "auth_failures",
                "reason",
                None,
                "Requests without a valid token, by reason",
            ),
            isolation: families.add(
                "isolation",
                None,
                "Isolation of sessions: 1 for the level of this instance",
                Family::default(),
            ),
        }
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
