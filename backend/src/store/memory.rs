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

/// Fewest values that are looked through for those whose life is over.
const FEW: usize = 64;

/// Values that are forgotten.
struct Expiring<K, V> {
    values: HashMap<K, (V, Option<Instant>)>,
    /// How many there are when they are looked through next.
    look_at: usize,
}

impl<K, V> Default for Expiring<K, V> {
    fn default() -> Self {
        Self { values: HashMap::new(), look_at: FEW }
    }
}

fn lives(until: Option<Instant>, now: Instant) -> bool {
    until.is_none_or(|until| until > now)
}

impl<K: Eq + Hash, V: Clone> Expiring<K, V> {
    fn put(&mut self, key: K, value: V, life: Option<Duration>) {
        let now = Instant::now();
        if self.values.len() >= self.look_at {
            self.values.retain(|_, (_, until)| lives(*until, now));
            // Each look is paid for by what has come since the one before: what a value costs does not grow with how many there are.
            self.look_at = FEW.max(2 * self.values.len());
        }
        self.values.insert(key, (value, life.map(|life| now + life)));
    }

    fn get(&self, key: &K) -> Option<V> {
        let now = Instant::now();
        self.values.get(key).filter(|(_, until)| lives(*until, now)).map(|(value, _)| value.clone())
    }

    fn remove(&mut self, key: &K) {
        self.values.remove(key);
    }

    fn values(&self) -> impl Iterator<Item = &V> {
        let now = Instant::now();
        self.values.values().filter(move |(_, until)| lives(*until, now)).map(|(value, _)| value)
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
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        state.connections.remove(id);
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
        self.state().instances.remove(id);
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

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_takes_no_room() {
        let store = MemoryStore::default();
        for number in 0..10_000 {
            store.connection_gone(&ConnectionId::new(format!("c{number}")).unwrap()).await.unwrap();
            tokio::time::advance(GONE_LIFE / 1000).await;
        }
        let there = store.state().gone.values.len();
        assert!((1000..=2000).contains(&there), "{there}");
    }
}
