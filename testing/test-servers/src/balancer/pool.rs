//! The backends of a load balancer and whose turn it is. Pure: who checks them is elsewhere.

use std::net::SocketAddr;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The backends, in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Pool {
    backends: Vec<Backend>,
    next: usize,
}

#[derive(Debug)]
struct Backend {
    address: SocketAddr,
    healthy: bool,
    /// Failed checks since the last that succeeded.
    failures: u32,
    /// Ends its checks when it is removed.
    _checked: DropGuard,
}

impl Pool {
    /// Takes in a new one. Returns what says when to stop checking it; nothing, if it is there already.
    pub(super) fn add(&mut self, address: SocketAddr) -> Option<CancellationToken> {
        if self.backends.iter().any(|backend| backend.address == address) {
            return None;
        }
        let stop = CancellationToken::new();
        let checked = stop.clone().drop_guard();
        self.backends.push(Backend { address, healthy: false, failures: 0, _checked: checked });
        Some(stop)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(SocketAddr) -> bool) {
        self.backends.retain(|backend| keep(backend.address));
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.backends.iter().map(|backend| backend.address).collect()
    }

    pub(super) fn healthy(&self) -> Vec<SocketAddr> {
        self.backends.iter().filter(|backend| backend.healthy).map(|backend| backend.address).collect()
    }

    /// Whose turn it is.
    pub(super) fn turn(&mut self) -> Option<SocketAddr> {
        let count = self.backends.len();
        let mut places = (0..count).map(|offset| (self.next + offset) % count);
        let place = places.find(|place| self.backends[*place].healthy)?;
        self.next = place + 1;
        Some(self.backends[place].address)
    }

    /// Takes note of a check, and says whether that changed which ones are healthy.
    pub(super) fn checked(&mut self, address: SocketAddr, good: bool, tolerated: u32) -> bool {
        let Some(backend) = self.backends.iter_mut().find(|backend| backend.address == address) else { return false };
        let before = backend.healthy;
        backend.failures = if good { 0 } else { backend.failures.saturating_add(1) };
        backend.healthy = good || (before && backend.failures < tolerated);
        backend.healthy != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn pool(ports: &[u16]) -> Pool {
        let mut pool = Pool::default();
        for port in ports {
            pool.add(address(*port)).unwrap();
            assert!(pool.checked(address(*port), true, 2));
        }
        pool
    }

    fn turns(pool: &mut Pool, count: usize) -> Vec<u16> {
        (0..count).map(|_| pool.turn().unwrap().port()).collect()
    }

    #[test]
    fn each_has_its_turn() {
        assert_eq!(turns(&mut pool(&[1, 2, 3]), 7), [1, 2, 3, 1, 2, 3, 1]);
        assert_eq!(Pool::default().turn(), None);
    }

    #[test]
    fn a_new_one_waits_for_its_first_check() {
        let mut pool = pool(&[1]);
        pool.add(address(2)).unwrap();
        assert!(pool.add(address(2)).is_none());
        assert_eq!(turns(&mut pool, 2), [1, 1]);
        assert!(!pool.checked(address(2), false, 2));
        assert!(pool.checked(address(2), true, 2));
        assert_eq!(turns(&mut pool, 2), [2, 1]);
    }

    #[test]
    fn failures_in_a_row_take_it_out_and_one_success_brings_it_back() {
        let mut pool = pool(&[1, 2]);
        let mut check = |good| pool.checked(address(1), good, 2);
        assert_eq!([false, true, false].map(&mut check), [false; 3]);
        assert!(check(false));
        assert!(!check(false));
        assert_eq!(turns(&mut pool, 2), [2, 2]);
        assert!(pool.checked(address(1), true, 2));
        assert_eq!(turns(&mut pool, 2), [1, 2]);
    }

    #[test]
    fn a_removed_one_is_checked_no_more() {
        let mut pool = pool(&[1, 2]);
        let stop = pool.add(address(3)).unwrap();
        assert_eq!(turns(&mut pool, 2), [1, 2]);
        pool.retain(|address| address.port() == 1);
        assert!(stop.is_cancelled());
        assert!(!pool.checked(address(3), true, 2));
        assert_eq!(turns(&mut pool, 2), [1, 1]);
    }
}
