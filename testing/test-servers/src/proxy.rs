//! A TCP proxy that breaks on request: what a network does to a connection, at the moment that a test wants it.

mod pump;

use crate::port::Port;
use crate::tasks::Tasks;
use pump::{Conduct, carry};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};

/// How long the upstream may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// After a connection that could not be accepted: there may be no file descriptor left for a moment.
const BREATH: Duration = Duration::from_millis(10);

/// The proxy. It forwards from the start; the last call of [`cut`](Self::cut), [`stall`](Self::stall),
/// [`delay`](Self::delay) and [`restore`](Self::restore) is what holds. On drop all its connections are closed.
#[derive(Debug)]
pub struct TcpProxy {
    upstream: SocketAddr,
    port: Port,
    conduct: watch::Sender<Conduct>,
    counters: Arc<Counters>,
    /// None while it is cut off.
    tasks: Mutex<Option<Tasks>>,
}

/// What has come in.
#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    open: AtomicUsize,
}

impl TcpProxy {
    /// Starts one in front of an address, where nobody needs to listen yet.
    pub async fn start(upstream: SocketAddr) -> Self {
        let proxy = Self {
            upstream,
            port: Port::take(),
            conduct: watch::Sender::default(),
            counters: Arc::default(),
            tasks: Mutex::default(),
        };
        proxy.restore().await;
        proxy
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// How many connections it has accepted since its start.
    pub fn connections(&self) -> u64 {
        self.counters.accepted.load(Ordering::Relaxed)
    }

    /// How many of them are open.
    pub fn open(&self) -> usize {
        self.counters.open.load(Ordering::Relaxed)
    }

    /// Closes every connection, towards both ends, and refuses new ones. All of it has happened when this returns.
    pub async fn cut(&self) {
        let mut tasks = self.tasks.lock().await;
        if let Some(tasks) = tasks.take() {
            tasks.end().await;
        }
    }

    /// Lets connections hang, those that are there and new ones, which are accepted: what is sent is kept, as far as there is
    /// room, until it goes on. The upstream hears nothing of new ones until then.
    pub async fn stall(&self) {
        self.behave(Conduct::Hang).await;
    }

    /// Forwards each piece, in each direction, this much later. One piece waits for the one before, so it is slow too.
    pub async fn delay(&self, delay: Duration) {
        self.behave(Conduct::Forward(delay)).await;
    }

    /// Forwards everything at once, as in the beginning; what was kept back goes first.
    pub async fn restore(&self) {
        self.behave(Conduct::default()).await;
    }

    async fn behave(&self, conduct: Conduct) {
        let mut tasks = self.tasks.lock().await;
        self.conduct.send_replace(conduct);
        if tasks.is_none() {
            let started = tasks.insert(Tasks::default());
            let accept = accept(
                self.port.listen(),
                self.upstream,
                self.conduct.subscribe(),
                Arc::clone(&self.counters),
                started.clone(),
            );
            started.spawn(accept);
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
    conduct: watch::Receiver<Conduct>,
    counters: Arc<Counters>,
    tasks: Tasks,
) {
    loop {
        let Ok((near, _)) = listener.accept().await else {
            sleep(BREATH).await;
            continue;
        };
        counters.accepted.fetch_add(1, Ordering::Relaxed);
        let open = Open::new(Arc::clone(&counters));
        let mut conduct = conduct.clone();
        tasks.spawn(async move {
            let _open = open;
            conduct.wait_for(|conduct| *conduct != Conduct::Hang).await.ok();
            // A refusal, and a connection that breaks, are passed on by the end of this one.
            if let Ok(Ok(far)) = timeout(CONNECT, TcpStream::connect(upstream)).await {
                carry(near, far, &conduct).await.ok();
            }
        });
    }
}

/// Counts a connection as open for as long as it is held.
struct Open(Arc<Counters>);

impl Open {
    fn new(counters: Arc<Counters>) -> Self {
        counters.open.fetch_add(1, Ordering::Relaxed);
        Self(counters)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
