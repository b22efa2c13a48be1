//! Identities of open connections. API Gateway sends the identity with every event where our authorizer is configured; where
//! it is not, the identity is read once from the connection's row.

use crate::backend::Caller;
use crate::connections::{Connections, ConnectionsError};
use crate::identity::Identity;
use parking_lot::Mutex;
use shared_protocol::ConnectionId;
use std::collections::{HashMap, VecDeque};

/// Largest number of cached identities, of some 300 bytes each: more connections than one process of the function sees.
const MAX_ENTRIES: usize = 1024;

/// Identities by connection. Evicts the oldest entry first.
#[derive(Debug, Default)]
pub(crate) struct IdentityCache(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    by_connection: HashMap<ConnectionId, Identity>,
    /// The keys of `by_connection`, oldest first.
    order: VecDeque<ConnectionId>,
}

impl IdentityCache {
    /// The caller's identity: from the event, the cache or the row; `None` without a live row.
    pub(crate) async fn get(
        &self,
        caller: &Caller,
        connections: &dyn Connections,
        now: u64,
    ) -> Result<Option<Identity>, ConnectionsError> {
        if caller.identity.is_some() {
            return Ok(caller.identity.clone());
        }
        let cached = self.0.lock().by_connection.get(&caller.connection).cloned();
        if cached.is_some() {
            return Ok(cached);
        }
        let row = connections.get(&caller.connection, now).await?;
        Ok(row.map(|row| {
            self.insert(row.id, row.identity.clone());
            row.identity
        }))
    }

    pub(crate) fn remove(&self, connection: &ConnectionId) {
        let mut entries = self.0.lock();
        if entries.by_connection.remove(connection).is_some() {
            entries.order.retain(|other| other != connection);
        }
    }

    fn insert(&self, connection: ConnectionId, identity: Identity) {
        let mut entries = self.0.lock();
        if entries.by_connection.insert(connection.clone(), identity).is_none() {
            entries.order.push_back(connection);
        }
        if entries.order.len() > MAX_ENTRIES
            && let Some(oldest) = entries.order.pop_front()
        {
            entries.by_connection.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::tests::identity;

    #[test]
    fn the_oldest_entry_is_evicted() {
        let cache = IdentityCache::default();
        let id = |n: usize| ConnectionId::new(format!("c{n}")).unwrap();
        for n in 0..=MAX_ENTRIES {
            cache.insert(id(n), identity());
            cache.insert(id(n), identity());
        }
        let sizes = |entries: &Entries| (entries.order.len(), entries.by_connection.len());
        {
            let entries = cache.0.lock();
            assert!(!entries.by_connection.contains_key(&id(0)));
            assert!(entries.by_connection.contains_key(&id(1)));
            assert_eq!(sizes(&entries), (MAX_ENTRIES, MAX_ENTRIES));
        }
        cache.remove(&id(1));
        assert_eq!(sizes(&cache.0.lock()), (MAX_ENTRIES - 1, MAX_ENTRIES - 1));
    }
}
