//! The store of a single instance: state lives as long as the process.

use super::{
    CONNECTION_LIFE, ConnectionRecord, GONE_LIFE, INSTANCE_LIFE, Incarnation, Instance, Put, ScreenRecord,
    SessionRecord, SessionState, Store, StoreError, TOMBSTONE_LIFE, Version, life,
};
use async_trait::async_trait;
use shared_protocol::{ConnectionId, SessionId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Values that are forgotten.
struct Expiring<K, V>(HashMap<K, (V, Option<Instant>)>);

impl<K, V> Default for Expiring<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V: Clone> Expiring<K, V> {
    fn put(&mut self, key: K, value: V, life: Option<Duration>) {
        self.0.insert(key, (value, life.map(|life| Instant::now() + life)));
    }

    fn get(&self, key: &K) -> Option<V> {
        self.0.get(key).map(|(value, _)| value.clone())
    }

    fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values().map(|(value, _)| value)
    }

    fn expire(&mut self, now: Instant) {
        self.0.retain(|_, (_, until)| until.is_none_or(|until| until > now));
    }
}

#[derive(Default)]
struct State {
    sessions: Expiring<SessionId, SessionRecord>,
    screens: Expiring<SessionId, ScreenRecord>,
    connections: Expiring<ConnectionId, ConnectionRecord>,
    gone: Expiring<ConnectionId, ()>,
    instances: Expiring<Incarnation, Instance>,
}

/// Maps behind a lock that is never held for longer than a look-up.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    shared: bool,
}

impl MemoryStore {
    /// One that several instances in one process see, as they would see a real one.
    pub fn shared() -> Self {
        Self { shared: true, ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.sessions.expire(now);
        state.screens.expire(now);
        state.connections.expire(now);
        state.gone.expire(now);
        state.instances.expire(now);
        state
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn is_shared(&self) -> bool {
        self.shared
    }

    async fn put(&self, record: &SessionRecord, over: Option<&Version>) -> Result<Put, StoreError> {
        let mut state = self.state();
        if let Some(there) = state.sessions.get(&record.id)
            && over != Some(&there.version())
        {
            return Ok(Put::Other(there));
        }
        // Of a single instance, nobody writes a running session again to keep it.
        let kept = !self.shared && record.state == SessionState::Running;
        state.sessions.put(record.id.clone(), record.clone(), (!kept).then(|| life(record)));
        Ok(Put::Written)
    }

    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.state().sessions.get(id))
    }

    async fn sessions_of(&self, user: &str) -> Result<Vec<SessionRecord>, StoreError> {
        Ok(self.state().sessions.values().filter(|record| record.user == user).cloned().collect())
    }

    async fn put_screen(&self, id: &SessionId, screen: &ScreenRecord) -> Result<(), StoreError> {
        self.state().screens.put(id.clone(), screen.clone(), Some(TOMBSTONE_LIFE));
        Ok(())
    }

    async fn screen(&self, id: &SessionId) -> Result<Option<ScreenRecord>, StoreError> {
        Ok(self.state().screens.get(id))
    }

    async fn put_connection(&self, record: &ConnectionRecord) -> Result<(), StoreError> {
        self.state().connections.put(record.id.clone(), record.clone(), Some(CONNECTION_LIFE));
        Ok(())
    }

    async fn connections_of(&self, session: &SessionId) -> Result<Vec<ConnectionRecord>, StoreError> {
        Ok(self.state().connections.values().filter(|record| record.session == *session).cloned().collect())
    }

    async fn connection_gone(&self, id: &ConnectionId) -> Result<(), StoreError> {
        let mut state = self.state();
        state.connections.0.remove(id);
        state.gone.put(id.clone(), (), Some(GONE_LIFE));
        Ok(())
    }

    async fn is_gone(&self, id: &ConnectionId) -> Result<bool, StoreError> {
        Ok(self.state().gone.get(id).is_some())
    }

    async fn beat(&self, instance: &Instance) -> Result<bool, StoreError> {
        let mut state = self.state();
        let known = state.instances.get(&instance.id).is_some();
        state.instances.put(instance.id.clone(), instance.clone(), Some(INSTANCE_LIFE));
        Ok(known)
    }

    async fn leave(&self, id: &Incarnation) -> Result<(), StoreError> {
        self.state().instances.0.remove(id);
        Ok(())
    }

    async fn instance(&self, id: &Incarnation) -> Result<Option<Instance>, StoreError> {
        Ok(self.state().instances.get(id))
    }

    async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        Ok(self.state().instances.values().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[tokio::test(start_paused = true)]
    async fn keeps_the_contract() {
        let store = MemoryStore::default();
        contract::keeps_sessions(&store).await;
        contract::gives_a_session_to_one(&store).await;
        contract::keeps_screens(&store).await;
        contract::keeps_connections(&store).await;
        contract::keeps_instances(&store).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_renews_is_forgotten() {
        let store = MemoryStore::default();
        let tombstone = contract::ended("s");
        store.put(&tombstone, None).await.unwrap();
        let connection = ConnectionId::new("c").unwrap();
        store.connection_gone(&connection).await.unwrap();
        let instance = contract::instance("i");
        store.beat(&instance).await.unwrap();
        tokio::time::advance(INSTANCE_LIFE).await;
        assert_eq!(store.instance(&instance.id).await.unwrap(), None);
        tokio::time::advance(GONE_LIFE).await;
        assert!(!store.is_gone(&connection).await.unwrap());
        assert!(store.session(&tombstone.id).await.unwrap().is_some());
        tokio::time::advance(TOMBSTONE_LIFE).await;
        assert!(store.session(&tombstone.id).await.unwrap().is_none());
    }
}
