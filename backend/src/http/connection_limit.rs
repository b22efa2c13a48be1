//! Caps open connections, in two pools that cannot push each other out: those of strangers, and those that have shown a valid
//! token. A stranger's connection is closed when its pool is full, even in the middle of a request; any other only while it is
//! idle.

use http::Extensions;
use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::InspectReader;
use tokio_util::sync::CancellationToken;

/// Descriptors per connection: its own, and one for terminals, their processes and everything else.
const DESCRIPTORS_PER_CONNECTION: u64 = 2;

/// Share of all connections that strangers have: a quarter.
const STRANGERS: usize = 4;

/// Share of all connections that strangers on this machine have, which shells are: a sixteenth.
const LOCAL_STRANGERS: usize = 16;

/// Share of all connections on which one user may have a request in progress, or a WebSocket: a thirty-second.
const ONE_USER: usize = 32;

/// Least of these for one user, however few connections there are: the pages of one user need two each.
const MIN_ONE_USER: usize = 64;

/// Address of all clients on this machine: it has millions of its own.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Hands out permits for connections.
pub struct ConnectionLimiter {
    limits: Limits,
    state: Mutex<State>,
}

/// Most connections of each kind.
#[derive(Debug, Clone, Copy)]
struct Limits {
    local_strangers: usize,
    strangers: usize,
    /// Those that have shown a valid token.
    known: usize,
    /// Requests in progress and WebSockets of one user.
    user: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Standing {
    /// Has shown no valid token, and comes from this machine.
    LocalStranger,
    /// Has shown no valid token.
    Stranger,
    /// Has shown a valid token.
    Known,
}

/// Why a request with a valid token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// Its user has too many requests in progress.
    User,
    /// Every other connection with a valid token has a request in progress.
    Service,
}

#[derive(Default)]
struct State {
    /// Connections by their number.
    open: HashMap<u64, Connection>,
    /// Number of connections of each standing.
    counts: HashMap<Standing, usize>,
    /// Numbers connections, and orders those that may be closed.
    last: u64,
    /// Connections that may be closed, by standing and address, the longest-idle first.
    closable: HashMap<Standing, HashMap<IpAddr, BTreeMap<u64, u64>>>,
    /// Requests in progress and WebSockets of each user; a user without one has no entry.
    requests: HashMap<String, usize>,
}

struct Connection {
    address: IpAddr,
    standing: Standing,
    /// Its place among those that may be closed.
    closable: Option<u64>,
    /// User of the request in progress, or of the WebSocket.
    user: Option<String>,
    /// Cancelled when another connection has taken its place.
    evicted: CancellationToken,
}

