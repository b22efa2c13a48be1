//! Who is on a connection. API Gateway says so on every event where our authorizer is configured; where it is not, the
//! connection's row does, and is read once.

use crate::connections::{Connections, ConnectionsError};
use crate::event::Source;
use crate::identity::Identity;
use shared_protocol::ConnectionId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most identities remembered: more connections than one function's process sees in its life, at some 300 bytes each.
const REMEMBERED: usize = 1024;

/// Identities by connection; the oldest is forgotten first.
#[derive(Debug, Default)]
pub(crate) struct Identities(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_connection: HashMap<ConnectionId, Identity>,
    order: VecDeque<ConnectionId>,
}

impl Identities {
    /// Who an event is from: nobody when there is neither an authorizer's word nor a live row.
    pub(crate) async fn of(
        &self,
        source: &Source,
        connections: &dyn Connections,
        now: u64,
    ) -> Result<Option<Identity>, ConnectionsError> {
        if source.identity.is_some() {
            return Ok(source.identity.clone());
        }
        let known = self.known().by_connection.get(&source.connection).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let row = connections.get(&source.connection, now).await?;
        Ok(row.map(|row| {
            self.remember(row.id, row.identity.clone());
            row.identity
        }))
    }

    /// Drops what is known of a connection that is gone.
    pub(crate) fn forget(&self, connection: &ConnectionId) {
        let mut known = self.known();
        if known.by_connection.remove(connection).is_some() {
            known.order.retain(|other| other != connection);
        }
    }

    fn remember(&self, connection: ConnectionId, identity: Identity) {
        let mut known = self.known();
        if known.by_connection.insert(connection.clone(), identity).is_none() {
            known.order.push_back(connection);
        }
        if known.order.len() > REMEMBERED
            && let Some(oldest) = known.order.pop_front()
        {
            known.by_connection.remove(&oldest);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::Role;

    #[test]
    fn the_oldest_is_forgotten_and_nothing_grows_without_end() {
        let identities = Identities::default();
        let id = |n: usize| ConnectionId::new(format!("c{n}")).unwrap();
        let identity = Identity {
            sub: "ada".into(),
            sid: None,
            role: Role::Viewer,
            admin: false,
            create: false,
            uexp: 1,
            iat: None,
        };
        for n in 0..=REMEMBERED {
            identities.remember(id(n), identity.clone());
            identities.remember(id(n), identity.clone());
        }
        let sizes = |known: &Known| (known.order.len(), known.by_connection.len());
        {
            let known = identities.known();
            assert!(!known.by_connection.contains_key(&id(0)));
            assert!(known.by_connection.contains_key(&id(1)));
            assert_eq!(sizes(&known), (REMEMBERED, REMEMBERED));
        }
        identities.forget(&id(1));
        assert_eq!(sizes(&identities.known()), (REMEMBERED - 1, REMEMBERED - 1));
    }
}
