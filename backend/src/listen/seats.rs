//! Places for connections. When all are taken, the address with most connections that rest gives up the one that has rested
//! longest: whoever takes them all takes them from himself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Descriptors for each connection: its own, and as many again for terminals, their processes, and everything else.
const DESCRIPTORS: u64 = 2;

/// All of them.
pub struct Seats {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    count: usize,
    /// Counts up; orders seats by when they began to rest.
    moment: u64,
    /// Connections without a request under way, by address and by when they began to rest.
    resting: HashMap<IpAddr, BTreeMap<u64, CancellationToken>>,
}

impl Seats {
    /// So many, at least one.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), taken: Mutex::default() })
    }

    /// So many, or fewer where this process may not have descriptors enough for them. It is allowed what it needs, if it can be.
    pub fn of_this_process(most: usize) -> Arc<Self> {
        let descriptors = raise_descriptors(most as u64 * DESCRIPTORS);
        let possible = usize::try_from(descriptors / DESCRIPTORS).unwrap_or(usize::MAX);
        if possible < most {
            tracing::warn!(descriptors, connections = possible, wanted = most, "fewer connections than configured");
        }
        Self::new(most.min(possible))
    }

    /// A seat; none when all are taken by connections that have a request under way.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let mut taken = self.taken();
        if taken.count == self.most {
            let oldest = |resting: &BTreeMap<u64, _>| Reverse(resting.first_key_value().map(|(since, _)| *since));
            let most = taken.resting.iter_mut().max_by_key(|(_, resting)| (resting.len(), oldest(resting)));
            let (_, leaves) = most?.1.pop_first()?;
            leaves.cancel();
        } else {
            taken.count += 1;
        }
        let wanted = CancellationToken::new();
        let since = taken.rests(peer, &wanted);
        let (since, asked) = (AtomicU64::new(since), AtomicBool::new(false));
        Some(Seat { seats: Arc::clone(self), peer, wanted, since, asked })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn rests(&mut self, peer: IpAddr, wanted: &CancellationToken) -> u64 {
        self.moment += 1;
        self.resting.entry(peer).or_default().insert(self.moment, wanted.clone());
        self.moment
    }

    fn rests_no_more(&mut self, peer: IpAddr, since: u64) {
        if let Some(resting) = self.resting.get_mut(&peer) {
            resting.remove(&since);
            if resting.is_empty() {
                self.resting.remove(&peer);
            }
        }
    }
}

/// The place of one connection, free again when this is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    peer: IpAddr,
    /// Somebody else has it now. Cancelled under the lock, so that it is counted once.
    wanted: CancellationToken,
    /// Since when it rests; changed under the lock.
    since: AtomicU64,
    asked: AtomicBool,
}

impl Seat {
    /// A request is under way until the answer is dropped.
    pub(super) fn ask(self: &Arc<Self>) -> Asking {
        self.asked.store(true, Ordering::Relaxed);
        self.seats.taken().rests_no_more(self.peer, self.since.load(Ordering::Relaxed));
        Asking { seat: Arc::clone(self), for_good: false }
    }

    /// Whether there ever was a request.
    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Completes when it must be given up.
    pub(super) async fn is_wanted(&self) {
        self.wanted.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.rests_no_more(self.peer, self.since.load(Ordering::Relaxed));
        if !self.wanted.is_cancelled() {
            taken.count -= 1;
        }
    }
}

/// A request that is under way.
pub(super) struct Asking {
    seat: Arc<Seat>,
    for_good: bool,
}

impl Asking {
    /// It never ends: the connection is something else from now on.
    pub(super) fn for_good(mut self) {
        self.for_good = true;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if self.for_good {
            return;
        }
        let seat = &self.seat;
        let mut taken = seat.seats.taken();
        if !seat.wanted.is_cancelled() {
            seat.since.store(taken.rests(seat.peer, &seat.wanted), Ordering::Relaxed);
        }
    }
}

/// A connection on its seat: the two end together, whoever has the connection by then.
pub(super) struct Seated {
    stream: TcpStream,
    _seat: Arc<Seat>,
}

impl Seated {
    pub(super) fn new(stream: TcpStream, seat: Arc<Seat>) -> Self {
        Self { stream, _seat: seat }
    }
}

impl AsyncRead for Seated {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buf)
    }
}

impl AsyncWrite for Seated {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Allows this process so many descriptors, or as many as it can be allowed; returns how many it may have.
fn raise_descriptors(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current.unwrap_or(u64::MAX);
    let raised = wanted.min(maximum.unwrap_or(u64::MAX));
    let allowed = raised > current && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok();
    if allowed { raised } else { current }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7));

    fn take(seats: &Arc<Seats>, peer: IpAddr) -> Arc<Seat> {
        Arc::new(seats.take(peer).unwrap())
    }

    #[test]
    fn who_has_most_that_rest_gives_up_the_oldest() {
        let seats = Seats::new(4);
        let first = take(&seats, THERE);
        let mine: Vec<_> = (0..3).map(|_| take(&seats, HERE)).collect();
        let asking = mine[0].ask();
        let fifth = take(&seats, THERE);
        let left = |seats: &[&Arc<Seat>]| seats.iter().map(|seat| seat.wanted.is_cancelled()).collect::<Vec<_>>();
        assert_eq!(left(&[&first, &mine[0], &mine[1], &mine[2]]), [false, false, true, false]);
        drop(asking);
        let sixth = take(&seats, THERE);
        assert_eq!(left(&[&first, &mine[0], &mine[2], &fifth, &sixth]), [true, false, false, false, false]);
        assert_eq!(seats.taken().count, 4);
    }

    #[test]
    fn who_has_a_request_under_way_stays() {
        let seats = Seats::new(2);
        let (one, two) = (take(&seats, HERE), take(&seats, HERE));
        let (asking, forever) = (one.ask(), two.ask());
        forever.for_good();
        assert!(seats.take(THERE).is_none());
        drop(asking);
        let three = take(&seats, THERE);
        assert!(one.wanted.is_cancelled() && !two.wanted.is_cancelled());
        drop((one, two));
        assert_eq!(seats.taken().count, 1, "each is counted once");
        drop(three);
        let taken = seats.taken();
        assert!(taken.count == 0 && taken.resting.is_empty());
    }
}
