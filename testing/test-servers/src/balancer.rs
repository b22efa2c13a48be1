//! An HTTP load balancer over several backends, as a cloud puts one in front of a service: in turn, healthy ones only.

mod connect;
mod counts;
mod forward;
mod headers;
mod health;
mod pool;
mod upgrade;

pub use counts::Counts;

use crate::port::Port;
use crate::tasks::Tasks;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pool::Pool;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long [`RoundRobin::healthy`] waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// After a connection that could not be accepted: there may be no file descriptor left for a moment.
const BREATH: Duration = Duration::from_millis(10);

/// How a [`RoundRobin`] finds out which backends are healthy.
#[derive(Clone, Debug)]
pub struct RoundRobinOptions {
    /// What is asked for with `GET`; 200 is healthy. `/health`.
    pub path: String,
    /// Between two checks of a backend. 200 ms.
    pub every: Duration,
    /// How long a check may take before it has failed. 1 s.
    pub timeout: Duration,
    /// How many checks in a row have to fail before a backend gets no more requests. 2. One that succeeds brings it back.
    pub failures: u32,
}

impl Default for RoundRobinOptions {
    fn default() -> Self {
        Self {
            path: "/health".to_owned(),
            every: Duration::from_millis(200),
            timeout: Duration::from_secs(1),
            failures: 2,
        }
    }
}

/// An HTTP/1.1 reverse proxy that gives each request to the next healthy backend, over a connection of its own.
///
/// Its own answers: 502 when a backend refuses or breaks off before its answer, 503 when none is healthy, 504 when the answer
/// takes longer than 90 s. It repeats no request. Requests keep their `Host` and get an `X-Forwarded-For`; bodies stream both
/// ways; WebSockets are passed through. On drop all its connections are closed.
#[derive(Debug)]
pub struct RoundRobin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What every connection of it needs.
#[derive(Debug)]
struct Shared {
    options: RoundRobinOptions,
    pool: watch::Sender<Pool>,
    counts: Mutex<Counts>,
    tasks: Tasks,
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoundRobin {
    /// Starts one, and waits until all of the backends are healthy. There may be none yet: see [`add`](Self::add).
    ///
    /// # Panics
    /// When one is not healthy within 20 s.
    pub async fn start(backends: &[SocketAddr]) -> Self {
        let balancer = Self::start_with(RoundRobinOptions::default(), backends);
        balancer.healthy(backends.len()).await;
        balancer
    }

    /// The same with options, and without waiting: until a check succeeded, 503 is answered.
    pub fn start_with(options: RoundRobinOptions, backends: &[SocketAddr]) -> Self {
        let port = Port::take();
        let tasks = Tasks::default();
        let shared = Arc::new(Shared { options, pool: watch::Sender::default(), counts: Mutex::default(), tasks });
        shared.tasks.spawn(accept(port.listen(), Arc::clone(&shared)));
        let balancer = Self { address: port.address(), shared };
        balancer.set_backends(backends);
        balancer
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has these backends from now on. Those that it had before stay as healthy as they were; the others as for
    /// [`add`](Self::add) and [`remove`](Self::remove).
    pub fn set_backends(&self, backends: &[SocketAddr]) {
        self.shared.pool.send_modify(|pool| {
            pool.retain(|address| backends.contains(&address));
            for address in backends {
                self.take_in(pool, *address);
            }
        });
    }

    /// Has one more. It gets requests once a check succeeded.
    pub fn add(&self, backend: SocketAddr) {
        self.shared.pool.send_modify(|pool| self.take_in(pool, backend));
    }

    fn take_in(&self, pool: &mut Pool, backend: SocketAddr) {
        if let Some(stop) = pool.add(backend) {
            self.shared.tasks.spawn(health::watch(Arc::clone(&self.shared), backend, stop));
        }
    }

    /// Has one less: it gets no more requests. Those that it has are finished, WebSockets included.
    pub fn remove(&self, backend: SocketAddr) {
        self.shared.pool.send_modify(|pool| pool.retain(|address| address != backend));
    }

    /// Waits until exactly so many backends are healthy.
    ///
    /// # Panics
    /// When they are not within 20 s.
    pub async fn healthy(&self, count: usize) {
        let mut pool = self.shared.pool.subscribe();
        let reached = timeout(PATIENCE, pool.wait_for(|pool| pool.healthy().len() == count)).await.is_ok();
        let pool = pool.borrow();
        assert!(reached, "of {:?} {count} should be healthy, not {:?}", pool.addresses(), pool.healthy());
    }

    /// What it has answered so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts().clone()
    }
}

impl Drop for RoundRobin {
    fn drop(&mut self) {
        self.shared.tasks.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => shared.tasks.spawn(serve(stream, client, Arc::clone(&shared))),
            Err(_) => sleep(BREATH).await,
        }
    }
}

/// Serves one client's connection until it ends.
async fn serve(stream: TcpStream, client: SocketAddr, shared: Arc<Shared>) {
    stream.set_nodelay(true).ok();
    let service = service_fn(async |request| Ok::<_, Infallible>(forward::forward(&shared, client, request).await));
    // How it ends, the client knows.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await.ok();
}
