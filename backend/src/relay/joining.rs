//! A session's request to have a client carried.

use shared_protocol::{ConnectionId, SessionId};
use std::sync::Arc;
use tokio::sync::Notify;

/// Says whether a session may still send: another instance may have taken it over.
pub trait Permit: Send + Sync {
    /// True while it may.
    fn holds(&self) -> bool;
}

/// A client that a relay is to carry.
#[derive(Clone)]
pub struct Joining {
    /// Its session; none for a wall.
    pub session: Option<SessionId>,
    /// Connection that its frames go over.
    pub connection: ConnectionId,
    /// Domain and stage of the connection's API; empty for a WebSocket of the service.
    pub endpoint: String,
    /// Wakes the session's task when the client has credit again or must look for another relay.
    pub wake: Arc<Notify>,
    /// Asked before a frame is answered.
    pub permit: Arc<dyn Permit>,
    /// True for a page, which answers `renew` with `follow`.
    pub renews: bool,
}
