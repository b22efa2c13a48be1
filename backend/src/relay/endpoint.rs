//! One API as the relays of this instance see it: whether API Gateway refuses posts of its account, which ends no sooner for one
//! relay than for another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An API of API Gateway, shared by all relays that post to it.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Domain and stage; empty for a WebSocket of the service.
    pub(super) name: String,
    /// Relays that report refused posts.
    throttled: AtomicUsize,
}

impl Endpoint {
    pub(super) fn new(name: String) -> Arc<Self> {
        Arc::new(Self { name, throttled: AtomicUsize::new(0) })
    }

    /// True while API Gateway refuses posts of the whole account, as one relay at least says.
    pub(super) fn is_throttled(&self) -> bool {
        self.throttled.load(Ordering::Relaxed) > 0
    }

    /// Counts a relay that reports refused posts, until the guard is dropped.
    pub(super) fn throttle(self: &Arc<Self>) -> Throttle {
        self.throttled.fetch_add(1, Ordering::Relaxed);
        Throttle(Arc::clone(self))
    }
}

/// One relay's word that API Gateway refuses posts.
#[derive(Debug)]
pub(super) struct Throttle(Arc<Endpoint>);

impl Drop for Throttle {
    fn drop(&mut self) {
        self.0.throttled.fetch_sub(1, Ordering::Relaxed);
    }
}
