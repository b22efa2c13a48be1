//! The store of a single instance: state lives as long as the process.

use super::{CREATED_LIFE, GONE_LIFE, SessionRecord, SessionState, Store, StoreError, TOMBSTONE_LIFE};
use async_trait::async_trait;
use shared_protocol::{ConnectionId, SessionId};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

#[derive(Default)]
struct State {
    sessions: HashMap<SessionId, (SessionRecord, Option<Instant>)>,
    gone: HashMap<ConnectionId, Instant>,
}

/// Maps behind a lock that is never held for longer than a look-up.
#[derive(Default)]
pub struct MemoryStore(Mutex<State>);

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.gone.retain(|_, until| *until > now);
        state.sessions.retain(|_, (_, until)| until.is_none_or(|until| until > now));
        state
    }
}

fn expiry(record: &SessionRecord) -> Option<Instant> {
    let life = match record.state {
        SessionState::Created => CREATED_LIFE,
        SessionState::Running => return None,
        SessionState::Ended { .. } => TOMBSTONE_LIFE,
    };
    Some(Instant::now() + life)
}

#[async_trait]
impl Store for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn create(&self, record: SessionRecord) -> Result<Option<SessionRecord>, StoreError> {
        let mut state = self.state();
        if let Some((there, _)) = state.sessions.get(&record.id) {
            return Ok(Some(there.clone()));
        }
        let until = expiry(&record);
        state.sessions.insert(record.id.clone(), (record, until));
        Ok(None)
    }

    async fn save(&self, record: SessionRecord) -> Result<(), StoreError> {
        let until = expiry(&record);
        self.state().sessions.insert(record.id.clone(), (record, until));
        Ok(())
    }

    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.state().sessions.get(id).map(|(record, _)| record.clone()))
    }

    async fn open_sessions(&self, user: &str) -> Result<usize, StoreError> {
        let open = |record: &SessionRecord| record.user == user && !matches!(record.state, SessionState::Ended { .. });
        Ok(self.state().sessions.values().filter(|(record, _)| open(record)).count())
    }

    async fn connection_gone(&self, id: &ConnectionId) -> Result<(), StoreError> {
        self.state().gone.insert(id.clone(), Instant::now() + GONE_LIFE);
        Ok(())
    }

    async fn is_gone(&self, id: &ConnectionId) -> Result<bool, StoreError> {
        Ok(self.state().gone.contains_key(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[tokio::test(start_paused = true)]
    async fn keeps_the_contract() {
        contract::keeps_sessions(&MemoryStore::default()).await;
        contract::keeps_gone_connections(&MemoryStore::default()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn tombstones_and_gone_connections_are_forgotten() {
        let store = MemoryStore::default();
        store.save(contract::ended("s")).await.unwrap();
        let connection = ConnectionId::new("c").unwrap();
        store.connection_gone(&connection).await.unwrap();
        tokio::time::advance(GONE_LIFE).await;
        assert!(!store.is_gone(&connection).await.unwrap());
        let id = SessionId::new("s").unwrap();
        assert!(store.session(&id).await.unwrap().is_some());
        tokio::time::advance(TOMBSTONE_LIFE).await;
        assert!(store.session(&id).await.unwrap().is_none());
    }
}
