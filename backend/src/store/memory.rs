//! The store of a single instance: state lives as long as the process.

use super::turns::Turns;
use super::{
    ANNOUNCEMENTS_TTL, CONNECTION_TTL, Cas, ClassRecord, CommandPlace, CommandRecord, ConnectionRecord,
    DISCONNECTED_TTL, DISPATCH_TTL, DispatchRecord, EVENTS_TTL, EventQueue, EventRecord, INSTANCE_TTL, Instance,
    InstanceId, MAX_COMMANDS, Pace, RUNNING_TTL, Revocations, SENDER_TTL, ScreenRecord, SessionRecord, SessionState,
    Store, StoreError, TOMBSTONE_TTL, Turn, Version, WALL_TTL, session_ttl,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use shared_protocol::{ClientId, ConnectionId, GroupId, SessionId};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Smallest map size that is searched for expired values.
const MIN_SWEEP: usize = 64;

struct ExpiringMap<K, V> {
    /// Each value with its expiry; none means never.
    values: HashMap<K, (V, Option<Instant>)>,
    /// Map size at which expired values are removed next.
    sweep_at: usize,
}

impl<K, V> Default for ExpiringMap<K, V> {
    fn default() -> Self {
        Self { values: HashMap::new(), sweep_at: MIN_SWEEP }
    }
}

fn is_live(expiry: Option<Instant>, now: Instant) -> bool {
    expiry.is_none_or(|expiry| expiry > now)
}

impl<K: Eq + Hash, V: Clone> ExpiringMap<K, V> {
    fn put(&mut self, key: K, value: V, ttl: Option<Duration>) {
        let now = Instant::now();
        if self.values.len() >= self.sweep_at {
            self.values.retain(|_, (_, expiry)| is_live(*expiry, now));
            // The map doubles between two sweeps, so a write costs O(1) amortised.
            self.sweep_at = MIN_SWEEP.max(2 * self.values.len());
        }
        self.values.insert(key, (value, ttl.map(|ttl| now + ttl)));
    }

    fn get(&self, key: &K) -> Option<V> {
        let now = Instant::now();
        self.values.get(key).filter(|(_, expiry)| is_live(*expiry, now)).map(|(value, _)| value.clone())
    }

    /// Removes a value: it is then the only copy, and can be changed without another.
    fn take(&mut self, key: &K) -> Option<V> {
        self.values.remove(key).filter(|(_, expiry)| is_live(*expiry, Instant::now())).map(|(value, _)| value)
    }

    fn values(&self) -> impl Iterator<Item = &V> {
        let now = Instant::now();
        self.values.values().filter(move |(_, expiry)| is_live(*expiry, now)).map(|(value, _)| value)
    }
}

#[derive(Default)]
struct State {
    sessions: ExpiringMap<SessionId, SessionRecord>,
    screens: ExpiringMap<SessionId, ScreenRecord>,
    connections: ExpiringMap<ConnectionId, ConnectionRecord>,
    disconnected: ExpiringMap<ConnectionId, ()>,
    revoked: ExpiringMap<SessionId, Revocations>,
    classes: ExpiringMap<SessionId, ClassRecord>,
    commands: ExpiringMap<(SessionId, u64), Arc<VecDeque<CommandRecord>>>,
    events: ExpiringMap<SessionId, Arc<EventQueue>>,
    senders: ExpiringMap<SessionId, InstanceId>,
    dispatches: ExpiringMap<String, DispatchRecord>,
    walls: ExpiringMap<ClientId, InstanceId>,
    announcements: ExpiringMap<String, Turns>,
    instances: ExpiringMap<InstanceId, Instance>,
}

impl State {
    /// Changes the events of a session, without a copy.
    fn change_events(&mut self, session: &SessionId, change: impl FnOnce(&mut EventQueue)) {
        let mut queue = self.events.take(session).unwrap_or_default();
        change(Arc::make_mut(&mut queue));
        if !queue.is_empty() {
            self.events.put(session.clone(), queue, Some(EVENTS_TTL));
        }
    }
}

/// Maps behind a lock that is held for one look-up or write.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    shared: bool,
}

