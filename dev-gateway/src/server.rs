//! Wires the gateway to a listener, and shuts it down in order.

use crate::connections::{Clients, Registry};
use crate::dev_token::{DevSecret, DevToken};
use crate::events::Api;
use crate::faults::{AdminApi, Faults, FaultyClients, FaultyFunction};
use crate::handshake::{ConnectionServer, is_upgrade};
use crate::integration::Integration;
use crate::invoke::Invoke;
use crate::local::json_message;
use crate::management::Management;
use crate::pages;
use crate::quotas::Quotas;
use crate::routes::Routes;
use crate::system::{OsSystem, System};
use crate::tls::{GatewayListener, Tls};
use crate::usage::{Meter, Usage};
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::serve::ListenerExt;
use http::StatusCode;
use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// Time for closing handshakes and `$disconnect` before a shutdown cancels all invocations.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// A gateway's options.
#[derive(Clone)]
pub struct Options {
    /// The stage, the path of `ws://host/{stage}`. An address without it is refused, as on AWS.
    pub stage: String,
    /// Route keys for `$request.body.action`, besides `$connect`, `$disconnect` and `$default`.
    pub route_keys: Vec<String>,
    /// Variables of the stage, on every event.
    pub stage_variables: BTreeMap<String, String>,
    /// True if the function is also the REQUEST authorizer of `$connect`.
    pub authorizer: bool,
    /// Limits.
    pub quotas: Quotas,
    /// Directory of a static export to serve besides the API.
    pub pages: Option<PathBuf>,
    /// Secrets of the tokens of `GET /dev/token`; without them the route does not exist.
    pub dev_token: Option<DevSecret>,
    /// URL of the service, which `GET /dev/token` names to pages whose network blocks WebSockets.
    pub service_url: Option<String>,
    /// Clock and random source.
    pub system: Arc<dyn System>,
    /// Injected faults. With them, `/dev/faults`, `/dev/cut` and `/dev/usage` are served to this machine.
    pub faults: Option<Faults>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stage: "prod".to_owned(),
            route_keys: vec!["sendMessage".to_owned(), "chat_message".to_owned()],
            stage_variables: BTreeMap::new(),
            authorizer: true,
            quotas: Quotas::default(),
            pages: None,
            dev_token: None,
            service_url: None,
            system: Arc::new(OsSystem),
            faults: None,
        }
    }
}

/// A gateway that does not listen yet. Its [`Clients`] exist already, because a function in this process needs them.
pub struct DevGateway {
    options: Options,
    registry: Registry,
    /// The registry, wrapped in the usage and fault layers.
    clients: Arc<dyn Clients>,
    meter: Meter,
    /// Makes the gateway serve TLS beside plain connections.
    tls: Option<Tls>,
}

impl DevGateway {
    /// A gateway with these options.
    pub fn new(options: Options) -> Self {
        let registry = Registry::new(&options.quotas);
        let meter = Meter::new(options.quotas.concurrent_executions);
        let mut clients = meter.clients(Arc::new(registry.clone()));
        if let Some(faults) = options.faults.clone() {
            clients = Arc::new(FaultyClients { inner: clients, faults });
        }
        clients = meter.posts(clients);
        Self { options, registry, clients, meter, tls: None }
    }

    /// The interface to the clients.
    pub fn clients(&self) -> Arc<dyn Clients> {
        self.clients.clone()
    }

    /// Serves TLS too, at the same address.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Starts serving. Fails if the listener has no address, or if it is not on loopback although development tokens
    /// are enabled.
    pub fn start(mut self, listener: TcpListener, mut invoker: Arc<dyn Invoke>) -> io::Result<Running> {
        let addr = listener.local_addr()?;
        if self.options.dev_token.is_some() && !addr.ip().is_loopback() {
            let sentence = format!("development tokens are served on loopback only, and {addr} is not");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, sentence));
        }
        let meter = self.meter.clone();
        if let Some(faults) = self.options.faults.clone() {
            invoker = Arc::new(FaultyFunction::new(invoker, faults));
        }
        // Outside the faults, because a cold start is an execution, too.
        invoker = meter.function(invoker);
        let (stopping, abandoned, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let integration = Integration {
            invoker: invoker.clone(),
            system: self.options.system.clone(),
            timeout: self.options.quotas.integration_timeout,
            tasks: tasks.clone(),
            abandoned: abandoned.clone(),
        };
        let listener = GatewayListener::new(listener, self.tls.take());
        let app = self.router(addr, integration, stopping.clone());
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let shutdown = stopping.clone().cancelled_owned();
        // Only a wrapped listener tells axum the address of a client.
        let serving = axum::serve(listener.tap_io(|_| {}), service).with_graceful_shutdown(shutdown).into_future();
        let server = AbortOnDropHandle::new(tokio::spawn(serving));
        let guards = [stopping.clone().drop_guard(), abandoned.clone().drop_guard()];
        Ok(Running { addr, stopping, abandoned, tasks, invoker, meter, server, _guards: guards })
    }

    fn router(self, addr: SocketAddr, integration: Integration, stopping: CancellationToken) -> Router {
        let management = Management {
            stage: self.options.stage.clone(),
            clients: self.clients,
            system: self.options.system.clone(),
        };
        let mut router = management.routes();
        let Options {
            stage,
            route_keys,
            stage_variables: variables,
            authorizer,
            quotas,
            pages,
            dev_token,
            service_url,
            system,
            faults,
        } = self.options;
        let connections = ConnectionServer {
            api: Arc::new(Api { stage: stage.clone(), domain_name: addr.to_string(), variables }),
            routes: Arc::new(Routes(route_keys)),
            authorizer,
            quotas: Arc::new(quotas),
            registry: self.registry,
            integration,
            stopping,
            faults: faults.clone(),
        };
        if let Some(secret) = dev_token {
            router = router.merge(DevToken { secret, stage, service_url, system }.routes());
        }
        if let Some(faults) = faults {
            router = router.merge(AdminApi { faults, meter: self.meter }.routes());
        }
        router.fallback(move |ConnectInfo(from): ConnectInfo<SocketAddr>, request: Request| {
            let (connections, pages) = (connections.clone(), pages.clone());
            async move {
                if is_upgrade(request.headers()) {
                    return connections.upgrade(from, request).await;
                }
                match pages {
                    Some(directory) => pages::serve(directory, request).await,
                    None => json_message(StatusCode::FORBIDDEN, "Forbidden"),
                }
            }
        })
    }
}

/// A running gateway. Dropping it stops it at once; [`Running::shutdown`] stops it in order.
pub struct Running {
    addr: SocketAddr,
    /// Closes all connections.
    stopping: CancellationToken,
    /// Cancels all invocations.
    abandoned: CancellationToken,
    tasks: TaskTracker,
    invoker: Arc<dyn Invoke>,
    meter: Meter,
    server: AbortOnDropHandle<io::Result<()>>,
    _guards: [DropGuard; 2],
}

impl Running {
    /// Address of the listener.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Usage so far.
    pub fn usage(&self) -> Usage {
        self.meter.usage()
    }

    /// Closes every client with 1001, invokes `$disconnect` for each, waits up to 2 s for both, and ends the function.
    pub async fn shutdown(self) {
        self.stopping.cancel();
        self.tasks.close();
        // Invocations that follow a session would run for much longer.
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, self.tasks.wait()).await.is_err() {
            self.abandoned.cancel();
            self.tasks.wait().await;
        }
        self.invoker.shutdown().await;
        drop(self.server);
    }
}
