//! Events between the sessions, which never wait, and the store, which may be away.

use crate::store::{EventQueue, EventRecord, Store};
use parking_lot::Mutex;
use shared_protocol::SessionId;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// Events that the store gets at once.
const BATCH: usize = 50;

/// Time between two attempts, while the store fails.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Events that are not in the store yet, by session.
pub(super) struct Outbox {
    store: Arc<dyn Store>,
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Default)]
struct Waiting {
    queues: BTreeMap<SessionId, EventQueue>,
    /// True while a batch is in neither place.
    is_storing: bool,
}

impl Outbox {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, waiting: Mutex::default(), wake: Notify::new() }
    }

    pub(super) fn push(&self, session: SessionId, record: EventRecord) {
        if !self.waiting.lock().queues.entry(session).or_default().push(record) {
            tracing::error!("an event is lost: too many wait that may not go");
        }
        self.wake.notify_one();
    }

    pub(super) fn is_empty(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.queues.is_empty() && !waiting.is_storing
    }

    /// Stores what comes, in turn for each session, and says so.
    pub(super) async fn run(&self, stored: impl Fn(SessionId)) {
        let mut last = None;
        loop {
            let Some((session, batch)) = self.next(last.as_ref()) else {
                self.wake.notified().await;
                continue;
            };
            let result = self.store.push_events(&session, &batch).await;
            let failed = result.is_err();
            if let Err(error) = result {
                tracing::warn!(%session, %error, "events are not stored yet");
                self.waiting.lock().queues.entry(session.clone()).or_default().put_back(batch);
            } else {
                stored(session.clone());
            }
            self.waiting.lock().is_storing = false;
            last = Some(session);
            if failed {
                sleep(RETRY_DELAY).await;
            }
        }
    }

    /// The first events of the next session behind this one.
    fn next(&self, last: Option<&SessionId>) -> Option<(SessionId, Vec<EventRecord>)> {
        let mut waiting = self.waiting.lock();
        let behind = last.map_or(Bound::Unbounded, Bound::Excluded);
        let session = waiting.queues.range((behind, Bound::Unbounded)).next();
        let session = session.or_else(|| waiting.queues.iter().next()).map(|(session, _)| session.clone())?;
        let queue = waiting.queues.get_mut(&session)?;
        let batch = queue.take_first(BATCH);
        if queue.is_empty() {
            waiting.queues.remove(&session);
        }
        waiting.is_storing = true;
        Some((session, batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Operation;
    use crate::store::contract::event;
    use crate::store::{Fault, FaultyStore, MemoryStore, Priority};

    #[tokio::test(start_paused = true)]
    async fn events_wait_for_a_store_that_is_away_and_keep_their_order() {
        let store = Arc::new(FaultyStore::new(MemoryStore::default()));
        store.set(Operation::PushEvents, Fault::Fails);
        let outbox = Arc::new(Outbox::new(Arc::clone(&store) as Arc<dyn Store>));
        let (session, stored) = (SessionId::new("s").unwrap(), Arc::new(Mutex::new(Vec::new())));
        outbox.push(session.clone(), event(1, Priority::Other));
        let (running, told) = (Arc::clone(&outbox), Arc::clone(&stored));
        let task = tokio::spawn(async move { running.run(|session| told.lock().push(session)).await });
        sleep(RETRY_DELAY * 3).await;
        assert!(!outbox.is_empty() && stored.lock().is_empty() && store.calls(Operation::PushEvents) >= 3);
        outbox.push(session.clone(), event(2, Priority::Other));
        store.set(Operation::PushEvents, Fault::None);
        sleep(RETRY_DELAY * 2).await;
        assert!(outbox.is_empty() && stored.lock().contains(&session));
        for number in [1, 2] {
            let first = store.first_event(&session).await.unwrap().unwrap();
            assert_eq!(first, event(number, Priority::Other));
            store.take_event(&session, &first).await.unwrap();
        }
        task.abort();
    }

    #[test]
    fn each_session_has_its_turn() {
        let outbox = Outbox::new(Arc::new(MemoryStore::default()));
        let [flood, quiet] = ["a", "b"].map(|id| SessionId::new(id).unwrap());
        for number in 0..2 * BATCH as u64 {
            outbox.push(flood.clone(), event(number, Priority::Command));
        }
        outbox.push(quiet.clone(), event(1, Priority::Kept));
        let (mut last, mut turns) = (None, Vec::new());
        while let Some((session, batch)) = outbox.next(last.as_ref()) {
            turns.push((session.to_string(), batch.len()));
            last = Some(session);
        }
        assert_eq!(turns, [("a".to_owned(), BATCH), ("b".to_owned(), 1), ("a".to_owned(), BATCH)]);
    }
}
