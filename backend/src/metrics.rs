//! What the service counts, for `/metrics`. A part like the clock: each service has its own, so nothing is global and tests
//! count alone. Knows neither sessions nor stores; each of them counts by one line where it happens.

mod echo;
mod families;
mod guard;
mod labels;
mod process;
mod requests;
mod sessions;
mod stored;
mod streams;

pub use echo::EchoWatch;
pub use families::{Described, Each};
pub use guard::Guard;
pub use labels::{Door, Forwarding, Frame, Heard, Operation, Phase, Refused, Repair, Skip, Word};
pub use requests::Requests;
pub use sessions::Sessions;
pub use stored::Stored;
pub use streams::Streams;

use families::Families;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// What [`Metrics::text`] is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every family of one service. No label may hold anything that a user chooses: each value is a word of this program's.
#[derive(Debug)]
pub struct Metrics {
    /// Sessions and who is there.
    pub sessions: Sessions,
    /// What runs through them.
    pub streams: Streams,
    /// Requests from outside, and to other instances.
    pub requests: Requests,
    /// Calls of the store.
    pub stored: Stored,
    registry: Registry,
    described: Vec<Described>,
}

impl Metrics {
    /// All at zero. `started_at` is when the process began, in ms since 1970.
    pub fn new(started_at: u64) -> Arc<Self> {
        let mut families = Families::default();
        let sessions = Sessions::new(&mut families);
        let streams = Streams::new(&mut families);
        let requests = Requests::new(&mut families);
        let stored = Stored::new(&mut families);
        let (registry, described) = families.finish(started_at);
        Arc::new(Self { sessions, streams, requests, stored, registry, described })
    }

    /// All of them as OpenMetrics text, which Prometheus reads too.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Every family, for the documentation.
    pub fn described(&self) -> &[Described] {
        &self.described
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_family_says_what_it_is_and_stands_in_the_manual() {
        let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operate.md");
        let manual = std::fs::read_to_string(manual).unwrap();
        let metrics = Metrics::new(0);
        let names: BTreeSet<_> = metrics.described().iter().map(|family| family.name.as_str()).collect();
        assert_eq!(names.len(), metrics.described().len(), "each name once");
        for family in metrics.described() {
            assert!(family.help.len() > 10, "{}", family.name);
        }
        let rows = manual.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next());
        let mut rows: Vec<_> =
            rows.filter(|name| name.starts_with("termgate_") || name.starts_with("process_")).collect();
        rows.sort_unstable();
        let names: Vec<_> = names.into_iter().collect();
        assert_eq!(rows, names, "docs/operate.md has one row for each family");
    }

    #[tokio::test]
    async fn what_is_shown_was_described() {
        let metrics = Metrics::new(1_700_000_000_000);
        metrics.requests.answered("/health", 200, Some(std::time::Duration::from_millis(2)));
        metrics.requests.isolation("none");
        metrics.stored.called(Operation::Beat, std::time::Duration::from_millis(1), true);
        let text = metrics.text();
        let shown: BTreeSet<_> =
            text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
        let described: BTreeSet<_> = metrics.described().iter().map(|family| family.name.as_str()).collect();
        assert_eq!(shown, described, "in the text as they are described");
        assert!(text.contains("process_start_time_seconds 1700000000\n"), "{text}");
        assert!(text.contains("termgate_http_requests_total{route=\"/health\",status=\"200\"} 1\n"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
