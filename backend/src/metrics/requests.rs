//! Requests from outside, requests to other instances, and what this instance is.

use super::families::{Each, Families, Label};
use super::labels::{Forwarding, Refused};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use std::time::Duration;

/// Seconds: from a look-up in memory to a plain command, which is waited for.
const ANSWER: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 20.0];

fn answers() -> Histogram {
    Histogram::new(ANSWER)
}

/// The HTTP surface.
#[derive(Debug)]
pub struct Requests {
    answers: Family<[Label; 2], Counter>,
    durations: Family<[Label; 1], Histogram, fn() -> Histogram>,
    forwards: Each<Forwarding, Counter>,
    forward_durations: Histogram,
    tokens_refused: Each<Refused, Counter>,
    isolation: Family<[Label; 1], Gauge>,
}

impl Requests {
    pub(super) fn new(families: &mut Families) -> Self {
        families.info("build", "Version of the service", [("version", env!("CARGO_PKG_VERSION").into())]);
        let durations = Family::new_with_constructor(answers as fn() -> Histogram);
        Self {
            answers: families.add(
                "http_requests",
                None,
                "HTTP requests, by pattern of the path and status of the answer",
                Family::default(),
            ),
            durations: families.add(
                "http_request_duration",
                Some(Unit::Seconds),
                "Time to answer an HTTP request in seconds, by pattern of the path; without those that wait for output, and without WebSockets",
                durations,
            ),
            forwards: families.each(
                "forwards",
                "outcome",
                None,
                "Requests passed on to the instance that has the session, by outcome",
            ),
            forward_durations: families.add(
                "forward_duration",
                Some(Unit::Seconds),
                "Time until another instance answered in seconds; without requests that wait for output",
                answers(),
            ),
            tokens_refused: families.each("tokens_refused", "why", None, "Requests without a usable token, by what is wrong with it"),
            isolation: families.add(
                "isolation",
                None,
                "How sessions are kept apart: 1 for the level that this instance has",
                Family::default(),
            ),
        }
    }

    /// A request for this pattern was answered. `took` is none where the time says nothing.
    pub fn answered(&self, route: &str, status: u16, took: Option<Duration>) {
        let route: [Label; 1] = [("route", route.to_owned().into())];
        if let Some(took) = took {
            self.durations.get_or_create(&route).observe(took.as_secs_f64());
        }
        let [route] = route;
        self.answers.get_or_create(&[route, ("status", status.to_string().into())]).inc();
    }

    /// A request was passed on. `took` is none where the time says nothing.
    pub fn forwarded(&self, outcome: Forwarding, took: Option<Duration>) {
        self.forwards.of(outcome).inc();
        if let Some(took) = took {
            self.forward_durations.observe(took.as_secs_f64());
        }
    }

    /// A token was refused.
    pub fn token_refused(&self, why: impl Into<Refused>) {
        self.tokens_refused.of(why.into()).inc();
    }

    /// Sessions of this instance are kept apart like this.
    pub fn isolation(&self, level: &'static str) {
        self.isolation.get_or_create(&[("level", level.into())]).set(1);
    }
}
