//! The metrics of the service, for `/metrics`. An instance is a dependency like the clock, not a global, so each test has its
//! own. Knows neither sessions nor stores: they record each event in one line.

mod catalog;
mod echo;
mod families;
mod guard;
mod labels;
mod process;

pub use catalog::{
    RecordingMetrics, RelayMetrics, RequestMetrics, SessionMetrics, StoreMetrics, StreamMetrics, WebhookMetrics,
};
pub use echo::EchoTimer;
pub use families::EnumFamily;
pub use guard::GaugeGuard;
pub use labels::{
    AuthFailure, CheckOutcome, Deletion, ForwardOutcome, FrameKind, LabelValue, MessageType, Operation, Phase,
    RetransmissionCause, SnapshotCause, TransferOutcome, TransferWay, Transport,
};

use families::Families;
use process::Process;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// Content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of one service. No label holds text that a user chose: every value is a constant of this program.
#[derive(Debug)]
pub struct Metrics {
    /// Sessions and their clients.
    pub sessions: SessionMetrics,
    /// Streams between terminals and clients.
    pub streams: StreamMetrics,
    /// Relays and their clients.
    pub relays: RelayMetrics,
    /// Requests from outside and between instances.
    pub requests: RequestMetrics,
    /// Calls of the store.
    pub store: StoreMetrics,
    /// Recordings.
    pub recordings: RecordingMetrics,
    /// Webhooks.
    pub webhooks: WebhookMetrics,
    registry: Registry,
}

impl Metrics {
    /// Metrics at zero. `started_at` is the start of the process, in ms since 1970.
    pub fn new(started_at: u64) -> Arc<Self> {
        let mut families = Families::default();
        let sessions = SessionMetrics::new(&mut families);
        let streams = StreamMetrics::new(&mut families);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        families.register("build", None, "Version of the service", version);
        let relays = RelayMetrics::new(&mut families);
        let requests = RequestMetrics::new(&mut families);
        let store = StoreMetrics::new(&mut families);
        let recordings = RecordingMetrics::new(&mut families);
        let webhooks = WebhookMetrics::new(&mut families);
        let Families { mut registry } = families;
        registry.register_collector(Box::new(Process { started_at }));
        Arc::new(Self { sessions, streams, relays, requests, store, recordings, webhooks, registry })
    }

    /// All metrics as OpenMetrics text, which Prometheus reads too.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn every_family_is_exposed_with_a_help_text_and_documented() {
        let metrics = Metrics::new(1_700_000_000_000);
        // Families whose labels are not an enum have no value before this.
        metrics.requests.record_response("/health", 200, Some(Duration::from_millis(2)));
        metrics.sessions.record_transfer(TransferWay::Messages, TransferOutcome::BrokeOff);
        metrics.requests.set_isolation("none");
        let text = metrics.text();
        let mut names = Vec::new();
        for (name, help) in text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' ')) {
            assert!(help.len() > 10, "{name}");
            names.push(name);
        }
        // The debug text has each registered family, with values or without.
        let registered = format!("{:?}", metrics.registry).matches("Descriptor { name: ").count();
        let of_process = names.iter().filter(|name| name.starts_with("process_") || **name == "termgate_tasks").count();
        assert_eq!(names.len(), registered + of_process, "each is exposed once");
        let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operate.md");
        let manual = std::fs::read_to_string(manual).unwrap();
        let rows = manual.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next());
        let mut rows: Vec<_> =
            rows.filter(|name| name.starts_with("termgate_") || name.starts_with("process_")).collect();
        rows.sort_unstable();
        names.sort_unstable();
        assert_eq!(rows, names, "docs/operate.md has one row for each family");
        assert!(text.contains("process_start_time_seconds 1700000000\n"), "{text}");
        assert!(text.contains("termgate_http_requests_total{route=\"/health\",status=\"200\"} 1\n"), "{text}");
        let transfer = "termgate_file_transfers_total{way=\"messages\",outcome=\"broke_off\"} 1\n";
        assert!(text.contains(transfer), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn deprecated_names_and_labels_show_the_same_numbers() {
        let metrics = Metrics::new(0);
        let _connection = metrics.sessions.connected(Transport::WebSocket);
        metrics.requests.record_auth_failure(AuthFailure::Expired);
        metrics.streams.backpressure_pauses.inc();
        metrics.streams.snapshots.of(SnapshotCause::Lost).inc();
        let text = metrics.text();
        for line in [
            "termgate_connections{transport=\"direct\",door=\"direct\"} 1",
            "termgate_auth_failures_total{reason=\"expired\"} 1",
            "termgate_tokens_refused_total{why=\"expired\"} 1",
            "# HELP termgate_tokens_refused Deprecated alias of termgate_auth_failures.",
            "termgate_backpressure_pauses_total 1",
            "termgate_hold_backs_total 1",
            "termgate_skips_total{cause=\"lost\"} 1",
            "# HELP termgate_skips Deprecated alias of termgate_snapshots.",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is missing:\n{text}");
        }
    }
}
