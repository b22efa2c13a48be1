//! Wires the service and serves it on a listener that the caller made, until the caller says stop.

use crate::clock::{Clock, Entropy};
use crate::config::{Advertise, Config};
use crate::listen::{self, Seats};
use crate::metrics::Metrics;
use crate::protection::TaskProtection;
use crate::route::{self, Service};
use crate::session::{Registry, RegistryDeps};
use crate::store::{Instance, InstanceId, MeasuredStore, Store};
use crate::terminal::ShellSpawner;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// Time for sessions and requests to end after the request to stop. Containers are killed after 30 s (ECS) or sooner.
const DRAIN: Duration = Duration::from_secs(12);

/// Shortest time from the request to stop to the end, where there are other instances: load balancers look every few seconds.
const NOTICE: Duration = Duration::from_secs(6);

/// How often an instance that ends looks whether there is another.
const LOOK: Duration = Duration::from_millis(250);

/// Longest time from the request to stop to the end, whatever clients do: some never finish a request.
const LAST: Duration = Duration::from_secs(18);

/// What the service is made of.
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The directory of sessions.
    pub store: Arc<dyn Store>,
    /// Starts shells.
    pub shells: Arc<dyn ShellSpawner>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The service, ready to serve.
pub struct App {
    service: Arc<Service>,
    seats: Arc<Seats>,
    protection: Option<TaskProtection>,
}

impl App {
    /// Wires the parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { config, store, shells, clock, entropy, metrics } = parts;
        let store: Arc<dyn Store> = Arc::new(MeasuredStore::new(store, Arc::clone(&metrics)));
        let (store_kind, isolation) = (store.kind(), shells.isolation());
        metrics.requests.isolation(isolation);
        if isolation == "none" {
            tracing::warn!("sessions run as the service's own user, without isolation from it and from each other");
        }
        let instance = Instance {
            id: InstanceId(hex::encode(entropy.bytes::<16>())),
            address: config.advertise.as_ref().and_then(Advertise::url),
            started_at: clock.now_ms(),
            draining: false,
        };
        tracing::info!(instance = %instance.id, store = store_kind, isolation, advertise = instance.address, "termgate");
        let registry = Registry::new(RegistryDeps {
            instance,
            store: Arc::clone(&store),
            shells,
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            metrics: Arc::clone(&metrics),
            settings: config.shell.clone(),
            limits: config.limits,
            sessions_per_user: config.sessions_per_user,
            sessions: config.sessions,
        });
        let protection = config.ecs_agent.as_ref().map(|agent| TaskProtection::new(&agent.0)).transpose();
        let protection = protection.inspect_err(|error| tracing::error!(%error, "this task cannot protect itself"));
        let seats = Seats::of_this_process(config.http_connections);
        let about = route::About { store_kind, isolation, limits: config.limits, sessions: config.sessions };
        let service = Arc::new(Service::new(route::Parts {
            auth: config.auth,
            registry,
            store,
            clock,
            entropy,
            metrics,
            metrics_token: config.metrics_token,
            about,
            connections_per_user: config.connections_per_user,
            messages_per_second: config.messages_per_second,
            log_commands: config.log.commands,
        }));
        Self { service, seats, protection: protection.unwrap_or_default() }
    }

    /// Serves until `stop` completes, then drains: no new sessions, every session ended, its processes gone.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let address = listener.local_addr()?;
        tracing::info!(%address, "listening");
        let service = Arc::clone(&self.service);
        let shared = service.is_shared();
        let drained = async move {
            stop.await;
            let started = Instant::now();
            service.drain().await;
            if !service.registry.shut_down(DRAIN).await {
                tracing::warn!("not every session ended in time");
            }
            // Until load balancers have noticed: what comes here meanwhile is for another instance, and is passed on.
            while shared
                && started.elapsed() < NOTICE
                && matches!(service.registry.another_instance().await, Ok(Some(_)))
            {
                tokio::time::sleep(LOOK).await;
            }
        };
        let router = route::router(Arc::clone(&self.service));
        let served = listen::serve(listener, router, self.seats, drained);
        // A browser on `/terminal` may never hang up by itself.
        let service = self.service;
        let known = Arc::clone(&service);
        tokio::select! {
            () = served => {
                known.registry.deregister().await;
                Ok(())
            }
            () = known.registry.run_heartbeat() => Ok(()),
            () = protect(self.protection, &known) => Ok(()),
            () = async { service.drained().await; tokio::time::sleep(LAST).await } => Ok(()),
        }
    }
}

/// Never ends.
async fn protect(protection: Option<TaskProtection>, service: &Service) {
    match protection {
        Some(protection) => match protection.keep(|| service.registry.count()).await {},
        None => std::future::pending().await,
    }
}
