//! Wires the parts to a listener, and takes them down again in order.

use crate::connections::{Clients, Registry};
use crate::dev_token::{self, DevSecret, DevToken};
use crate::events::Api;
use crate::faults::{AdminApi, Faults, FaultyClients, FaultyFunction};
use crate::handshake::{Front, is_upgrade};
use crate::integration::Integration;
use crate::invoke::Invoke;
use crate::management::{self, Management};
use crate::pages;
use crate::quotas::Quotas;
use crate::routes::Routes;
use crate::system::{OsSystem, System};
use crate::usage::{Meter, Usage};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::routing;
use axum::serve::ListenerExt;
use http::{Response, StatusCode};
use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// How long closing handshakes and `$disconnect` may take when the gateway stops, before invocations are abandoned.
const GRACE: Duration = Duration::from_secs(2);

/// What can be set.
#[derive(Clone)]
pub struct Options {
    /// The stage, which is the path of `ws://host/{stage}`; the bare host is accepted too.
    pub stage: String,
    /// Routes for `$request.body.action`, beside `$connect`, `$disconnect` and `$default`.
    pub route_keys: Vec<String>,
    /// Whether the function is also the REQUEST authorizer of `$connect`.
    pub authorizer: bool,
    /// The limits.
    pub quotas: Quotas,
    /// A static export to serve beside the API.
    pub pages: Option<PathBuf>,
    /// Serves `GET /dev/token`, signed with this.
    pub dev_token: Option<DevSecret>,
    /// Where time and randomness come from.
    pub system: Arc<dyn System>,
    /// What goes wrong on purpose. With this, `/dev/faults` and `/dev/cut` are served to whoever sits at this machine.
    pub faults: Option<Faults>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stage: "prod".to_owned(),
            route_keys: vec!["sendMessage".to_owned(), "chat_message".to_owned()],
            authorizer: true,
            quotas: Quotas::default(),
            pages: None,
            dev_token: None,
            system: Arc::new(OsSystem),
            faults: None,
        }
    }
}

/// A gateway that does not listen yet. It has [`Clients`] already, because a function in this process needs them.
pub struct DevGateway {
    options: Options,
    registry: Registry,
    /// What everyone who posts goes through: the registry, and whatever is wrapped around it.
    clients: Arc<dyn Clients>,
    meter: Meter,
}

impl DevGateway {
    /// With these options.
    pub fn new(options: Options) -> Self {
        let registry = Registry::new(&options.quotas);
        let meter = Meter::new();
        let mut clients = meter.clients(Arc::new(registry.clone()));
        if let Some(faults) = options.faults.clone() {
            clients = Arc::new(FaultyClients::new(clients, faults));
        }
        Self { options, registry, clients, meter }
    }

    /// The way to the clients.
    pub fn clients(&self) -> Arc<dyn Clients> {
        self.clients.clone()
    }

    /// Serves a listener with a function behind it. Fails when the listener has no address, or is not on loopback although
    /// development tokens are to be given.
    pub fn start(self, listener: TcpListener, mut invoker: Arc<dyn Invoke>) -> io::Result<Running> {
        let addr = listener.local_addr()?;
        if self.options.dev_token.is_some() && !addr.ip().is_loopback() {
            let sentence = format!("development tokens are given on loopback only, and {addr} is not");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, sentence));
        }
        let meter = self.meter.clone();
        invoker = meter.function(invoker);
        if let Some(faults) = self.options.faults.clone() {
            invoker = Arc::new(FaultyFunction::new(invoker, faults));
        }
        let (stopping, abandoned, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let integration = Integration {
            invoker: invoker.clone(),
            system: self.options.system.clone(),
            timeout: self.options.quotas.integration_timeout,
            tasks: tasks.clone(),
            abandoned: abandoned.clone(),
        };
        let app = self.router(addr, integration, stopping.clone());
        // Without TCP_NODELAY a single echo waits 40 ms for an acknowledgement.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY could not be set");
            }
        });
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let shutdown = stopping.clone().cancelled_owned();
        let serving = axum::serve(listener, service).with_graceful_shutdown(shutdown).into_future();
        let server = AbortOnDropHandle::new(tokio::spawn(serving));
        let guards = [stopping.clone().drop_guard(), abandoned.clone().drop_guard()];
        Ok(Running { addr, stopping, abandoned, tasks, invoker, meter, server, _guards: guards })
    }

    fn router(self, addr: SocketAddr, integration: Integration, stopping: CancellationToken) -> Router {
        let Options { stage, route_keys, authorizer, quotas, pages, dev_token, system, faults } = self.options;
        let connections = Management { stage: stage.clone(), clients: self.clients, system: system.clone() };
        let front = Front {
            api: Arc::new(Api { stage: stage.clone(), domain_name: addr.to_string() }),
            routes: Arc::new(Routes::new(route_keys)),
            authorizer,
            quotas: Arc::new(quotas),
            registry: self.registry,
            integration,
            stopping,
            faults: faults.clone(),
        };
        let methods = routing::post(management::post).get(management::get).delete(management::delete);
        let mut router = Router::new().route("/{stage}/@connections/{id}", methods.with_state(connections));
        if let Some(secret) = dev_token {
            let dev = DevToken { secret, stage, system };
            router = router.route("/dev/token", routing::get(dev_token::get).with_state(dev));
        }
        if let Some(faults) = faults {
            router = router.merge(AdminApi(faults).routes());
        }
        router.fallback(move |ConnectInfo(from): ConnectInfo<SocketAddr>, request: Request| {
            let (front, pages) = (front.clone(), pages.clone());
            async move {
                if is_upgrade(request.headers()) {
                    return front.upgrade(from, request).await;
                }
                match pages {
                    Some(directory) => pages::serve(directory, request).await,
                    None => nothing_here(),
                }
            }
        })
    }
}

/// What API Gateway answers where it serves nothing.
fn nothing_here() -> Response<Body> {
    let mut response = Response::new(Body::from(r#"{"message":"Forbidden"}"#));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// A gateway that listens. Dropping it stops it at once; [`Running::shutdown`] stops it properly.
pub struct Running {
    addr: SocketAddr,
    stopping: CancellationToken,
    abandoned: CancellationToken,
    tasks: TaskTracker,
    invoker: Arc<dyn Invoke>,
    meter: Meter,
    server: AbortOnDropHandle<io::Result<()>>,
    _guards: [DropGuard; 2],
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it was used for so far.
    pub fn usage(&self) -> Usage {
        self.meter.usage()
    }

    /// Closes every client with 1001, invokes `$disconnect` for each, gives both a moment, and ends the function.
    pub async fn shutdown(self) {
        self.stopping.cancel();
        self.tasks.close();
        // Invocations that follow a session run for long; they get no more than the others.
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            self.abandoned.cancel();
            self.tasks.wait().await;
        }
        self.invoker.shutdown().await;
        drop(self.server);
    }
}
