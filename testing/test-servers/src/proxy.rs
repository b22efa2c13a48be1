//! A TCP proxy that injects network faults at the moment that a test asks for them.

mod forward;
mod tasks;

use crate::port::Port;
use forward::{Mode, forward};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tasks::Tasks;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause after a failed `accept`, for example without free file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(10);

/// The proxy. It forwards from the start; the last call of [`cut`](Self::cut), [`stall`](Self::stall),
/// [`delay`](Self::delay) or [`restore`](Self::restore) applies. Drop closes all connections.
#[derive(Debug)]
pub struct TcpProxy {
    upstream: SocketAddr,
    port: Port,
    mode: watch::Sender<Mode>,
    counters: Arc<Counters>,
    /// The listener and its connections. None while the proxy is cut.
    tasks: Mutex<Option<Tasks>>,
}

/// Connections since the start.
#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    open: AtomicUsize,
}

impl TcpProxy {
    /// Starts a proxy in front of an address, which need not listen yet.
    pub async fn start(upstream: SocketAddr) -> Self {
        let (mode, counters, tasks) = (watch::Sender::default(), Arc::default(), Mutex::default());
        let proxy = Self { upstream, port: Port::reserve(), mode, counters, tasks };
        proxy.restore().await;
        proxy
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Connections accepted since the start.
    pub fn connections(&self) -> u64 {
        self.counters.accepted.load(Ordering::Relaxed)
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.counters.open.load(Ordering::Relaxed)
    }

    /// Closes every connection, towards both ends, and refuses new ones. Complete when this returns.
    pub async fn cut(&self) {
        let mut tasks = self.tasks.lock().await;
        if let Some(tasks) = tasks.take() {
            tasks.shut_down().await;
        }
    }

    /// Stalls all connections: data is kept, up to the socket buffers. New connections are accepted, and reach the upstream
    /// after the stall.
    pub async fn stall(&self) {
        self.set_mode(Mode::Stall).await;
    }

    /// Delays each chunk in each direction. Chunks wait for one another, so this limits throughput too.
    pub async fn delay(&self, delay: Duration) {
        self.set_mode(Mode::Forward(delay)).await;
    }

    /// Forwards without delay; kept data goes first.
    pub async fn restore(&self) {
        self.set_mode(Mode::default()).await;
    }

    async fn set_mode(&self, mode: Mode) {
        let mut tasks = self.tasks.lock().await;
        self.mode.send_replace(mode);
        if tasks.is_none() {
            let started = tasks.insert(Tasks::default());
            let (mode, counters) = (self.mode.subscribe(), Arc::clone(&self.counters));
            started.spawn(accept(self.port.listen(), self.upstream, mode, counters, started.clone()));
        }
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        if let Some(tasks) = self.tasks.get_mut() {
            tasks.cancel();
        }
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    mode: watch::Receiver<Mode>,
    counters: Arc<Counters>,
    tasks: Tasks,
) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        counters.accepted.fetch_add(1, Ordering::Relaxed);
        let guard = OpenGuard::new(Arc::clone(&counters));
        let mut mode = mode.clone();
        tasks.spawn(async move {
            let _open = guard;
            mode.wait_for(|mode| *mode != Mode::Stall).await.ok();
            // A refused or broken upstream connection closes the client's too.
            if let Ok(Ok(stream)) = timeout(CONNECT_TIMEOUT, TcpStream::connect(upstream)).await {
                forward(client, stream, &mode).await.ok();
            }
        });
    }
}

/// Counts a connection as open until dropped.
struct OpenGuard(Arc<Counters>);

impl OpenGuard {
    fn new(counters: Arc<Counters>) -> Self {
        counters.open.fetch_add(1, Ordering::Relaxed);
        Self(counters)
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
