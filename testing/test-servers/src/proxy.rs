//! A TCP proxy that injects network faults at the moment that a test asks for them.

mod forward;

use crate::port::Port;
use forward::{Mode, forward};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

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
    /// The task of the listener, which owns those of its connections, and its end. None while the proxy is cut.
    listening: Mutex<Option<(AbortOnDropHandle<()>, CancellationToken)>>,
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
        let (mode, counters, listening) = (watch::Sender::default(), Arc::default(), Mutex::default());
        let proxy = Self { upstream, port: Port::reserve(), mode, counters, listening };
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
        let mut listening = self.listening.lock().await;
        if let Some((task, cut)) = listening.take() {
            cut.cancel();
            task.await.expect("the proxy does not panic");
        }
    }

    /// Stalls all connections: data is kept, up to the socket buffers. New connections are accepted, and reach the upstream
    /// after the stall.
    pub async fn stall(&self) {
        self.set_mode(Mode::Stall).await;
    }

    /// Delays each chunk in each direction, as a long way does: chunks do not wait for one another, and the number of chunks
    /// makes no difference.
    pub async fn delay(&self, delay: Duration) {
        self.set_mode(Mode::Forward(delay)).await;
    }

    /// Forwards without delay; kept data goes first.
    pub async fn restore(&self) {
        self.set_mode(Mode::default()).await;
    }

    async fn set_mode(&self, mode: Mode) {
        let mut listening = self.listening.lock().await;
        self.mode.send_replace(mode);
        if listening.is_none() {
            let (mode, counters, cut) = (self.mode.subscribe(), Arc::clone(&self.counters), CancellationToken::new());
            let (listener, upstream, token) = (self.port.listen(), self.upstream, cut.clone());
            let task = tokio::spawn(async move {
                let mut connections = JoinSet::new();
                token.run_until_cancelled(accept(listener, upstream, mode, counters, &mut connections)).await;
                connections.shutdown().await;
            });
            *listening = Some((AbortOnDropHandle::new(task), cut));
        }
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    mode: watch::Receiver<Mode>,
    counters: Arc<Counters>,
    connections: &mut JoinSet<()>,
) {
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((client, _)) = listener.accept().await else {
            sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        counters.accepted.fetch_add(1, Ordering::Relaxed);
        counters.open.fetch_add(1, Ordering::Relaxed);
        let guard = OpenGuard(Arc::clone(&counters));
        let mut mode = mode.clone();
        connections.spawn(async move {
            let _open = guard;
            mode.wait_for(|mode| *mode != Mode::Stall).await.ok();
            // A refused or broken upstream connection closes the client's too.
            if let Ok(Ok(stream)) = timeout(CONNECT_TIMEOUT, TcpStream::connect(upstream)).await {
                forward(client, stream, &mode).await.ok();
            }
        });
    }
}

/// Counts a connection as closed when dropped.
struct OpenGuard(Arc<Counters>);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
