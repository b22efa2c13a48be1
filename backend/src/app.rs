//! Wires the service, and serves it on a given listener until a given future completes.

use crate::clock::{Clock, RandomSource};
use crate::cluster::{Liveness, Place};
use crate::config::{Advertise, Config};
use crate::http::{self, ConnectionLimiter, ServiceContext};
use crate::metrics::Metrics;
use crate::protection::TaskProtection;
use crate::recording::{RecordingError, Recordings};
use crate::relay::Relays;
use crate::session::{Registry, RegistryDeps, Shells};
use crate::store::{Instance, MeasuredStore, Store};
use crate::terminal::ShellSpawner;
use crate::webhooks::Webhooks;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

/// Time for sessions and requests to end after the stop signal. Platforms kill containers after 30 s (ECS) or sooner.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(12);

/// Shortest drain if other instances exist: load balancers check the health every few seconds.
const MIN_DRAIN: Duration = Duration::from_secs(6);

/// Time between two checks whether another instance exists, while draining.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Longest drain, even if clients never finish their requests.
const MAX_DRAIN: Duration = Duration::from_secs(18);

/// Dependencies of [`App`].
pub struct AppDeps {
    /// The configuration.
    pub config: Config,
    /// The directory of sessions and connections.
    pub store: Arc<dyn Store>,
    /// Starts shells.
    pub shells: Arc<dyn ShellSpawner>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn RandomSource>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Runs the sessions' tasks and their connections. Heartbeats, health and metrics run where [`App::serve`] does.
    pub session_runtime: Handle,
}

/// The service, ready to serve.
pub struct App {
    /// Runs the sessions' tasks and their connections.
    session_runtime: Handle,
    service: Arc<ServiceContext>,
    limiter: Arc<ConnectionLimiter>,
    /// `None` outside of ECS.
    protection: Option<TaskProtection>,
}

impl App {
    /// Wires the service. Fails if the store of recordings cannot be opened.
    pub fn new(deps: AppDeps) -> Result<Self, RecordingError> {
        let AppDeps { config, store, shells, clock, random, metrics, session_runtime } = deps;
        let store: Arc<dyn Store> = Arc::new(MeasuredStore::new(store, Arc::clone(&metrics)));
        let isolation = shells.isolation();
        metrics.requests.set_isolation(isolation);
        if isolation == "none" {
            tracing::warn!("sessions run as the service's own user, without isolation from it and from each other");
        }
        let address = config.advertise.as_ref().and_then(Advertise::url);
        let (id, liveness) = Liveness::claim(Place::of_this_process(address.as_deref()), &*random);
        let instance = Instance { id, address, started_at: clock.now_ms(), draining: false, relays: 0 };
        let profiles = config.shell.profiles.count();
        let advertise = instance.address.as_ref();
        tracing::info!(instance = %instance.id, store = store.kind(), isolation, advertise, profiles, "termgate");
        let id = instance.id.clone();
        let relays = Relays::new(id.to_string(), Arc::clone(&clock), Arc::clone(&random), Arc::clone(&metrics));
        relays.set_at_most(config.relays_at_most);
        let recordings = Arc::new(Recordings::open(config.recordings.clone(), Arc::clone(&metrics))?);
        let webhooks = config.webhooks.clone().map_or_else(Webhooks::off, |settings| {
            let (store, clock, random) = (Arc::clone(&store), Arc::clone(&clock), Arc::clone(&random));
            Webhooks::open(settings, instance.id.clone(), store, clock, random, Arc::clone(&metrics))
        });
        let registry = Registry::new(RegistryDeps {
            instance,
            liveness: Arc::new(liveness),
            store: Arc::clone(&store),
            shells: Shells::new(shells),
            clock: Arc::clone(&clock),
            random: Arc::clone(&random),
            metrics: Arc::clone(&metrics),
            recordings,
            webhooks,
            relays,
            settings: config.shell.clone(),
            limits: config.limits,
            sessions_per_user: config.sessions_per_user,
            sessions: config.sessions,
            runtime: session_runtime.clone(),
        });
        let protection = config.ecs_agent.as_ref().map(|agent| TaskProtection::new(&agent.0)).transpose();
        let protection = protection.inspect_err(|error| tracing::error!(%error, "this task cannot protect itself"));
        let limiter = ConnectionLimiter::for_process(config.http_connections);
        let service = Arc::new(ServiceContext::new(config, registry, store, clock, random, metrics, isolation));
        Ok(Self { session_runtime, service, limiter, protection: protection.unwrap_or_default() })
    }

    /// Serves until `stop` completes, then drains: starts no session, ends every session, and waits for its processes.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let address = listener.local_addr()?;
        tracing::info!(%address, "listening");
        let Self { session_runtime, service, limiter, protection } = self;
        service.registry.recordings().close_folder().await;
        let router = http::router(Arc::clone(&service));
        let served = http::serve(listener, router, limiter, session_runtime, drain(Arc::clone(&service), stop));
        let relays = Arc::clone(service.registry.relays());
        let kept = Arc::clone(&service);
        let retention = async move { kept.registry.recordings().run_retention(|| kept.clock.now()).await };
        // In a task: it may read many files, and no heartbeat waits for it.
        let _retention = AbortOnDropHandle::new(tokio::spawn(retention));
        let webhooks = service.registry.webhooks().clone();
        let _webhooks = AbortOnDropHandle::new(tokio::spawn(async move { webhooks.run().await }));
        // In a task: for each tick, this thread would be woken by a worker, and would wake that in turn for its next timer.
        let relays = AbortOnDropHandle::new(tokio::spawn(async move { relays.run().await }));
        tokio::select! {
            () = served => service.registry.deregister().await,
            () = service.registry.run_heartbeat() => {}
            _ = relays => {}
            () = service.run_dispatch() => {}
            () = protect(protection, &service) => {}
            // A client may never finish its request.
            () = async { service.drained().await; sleep(MAX_DRAIN).await } => {}
        }
        Ok(())
    }
}

/// Waits for `stop`, then completes once the listener may close.
async fn drain(service: Arc<ServiceContext>, stop: impl Future<Output = ()>) {
    stop.await;
    let started = Instant::now();
    service.drain().await;
    if !service.registry.shut_down(DRAIN_TIMEOUT).await {
        tracing::warn!("not every session ended in time");
    }
    service.registry.webhooks().flush().await;
    // Until load balancers notice the drain, requests still arrive here and are forwarded.
    while service.is_shared()
        && started.elapsed() < MIN_DRAIN
        && matches!(service.registry.another_instance().await, Ok(Some(_)))
    {
        sleep(POLL_INTERVAL).await;
    }
}

/// Never completes.
async fn protect(protection: Option<TaskProtection>, service: &ServiceContext) {
    match protection {
        Some(protection) => match protection.run(|| service.registry.count()).await {},
        None => std::future::pending().await,
    }
}
