//! The sessions that run in this instance.

use super::SessionHandle;
use crate::cluster::{Lease, LeaseHolder};
use crate::store::Creator;
use parking_lot::Mutex;
use shared_protocol::SessionId;
use std::collections::HashMap;
use std::sync::Arc;

/// A running session. Its creator is kept here so that a message needs no look-up in the store.
#[derive(Clone)]
pub(super) struct LiveSession {
    /// Sends requests to its task.
    pub handle: SessionHandle,
    /// The user it belongs to.
    pub creator: Arc<Creator>,
    /// None until the store has confirmed that this instance owns the session.
    pub lease: Option<Arc<Lease>>,
}

/// The running sessions by id. The lock is held for one look-up or change.
#[derive(Clone, Default)]
pub(super) struct LiveSessions(pub(super) Arc<Mutex<HashMap<SessionId, LiveSession>>>);

impl LiveSessions {
    /// A guard that frees the entry of `id`.
    pub(super) fn guard(&self, id: SessionId) -> RegistryEntryGuard {
        RegistryEntryGuard { live: self.clone(), id }
    }
}

impl LeaseHolder for LiveSessions {
    fn leases(&self) -> Vec<Arc<Lease>> {
        self.0.lock().values().filter_map(|live| live.lease.clone()).collect()
    }

    fn lost(&self, session: &SessionId) {
        if let Some(live) = self.0.lock().get(session) {
            live.handle.lost();
        }
    }
}

/// Removes a session's entry when dropped, however the session ended.
pub(super) struct RegistryEntryGuard {
    live: LiveSessions,
    id: SessionId,
}

impl RegistryEntryGuard {
    /// Adds the lease to the entry, so that the heartbeat renews it.
    pub(super) fn set_lease(&self, lease: &Arc<Lease>) {
        if let Some(live) = self.live.0.lock().get_mut(&self.id) {
            live.lease = Some(Arc::clone(lease));
        }
    }
}

impl Drop for RegistryEntryGuard {
    fn drop(&mut self) {
        self.live.0.lock().remove(&self.id);
    }
}