impl ConnectionLimiter {
    /// Allows `max` connections, at least 2.
    pub fn new(max: usize) -> Arc<Self> {
        let max = max.max(2);
        let share = |part: usize| (max / part).max(1);
        let strangers = share(STRANGERS);
        let user = share(ONE_USER).max(MIN_ONE_USER);
        let limits = Limits { local_strangers: share(LOCAL_STRANGERS), strangers, known: max - strangers, user };
        Arc::new(Self { limits, state: Mutex::default() })
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

    /// A permit for a new connection, which is a stranger's, if needed in the place of another stranger's. `local` is the address
    /// of this side.
    pub(super) fn acquire(self: &Arc<Self>, peer: IpAddr, local: IpAddr) -> ConnectionPermit {
        use Standing::{LocalStranger, Stranger};
        let is_local = peer.to_canonical().is_loopback() || peer == local;
        let (address, standing) = if is_local { (HERE, LocalStranger) } else { (network(peer), Stranger) };
        let mut state = self.state.lock();
        if is_local && state.count(LocalStranger) >= self.limits.local_strangers {
            state.evict(&[LocalStranger]);
        } else if state.count(LocalStranger) + state.count(Stranger) >= self.limits.strangers {
            state.evict(&[LocalStranger, Stranger]);
        }
        let (number, evicted) = (state.next(), CancellationToken::new());
        let connection = Connection { address, standing, closable: None, user: None, evicted: evicted.clone() };
        state.open.insert(number, connection);
        *state.counts.entry(standing).or_default() += 1;
        state.set_closable(number);
        ConnectionPermit { limiter: Arc::clone(self), number, evicted, had_request: AtomicBool::new(false) }
    }
}

/// The network that one client may have: an address of IPv4, or a /64 of IPv6.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn count(&self, standing: Standing) -> usize {
        self.counts.get(&standing).copied().unwrap_or_default()
    }

    fn set_closable(&mut self, number: u64) {
        let since = self.next();
        let Some(connection) = self.open.get_mut(&number) else { return };
        connection.closable = Some(since);
        let theirs = self.closable.entry(connection.standing).or_default();
        theirs.entry(connection.address).or_default().insert(since, number);
    }

    fn set_busy(&mut self, number: u64) {
        let Some(connection) = self.open.get_mut(&number) else { return };
        let Some(since) = connection.closable.take() else { return };
        let theirs = self.closable.entry(connection.standing).or_default();
        if let Some(closable) = theirs.get_mut(&connection.address) {
            closable.remove(&since);
            if closable.is_empty() {
                theirs.remove(&connection.address);
            }
        }
    }

    fn release_user(&mut self, number: u64) {
        let Some(user) = self.open.get_mut(&number).and_then(|connection| connection.user.take()) else { return };
        if let Some(count) = self.requests.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                self.requests.remove(&user);
            }
        }
    }

    /// Closes the longest-idle connection of these standings, of the address that has the most; false if there is none.
    fn evict(&mut self, standings: &[Standing]) -> bool {
        let addresses = standings.iter().filter_map(|standing| self.closable.get(standing)).flat_map(HashMap::values);
        let age = |closable: &BTreeMap<u64, _>| Reverse(closable.first_key_value().map(|(since, _)| *since));
        let most = addresses.max_by_key(|closable| (closable.len(), age(closable)));
        let Some((_, &victim)) = most.and_then(BTreeMap::first_key_value) else { return false };
        if let Some(connection) = self.remove(victim) {
            connection.evicted.cancel();
        }
        true
    }

    fn remove(&mut self, number: u64) -> Option<Connection> {
        self.set_busy(number);
        self.release_user(number);
        let connection = self.open.remove(&number)?;
        *self.counts.entry(connection.standing).or_default() -= 1;
        Some(connection)
    }

    fn trust(&mut self, number: u64, user: Option<&str>, limits: &Limits) -> Result<(), Full> {
        // It was closed just now.
        let Some(connection) = self.open.get(&number) else { return Ok(()) };
        let user = user.filter(|_| connection.user.is_none());
        let before = connection.standing;
        if user.is_some_and(|user| self.requests.get(user).is_some_and(|count| *count >= limits.user)) {
            return Err(Full::User);
        }
        if before != Standing::Known {
            if self.count(Standing::Known) >= limits.known && !self.evict(&[Standing::Known]) {
                return Err(Full::Service);
            }
            self.set_busy(number);
            *self.counts.entry(before).or_default() -= 1;
            *self.counts.entry(Standing::Known).or_default() += 1;
        }
        let Some(connection) = self.open.get_mut(&number) else { return Ok(()) };
        connection.standing = Standing::Known;
        if let Some(user) = user {
            connection.user = Some(user.to_owned());
            *self.requests.entry(user.to_owned()).or_default() += 1;
        }
        Ok(())
    }
}

/// The right of one connection to be open, until it is dropped. An extension of its requests.
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    number: u64,
    evicted: CancellationToken,
    had_request: AtomicBool,
}

impl ConnectionPermit {
    /// Protects the connection from eviction until the returned guard is dropped, if it has shown a valid token.
    pub(super) fn begin_request(self: &Arc<Self>) -> ActiveRequest {
        self.had_request.store(true, Ordering::Relaxed);
        let mut state = self.limiter.state.lock();
        if state.open.get(&self.number).is_some_and(|connection| connection.standing == Standing::Known) {
            state.set_busy(self.number);
        }
        ActiveRequest { permit: Arc::clone(self), is_upgraded: false }
    }

    /// Notes that the request in progress has shown a valid token: the connection is a stranger's no longer. Counts the request
    /// for this user, or for none if a program of the platform made it.
    pub(super) fn trust(&self, user: Option<&str>) -> Result<(), Full> {
        self.limiter.state.lock().trust(self.number, user, &self.limiter.limits)
    }

    /// True once the connection has had a request.
    pub(super) fn had_request(&self) -> bool {
        self.had_request.load(Ordering::Relaxed)
    }

    /// Closes the connection, even in the middle of a response.
    pub(super) fn close(&self) {
        self.evicted.cancel();
    }

    /// Completes when the connection must close, as when another one took its place.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

/// Completes when the connection of a request must close because another one took its place.
pub(super) fn evicted(request: &Extensions) -> impl Future<Output = ()> + Send + use<> {
    let permit = request.get::<Arc<ConnectionPermit>>().cloned();
    async move {
        match permit {
            Some(permit) => permit.evicted().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limiter.state.lock().remove(self.number);
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
        if self.is_upgraded {
            return;
        }
        let number = self.permit.number;
        let mut state = self.permit.limiter.state.lock();
        state.release_user(number);
        if state.open.get(&number).is_some_and(|connection| connection.standing == Standing::Known) {
            state.set_closable(number);
        }
    }
}

/// A stream that holds its permit, so that an upgraded connection keeps it too.
pub(super) fn with_permit(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
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
mod tests;
