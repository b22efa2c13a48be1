//! The state that all handlers share.

use super::peer_client::PeerClient;
use super::user_connections::UserConnections;
use crate::clock::{Clock, RandomSource};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::rate_limit::RateLimiter;
use crate::session::Registry;
use crate::store::Store;
use shared_protocol::ConnectionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Burst of messages that a connection may send, in seconds of its rate.
const MESSAGE_BURST_SECONDS: u32 = 2;

/// Concurrent `/ws-test` connections: they need no token.
const MAX_WS_TESTS: usize = 32;

/// Dependencies of [`ServiceContext`].
pub struct ServiceDeps {
    /// The configuration.
    pub config: Config,
    /// The sessions of this instance.
    pub registry: Registry,
    /// The directory of sessions and connections.
    pub store: Arc<dyn Store>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub random: Arc<dyn RandomSource>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Isolation level of sessions, as diagnostics name it.
    pub isolation: &'static str,
}

/// State shared by all handlers.
pub struct ServiceContext {
    pub(super) config: Config,
    pub(crate) registry: Registry,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn RandomSource>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) isolation: &'static str,
    /// Open direct WebSockets of each user.
    pub(super) user_connections: UserConnections,
    /// Messages of each connection.
    pub(super) message_rate: RateLimiter<ConnectionId>,
    /// Permits for `/ws-test`.
    pub(super) ws_tests: Arc<Semaphore>,
    /// Client for requests to other instances; `None` if the store is not shared.
    pub(super) peers: Option<PeerClient>,
    /// True once the instance drains; never false again.
    draining: watch::Sender<bool>,
}

impl ServiceContext {
    /// Wires the state of a running service.
    pub fn new(deps: ServiceDeps) -> Self {
        let ServiceDeps { config, registry, store, clock, random, metrics, isolation } = deps;
        let rate = config.messages_per_second;
        Self {
            user_connections: UserConnections::new(config.connections_per_user),
            message_rate: RateLimiter::new(rate, Duration::from_secs(1), rate.saturating_mul(MESSAGE_BURST_SECONDS)),
            ws_tests: Arc::new(Semaphore::new(MAX_WS_TESTS)),
            peers: store.is_shared().then(|| PeerClient::new(&registry.instance_id().to_string())).flatten(),
            draining: watch::Sender::new(false),
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
