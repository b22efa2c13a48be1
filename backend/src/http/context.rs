//! The state and the paths that all handlers share.

use super::download::DOWNLOADS_PER_USER;
use super::group_questions::GroupQuestions;
use super::messaged_transfers::MessagedTransfers;
use super::peer_client::PeerClient;
use super::polled::PolledConnections;
use super::refusal_log::RefusalLog;
use super::transfers::Transfers;
use super::user_connections::UserConnections;
use crate::clock::{Clock, RandomSource};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::rate_limit::RateLimiter;
use crate::session::Registry;
use crate::store::Store;
use crate::wall::{OtherInstances, Walls};
use shared_protocol::ConnectionId;
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH};
use shared_protocol::polling::{CLOSE_PATH, FRAMES_PATH, MESSAGES_PATH};
use shared_protocol::relay::RELAY_PATH;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Burst of messages that a connection may send, in seconds of its rate.
const MESSAGE_BURST_SECONDS: u32 = 2;

/// Concurrent `/ws-test` connections: they need no token.
const MAX_WS_TESTS: usize = 32;

/// The WebSocket of browsers that reach the service without a gateway.
pub(super) const TERMINAL_PATH: &str = "/terminal";

/// Common prefix of the routes of connections over HTTP.
pub(super) const POLLED_PREFIX: &str = "/terminal/";

/// The metrics as OpenMetrics text.
pub(super) const METRICS_PATH: &str = "/metrics";

/// Scripts of the platform in a session.
pub(super) const CHECKS_ROUTE: &str = "/api/sessions/{id}/checks";

/// A file for a class.
pub(super) const HAND_OUT_ROUTE: &str = "/api/groups/{grp}/files";

/// Files of a session.
pub(super) const FILES_ROUTE: &str = "/api/sessions/{id}/files";

/// Checks of an instance at once: each has a script, its output and up to 16 MiB of files on their way.
pub(super) const MAX_CHECKS: usize = 4;

/// Common prefix of the routes that only the gateway calls.
pub(super) const GATEWAY_PREFIX: &str = "/api/ws/";

/// Every endpoint, as `/health` and `/api/diagnostics/websocket` list them.
pub(super) const ENDPOINTS: [&str; 14] = [
    MESSAGE_PATH,
    RELAY_PATH,
    DISCONNECT_PATH,
    "/api/sessions",
    "/api/groups/{grp}/sessions",
    "/api/diagnostics/websocket",
    "/health",
    "/openapi.json",
    METRICS_PATH,
    TERMINAL_PATH,
    MESSAGES_PATH,
    FRAMES_PATH,
    CLOSE_PATH,
    "/ws-test",
];

/// State shared by all handlers.
pub struct ServiceContext {
    pub(super) config: Config,
    pub(crate) registry: Registry,
    /// Walls of instructors.
    pub(super) walls: Walls,
    pub(super) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn RandomSource>,
    pub(super) metrics: Arc<Metrics>,
    /// Isolation level of sessions, as diagnostics name it.
    pub(super) isolation: &'static str,
    /// Open direct connections of each user.
    pub(super) user_connections: UserConnections,
    /// Recordings that each user reads.
    pub(super) downloads: UserConnections,
    /// Connections over HTTP.
    pub(super) polled: PolledConnections,
    /// Messages of each connection.
    pub(super) message_rate: RateLimiter<ConnectionId>,
    /// Requests of each connection over HTTP.
    pub(super) request_rate: RateLimiter<ConnectionId>,
    /// Decides which refusals have a line in the log.
    pub(super) refusal_log: RefusalLog,
    /// Permits for `/ws-test`.
    pub(super) ws_tests: Arc<Semaphore>,
    /// Transfers of files that run here.
    pub(super) transfers: Transfers,
    /// Transfers in messages that run here, or have ended lately.
    pub(super) messaged: MessagedTransfers,
    /// Permits for checks.
    pub(super) checks: Arc<Semaphore>,
    /// Client for requests to other instances; `None` if the store is not shared.
    pub(super) peers: Option<PeerClient>,
    /// True once the instance drains; never false again.
    draining: watch::Sender<bool>,
}

impl ServiceContext {
    /// Wires the state of a running service.
    pub fn new(
        config: Config,
        registry: Registry,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
        metrics: Arc<Metrics>,
        isolation: &'static str,
    ) -> Self {
        let rate = config.messages_per_second;
        let peers = store.is_shared().then(|| PeerClient::new(&registry.instance_id().to_string())).flatten();
        let others = peers.clone().map(|peers| {
            let (secret, clock) = (config.auth.instances.clone(), Arc::clone(&clock));
            Arc::new(GroupQuestions { peers, secret, clock }) as Arc<dyn OtherInstances>
        });
        let limiter = || RateLimiter::new(rate, Duration::from_secs(1), rate.saturating_mul(MESSAGE_BURST_SECONDS));
        Self {
            user_connections: UserConnections::new(config.connections_per_user),
            downloads: UserConnections::new(DOWNLOADS_PER_USER),
            polled: PolledConnections::default(),
            message_rate: limiter(),
            request_rate: limiter(),
            refusal_log: RefusalLog::default(),
            ws_tests: Arc::new(Semaphore::new(MAX_WS_TESTS)),
            transfers: Transfers::new(Arc::clone(&metrics)),
            messaged: MessagedTransfers::default(),
            checks: Arc::new(Semaphore::new(MAX_CHECKS)),
            peers,
            draining: watch::Sender::new(false),
            walls: Walls::new(registry.classes(), others),
            config,
            registry,
            store,
            clock,
            random,
            metrics,
            isolation,
        }
    }

    /// Starts the drain: `/health` answers 503 and no new session starts.
    pub async fn drain(&self) {
        self.draining.send_replace(true);
        self.registry.drain().await;
        self.walls.drain();
    }

    /// True if other instances use the same store.
    pub fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    /// Completes once [`Self::drain`] was called.
    pub async fn drained(&self) {
        let mut draining = self.draining.subscribe();
        // Cannot fail: `self` owns the sender.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    pub(super) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    pub(super) fn now_seconds(&self) -> u64 {
        self.clock.now_ms() / 1000
    }
}
