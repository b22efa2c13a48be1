//! The HTTP surface: one handler a file, who may call it, and the only place where errors become answers.

mod auth;
mod crowd;
mod diagnostics;
mod disconnect;
mod error;
mod forward;
mod health;
mod listing;
mod message;
mod metrics;
mod observe;
mod output;
mod request_id;
mod sessions;
mod terminal;
mod ws_test;

use crate::clock::{Clock, Entropy};
use crate::config::{AuthConfig, Secret};
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::session::{Limits, Registry};
use crate::store::Store;
use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{delete, get, post};
use crowd::Crowd;
use forward::Forwarder;
use http::{HeaderName, HeaderValue, header};
use shared_protocol::ConnectionId;
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH, OUTPUT_PATH};
use shared_protocol::limits::FRAME_BYTES;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Where browsers speak to the service directly.
const TERMINAL_PATH: &str = "/terminal";

/// Where the service tells what it counts.
const METRICS_PATH: &str = "/metrics";

/// Every path, for `/health` and `/api/diagnostics/websocket`.
const ENDPOINTS: [&str; 9] = [
    MESSAGE_PATH,
    OUTPUT_PATH,
    DISCONNECT_PATH,
    "/api/sessions",
    "/api/diagnostics/websocket",
    "/health",
    METRICS_PATH,
    TERMINAL_PATH,
    "/ws-test",
];

/// Largest body of a request, in bytes: a frame, with room to answer a larger one by a clear error.
const BODY_BYTES: usize = FRAME_BYTES * 2;

/// How long a browser may remember what CORS allows.
const CORS_MAX_AGE: Duration = Duration::from_secs(86_400);

/// What diagnostics tell of the service.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Kind of the store.
    pub store_kind: &'static str,
    /// How sessions are kept apart.
    pub isolation: &'static str,
    /// How long sessions live.
    pub limits: Limits,
    /// Sessions of this instance, at most.
    pub sessions: usize,
}

/// What a service is made of.
pub struct Parts {
    /// Who may speak to it.
    pub auth: AuthConfig,
    /// The sessions.
    pub registry: Registry,
    /// The directory of sessions.
    pub store: Arc<dyn Store>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who may read what is counted.
    pub metrics_token: Option<Secret>,
    /// For diagnostics.
    pub about: About,
    /// Direct connections of one user, at most.
    pub connections_per_user: usize,
    /// Messages of one connection.
    pub messages_per_second: u32,
    /// Whether command lines stand in the log.
    pub log_commands: bool,
}

/// What every handler works with.
pub struct Service {
    pub(crate) registry: Registry,
    auth: AuthConfig,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    metrics: Arc<Metrics>,
    metrics_token: Option<Secret>,
    about: About,
    crowd: Crowd,
    pace: Pace<ConnectionId>,
    log_commands: bool,
    draining: watch::Sender<bool>,
    tests: Arc<Semaphore>,
    /// None where there are no other instances.
    forwarder: Option<Forwarder>,
}

impl Service {
    /// Ready to serve.
    pub fn new(parts: Parts) -> Self {
        let Parts { auth, registry, store, clock, entropy, metrics, metrics_token, about, log_commands, .. } = parts;
        let (crowd, pace) = (Crowd::new(parts.connections_per_user), messages(parts.messages_per_second));
        let draining = watch::Sender::new(false);
        let tests = Arc::new(Semaphore::new(ws_test::TESTS));
        let forwarder = store.is_shared().then(|| Forwarder::new(&registry.instance_id().to_string())).flatten();
        Self {
            registry,
            auth,
            store,
            clock,
            entropy,
            metrics,
            metrics_token,
            about,
            crowd,
            pace,
            log_commands,
            draining,
            tests,
            forwarder,
        }
    }

    /// From now on: unhealthy, and no new sessions.
    pub async fn drain(&self) {
        self.draining.send_replace(true);
        self.registry.drain().await;
    }

    /// Whether other instances may see the same sessions.
    pub fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    /// Completes once [`Self::drain`] was called.
    pub async fn drained(&self) {
        let mut draining = self.draining.subscribe();
        // The sender lives as long as `self`.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    fn now_seconds(&self) -> u64 {
        self.clock.now_ms() / 1000
    }
}

/// A burst of messages, in seconds of what a connection may send.
const MESSAGE_BURST: u32 = 2;

fn messages(per_second: u32) -> Pace<ConnectionId> {
    Pace::new(per_second, Duration::from_secs(1), per_second.saturating_mul(MESSAGE_BURST))
}

/// What stands on every answer: it is data for who asked, and no page, script, or part of one.
const GUARDS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

async fn guard(mut answer: Response) -> Response {
    for (name, value) in GUARDS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Every route.
pub fn router(service: Arc<Service>) -> Router {
    let origins = service.auth.origins.iter().filter_map(|origin| origin.parse().ok()).collect::<Vec<_>>();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([http::Method::GET, http::Method::POST, http::Method::DELETE])
        .allow_headers([http::header::AUTHORIZATION, http::header::CONTENT_TYPE])
        .max_age(CORS_MAX_AGE);
    Router::new()
        .route(MESSAGE_PATH, post(message::handle))
        .route(OUTPUT_PATH, post(output::handle))
        .route(DISCONNECT_PATH, post(disconnect::handle))
        .route("/api/sessions", post(sessions::create).get(listing::list))
        .route("/api/sessions/{id}", get(sessions::describe).delete(sessions::end))
        .route("/api/sessions/{id}/connections/{connection}", delete(listing::close))
        .route("/api/diagnostics/websocket", get(diagnostics::handle))
        .route("/health", get(health::handle))
        .route(METRICS_PATH, get(metrics::handle))
        .route(TERMINAL_PATH, get(terminal::handle))
        .route("/ws-test", get(ws_test::handle))
        .fallback(error::no_such_route)
        .layer(map_response(error::as_failure))
        .layer(from_fn_with_state(Arc::clone(&service), forward::layer))
        .layer(cors)
        .layer(from_fn_with_state(Arc::clone(&service), observe::layer))
        .layer(map_response(guard))
        .layer(from_fn_with_state(Arc::clone(&service), request_id::layer))
        .with_state(service)
}
