//! Caps open connections. When full, closes the longest-idle connection of the client IP that has the most idle ones.

use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::io::InspectReader;
use tokio_util::sync::CancellationToken;

/// Descriptors per connection: its own, and one for terminals, their processes and everything else.
const DESCRIPTORS_PER_CONNECTION: u64 = 2;

/// Hands out permits for connections.
pub struct ConnectionLimiter {
    max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Permits in use; never above the limit.
    open: usize,
    /// Number of the last connection that became idle: orders idle connections by age.
    last_idle: u64,
    /// Connections without an active request, by client IP and by when they became idle.
    idle: HashMap<IpAddr, BTreeMap<u64, CancellationToken>>,
}

impl ConnectionLimiter {
    /// Allows `max` connections, at least 1.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max: max.max(1), state: Mutex::default() })
    }

    /// Allows up to `max` connections, or fewer if `RLIMIT_NOFILE` cannot be raised far enough.
    pub fn for_process(max: usize) -> Arc<Self> {
        let descriptors = raise_nofile(max as u64 * DESCRIPTORS_PER_CONNECTION);
        let possible = usize::try_from(descriptors / DESCRIPTORS_PER_CONNECTION).unwrap_or(usize::MAX);
        if possible < max {
            tracing::warn!(descriptors, connections = possible, wanted = max, "fewer connections than configured");
        }
        Self::new(max.min(possible))
    }

    /// A permit for a new connection, if needed by evicting an idle one; `None` if every connection has an active request.
    pub(super) fn acquire(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionPermit> {
        let mut state = self.state.lock();
        if state.open == self.max {
            let age = |idle: &BTreeMap<u64, _>| Reverse(idle.first_key_value().map(|(since, _)| *since));
            let most = state.idle.iter_mut().max_by_key(|(_, idle)| (idle.len(), age(idle)));
            let (_, victim) = most?.1.pop_first()?;
            victim.cancel();
        } else {
            state.open += 1;
        }
        let evicted = CancellationToken::new();
        let idle_since = AtomicU64::new(state.mark_idle(peer, &evicted));
        Some(ConnectionPermit {
            limiter: Arc::clone(self),
            peer,
            evicted,
            idle_since,
            had_request: AtomicBool::new(false),
        })
    }
}

impl State {
    fn mark_idle(&mut self, peer: IpAddr, evicted: &CancellationToken) -> u64 {
        self.last_idle += 1;
        self.idle.entry(peer).or_default().insert(self.last_idle, evicted.clone());
        self.last_idle
    }

    fn mark_active(&mut self, peer: IpAddr, idle_since: u64) {
        if let Some(idle) = self.idle.get_mut(&peer) {
            idle.remove(&idle_since);
            if idle.is_empty() {
                self.idle.remove(&peer);
            }
        }
    }
}

/// The right of one connection to be open, until it is dropped.
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    peer: IpAddr,
    /// Cancelled under the lock once another connection has the permit, so that it is counted once.
    evicted: CancellationToken,
    /// Key of this connection among the idle ones; changed under the lock.
    idle_since: AtomicU64,
    had_request: AtomicBool,
}

impl ConnectionPermit {
    /// Protects the connection from eviction until the returned guard is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> ActiveRequest {
        self.had_request.store(true, Ordering::Relaxed);
        self.limiter.state.lock().mark_active(self.peer, self.idle_since.load(Ordering::Relaxed));
        ActiveRequest { permit: Arc::clone(self), is_upgraded: false }
    }

    /// True once the connection has had a request.
    pub(super) fn had_request(&self) -> bool {
        self.had_request.load(Ordering::Relaxed)
    }

    /// Completes when the connection must close because another one took its permit.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut state = self.limiter.state.lock();
        state.mark_active(self.peer, self.idle_since.load(Ordering::Relaxed));
        if !self.evicted.is_cancelled() {
            state.open -= 1;
        }
    }
}

/// A request without a response yet.
pub(super) struct ActiveRequest {
    permit: Arc<ConnectionPermit>,
    is_upgraded: bool,
}

impl ActiveRequest {
    /// Never makes the connection idle again: it is a WebSocket now.
    pub(super) fn upgraded(mut self) {
        self.is_upgraded = true;
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let permit = &self.permit;
        let mut state = permit.limiter.state.lock();
        if !self.is_upgraded && !permit.evicted.is_cancelled() {
            permit.idle_since.store(state.mark_idle(permit.peer, &permit.evicted), Ordering::Relaxed);
        }
    }
}

/// A stream that holds its permit, so that an upgraded connection keeps it too.
pub(super) fn with_permit(
    stream: TcpStream,
    permit: Arc<ConnectionPermit>,
) -> impl AsyncRead + AsyncWrite + Unpin + Send {
    // The permit lives as long as the inspection, which sees nothing.
    InspectReader::new(stream, move |_| {
        let _ = &permit;
    })
}

/// Raises the soft limit of open files to `wanted`, or as far as the hard limit allows; returns the limit that holds then.
fn raise_nofile(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current.unwrap_or(u64::MAX);
    let raised = wanted.min(maximum.unwrap_or(u64::MAX));
    let allowed = raised > current && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok();
    if allowed { raised } else { current }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7));

    fn acquire(limiter: &Arc<ConnectionLimiter>, peer: IpAddr) -> Arc<ConnectionPermit> {
        Arc::new(limiter.acquire(peer).unwrap())
    }

    #[test]
    fn evicts_the_oldest_idle_connection_of_the_address_with_most() {
        let limiter = ConnectionLimiter::new(4);
        let first = acquire(&limiter, FAR);
        let near: Vec<_> = (0..3).map(|_| acquire(&limiter, NEAR)).collect();
        let request = near[0].begin_request();
        let fifth = acquire(&limiter, FAR);
        let evicted = |permits: &[&Arc<ConnectionPermit>]| {
            permits.iter().map(|permit| permit.evicted.is_cancelled()).collect::<Vec<_>>()
        };
        assert_eq!(evicted(&[&first, &near[0], &near[1], &near[2]]), [false, false, true, false]);
        drop(request);
        let sixth = acquire(&limiter, FAR);
        assert_eq!(evicted(&[&first, &near[0], &near[2], &fifth, &sixth]), [true, false, false, false, false]);
        assert_eq!(limiter.state.lock().open, 4);
    }

    #[test]
    fn a_connection_with_an_active_request_is_never_evicted() {
        let limiter = ConnectionLimiter::new(2);
        let (one, two) = (acquire(&limiter, NEAR), acquire(&limiter, NEAR));
        let (request, upgrade) = (one.begin_request(), two.begin_request());
        upgrade.upgraded();
        assert!(limiter.acquire(FAR).is_none());
        drop(request);
        let three = acquire(&limiter, FAR);
        assert!(one.evicted.is_cancelled() && !two.evicted.is_cancelled());
        drop((one, two));
        assert_eq!(limiter.state.lock().open, 1, "each is counted once");
        drop(three);
        let state = limiter.state.lock();
        assert!(state.open == 0 && state.idle.is_empty());
    }
}
