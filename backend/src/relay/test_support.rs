//! Doubles for the tests of relays and of their users.

use super::joining::{Joining, Permit};
use shared_protocol::{ConnectionId, SessionId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A permit that a test takes back.
pub(crate) struct Switch(pub(crate) AtomicBool);

impl Switch {
    /// A permit that holds.
    pub(crate) fn on() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }
}

impl Permit for Switch {
    fn holds(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A page on this connection.
pub(crate) fn joining(connection: &str, permit: &Arc<Switch>) -> Joining {
    Joining {
        session: SessionId::new("s").ok(),
        connection: ConnectionId::new(connection).unwrap(),
        endpoint: "api/prod".into(),
        wake: Arc::default(),
        permit: Arc::<Switch>::clone(permit),
        renews: true,
    }
}