impl MemoryStore {
    /// A store for several instances in one process, as tests need it.
    pub fn shared() -> Self {
        Self { shared: true, ..Self::default() }
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

    async fn compare_and_set(&self, record: &SessionRecord, expected: Option<&Version>) -> Result<Cas, StoreError> {
        let mut state = self.state.lock();
        if let Some(there) = state.sessions.get(&record.id)
            && expected != Some(&there.version())
        {
            return Ok(Cas::Conflict(there));
        }
        // A single instance has no heartbeat that renews a running session.
        let kept = !self.shared && record.state == SessionState::Running;
        state.sessions.put(record.id.clone(), record.clone(), (!kept).then(|| session_ttl(record)));
        Ok(Cas::Stored)
    }

    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.state.lock().sessions.get(id))
    }

    async fn sessions_of(&self, user: &str) -> Result<Vec<SessionRecord>, StoreError> {
        Ok(self.state.lock().sessions.values().filter(|record| record.creator.user == user).cloned().collect())
    }

    async fn sessions_in(&self, group: &GroupId) -> Result<Vec<SessionRecord>, StoreError> {
        let state = self.state.lock();
        Ok(state.sessions.values().filter(|record| record.creator.group.as_ref() == Some(group)).cloned().collect())
    }

    async fn put_screen(&self, id: &SessionId, screen: &ScreenRecord) -> Result<(), StoreError> {
        self.state.lock().screens.put(id.clone(), screen.clone(), Some(TOMBSTONE_TTL));
        Ok(())
    }

    async fn delete_screen(&self, id: &SessionId) -> Result<(), StoreError> {
        self.state.lock().screens.values.remove(id);
        Ok(())
    }

    async fn screen(&self, id: &SessionId) -> Result<Option<ScreenRecord>, StoreError> {
        Ok(self.state.lock().screens.get(id))
    }

    async fn put_connection(&self, record: &ConnectionRecord) -> Result<(), StoreError> {
        self.state.lock().connections.put(record.id.clone(), record.clone(), Some(CONNECTION_TTL));
        Ok(())
    }

    async fn connections_of(&self, session: &SessionId) -> Result<Vec<ConnectionRecord>, StoreError> {
        Ok(self.state.lock().connections.values().filter(|record| record.session == *session).cloned().collect())
    }

    async fn mark_disconnected(&self, id: &ConnectionId) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        state.connections.values.remove(id);
        state.disconnected.put(id.clone(), (), Some(DISCONNECTED_TTL));
        Ok(())
    }

    async fn is_disconnected(&self, id: &ConnectionId) -> Result<bool, StoreError> {
        Ok(self.state.lock().disconnected.get(id).is_some())
    }

    async fn put_revoked(&self, session: &SessionId, revoked: &Revocations, now: u64) -> Result<(), StoreError> {
        self.state.lock().revoked.put(session.clone(), revoked.clone(), Some(revoked.ttl(now)));
        Ok(())
    }

    async fn revoked(&self, session: &SessionId) -> Result<Revocations, StoreError> {
        Ok(self.state.lock().revoked.get(session).unwrap_or_default())
    }

    async fn put_class(&self, session: &SessionId, class: &ClassRecord) -> Result<(), StoreError> {
        self.state.lock().classes.put(session.clone(), class.clone(), Some(RUNNING_TTL));
        Ok(())
    }

    async fn class(&self, session: &SessionId) -> Result<Option<ClassRecord>, StoreError> {
        Ok(self.state.lock().classes.get(session))
    }

    async fn put_commands(
        &self,
        session: &SessionId,
        created_at: u64,
        commands: &[CommandRecord],
    ) -> Result<(), StoreError> {
        let (mut state, key) = (self.state.lock(), (session.clone(), created_at));
        let mut kept = state.commands.take(&key).unwrap_or_default();
        let list = Arc::make_mut(&mut kept);
        for command in commands {
            if list.back().is_none_or(|last| last.place() < command.place()) {
                list.push_back(command.clone());
            }
        }
        list.drain(..list.len().saturating_sub(MAX_COMMANDS));
        state.commands.put(key, kept, Some(TOMBSTONE_TTL));
        Ok(())
    }

    async fn commands(
        &self,
        session: &SessionId,
        created_at: u64,
        after: Option<CommandPlace>,
        limit: usize,
    ) -> Result<Vec<CommandRecord>, StoreError> {
        let kept = self.state.lock().commands.get(&(session.clone(), created_at)).unwrap_or_default();
        Ok(kept.iter().filter(|command| Some(command.place()) > after).take(limit).cloned().collect())
    }

    async fn push_events(&self, session: &SessionId, events: &[EventRecord]) -> Result<(), StoreError> {
        self.state.lock().change_events(session, |queue| {
            for event in events {
                queue.push(event.clone());
            }
        });
        Ok(())
    }

    async fn first_event(&self, session: &SessionId) -> Result<Option<EventRecord>, StoreError> {
        Ok(self.state.lock().events.get(session).and_then(|queue| queue.first().cloned()))
    }

    async fn take_event(&self, session: &SessionId, event: &EventRecord) -> Result<(), StoreError> {
        self.state.lock().change_events(session, |queue| queue.take(event));
        Ok(())
    }

    async fn sessions_with_events(&self) -> Result<Vec<SessionId>, StoreError> {
        let (state, now) = (self.state.lock(), Instant::now());
        let live = state.events.values.iter().filter(|(_, (_, expiry))| is_live(*expiry, now));
        Ok(live.map(|(session, _)| session.clone()).collect())
    }

    async fn claim_sender(&self, session: &SessionId, sender: &InstanceId) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        let is_free = state.senders.get(session).is_none_or(|there| there == *sender);
        if is_free {
            state.senders.put(session.clone(), sender.clone(), Some(SENDER_TTL));
        }
        Ok(is_free)
    }

    async fn put_dispatch(&self, api: &str, record: &DispatchRecord) -> Result<(), StoreError> {
        self.state.lock().dispatches.put(api.to_owned(), *record, Some(DISPATCH_TTL));
        Ok(())
    }

    async fn dispatch(&self, api: &str) -> Result<Option<DispatchRecord>, StoreError> {
        Ok(self.state.lock().dispatches.get(&api.to_owned()))
    }

    async fn claim_wall(
        &self,
        client: &ClientId,
        owner: &InstanceId,
        instead_of: Option<&InstanceId>,
    ) -> Result<InstanceId, StoreError> {
        let mut state = self.state.lock();
        let other = state.walls.get(client).filter(|there| there != owner && Some(there) != instead_of);
        if let Some(other) = other {
            return Ok(other);
        }
        state.walls.put(client.clone(), owner.clone(), Some(WALL_TTL));
        Ok(owner.clone())
    }

    async fn take_turn(&self, sender: &str, pace: Pace) -> Result<Turn, StoreError> {
        let mut state = self.state.lock();
        let sender = sender.to_owned();
        let mut turns = state.announcements.take(&sender).unwrap_or_default();
        let turn = turns.take(pace, Instant::now());
        state.announcements.put(sender, turns, Some(ANNOUNCEMENTS_TTL));
        Ok(turn)
    }

    async fn heartbeat(&self, instance: &Instance) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        let known = state.instances.get(&instance.id).is_some();
        state.instances.put(instance.id.clone(), instance.clone(), Some(INSTANCE_TTL));
        Ok(known)
    }

    async fn deregister(&self, id: &InstanceId) -> Result<(), StoreError> {
        self.state.lock().instances.values.remove(id);
        Ok(())
    }

    async fn instance(&self, id: &InstanceId) -> Result<Option<Instance>, StoreError> {
        Ok(self.state.lock().instances.get(id))
    }

    async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        Ok(self.state.lock().instances.values().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[tokio::test(start_paused = true)]
    async fn keeps_the_contract() {
        let store = MemoryStore::default();
        contract::keeps_all(&store).await;
    }

    #[tokio::test(start_paused = true)]
    async fn records_expire() {
        let store = MemoryStore::default();
        let tombstone = contract::ended("s");
        store.compare_and_set(&tombstone, None).await.unwrap();
        let connection = ConnectionId::new("c").unwrap();
        store.mark_disconnected(&connection).await.unwrap();
        let instance = contract::instance("i");
        store.heartbeat(&instance).await.unwrap();
        tokio::time::advance(INSTANCE_TTL).await;
        assert_eq!(store.instance(&instance.id).await.unwrap(), None);
        tokio::time::advance(DISCONNECTED_TTL).await;
        assert!(!store.is_disconnected(&connection).await.unwrap());
        assert!(store.session(&tombstone.id).await.unwrap().is_some());
        tokio::time::advance(TOMBSTONE_TTL).await;
        assert!(store.session(&tombstone.id).await.unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn expired_records_free_their_memory() {
        let store = MemoryStore::default();
        for number in 0..10_000 {
            store.mark_disconnected(&ConnectionId::new(format!("c{number}")).unwrap()).await.unwrap();
            tokio::time::advance(DISCONNECTED_TTL / 1000).await;
        }
        let there = store.state.lock().disconnected.values.len();
        assert!((1000..=2000).contains(&there), "{there}");
    }
}
