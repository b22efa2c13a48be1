//! Whether a session is still this instance's to run. Renewed with every heartbeat; asked before anything is applied or sent, so
//! that an instance which was stopped for a while does nothing with a session that another has taken over meanwhile.

use crate::store::{INSTANCE_LIFE, Put, SessionRecord, Store, StoreError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Time that a renewal is relied on: others count the instance dead a little later, at [`INSTANCE_LIFE`].
const RELIED_ON: Duration = INSTANCE_LIFE.saturating_sub(Duration::from_secs(3));

/// How long apart the store is asked again by a session that must know.
const ASK_AGAIN: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sure {
    /// Nobody can take it over.
    Always,
    /// Nobody has taken it over before this time.
    Until(Instant),
    /// Another instance has it.
    Lost,
}

/// One session's hold on its record. Shared by the session's task and the heartbeat.
#[derive(Debug)]
pub(super) struct Hold {
    record: SessionRecord,
    sure: Mutex<Sure>,
}

impl Hold {
    /// The record was just written by this instance; `since` is a time before that.
    pub(super) fn new(record: SessionRecord, store: &dyn Store, since: Instant) -> Arc<Self> {
        let sure = if store.is_shared() { Sure::Until(since + RELIED_ON) } else { Sure::Always };
        Arc::new(Self { record, sure: Mutex::new(sure) })
    }

    /// The record as it stands while the session runs.
    pub(super) fn record(&self) -> &SessionRecord {
        &self.record
    }

    fn sure(&self) -> MutexGuard<'_, Sure> {
        self.sure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known without asking; `None` when the store must be asked.
    pub(super) fn is_mine(&self, now: Instant) -> Option<bool> {
        match *self.sure() {
            Sure::Always => Some(true),
            Sure::Until(until) => (now < until).then_some(true),
            Sure::Lost => Some(false),
        }
    }

    /// Writes the record again, which tells whether it is still this instance's, and makes it so if the store has lost it.
    pub(super) async fn renew(&self, store: &dyn Store) -> Result<bool, StoreError> {
        let since = Instant::now();
        let put = store.put(&self.record, Some(&self.record.version())).await?;
        let mut sure = self.sure();
        *sure = match (*sure, put) {
            (Sure::Lost, _) | (_, Put::Other(_)) => Sure::Lost,
            (Sure::Always, Put::Written) => Sure::Always,
            (Sure::Until(until), Put::Written) => Sure::Until(until.max(since + RELIED_ON)),
        };
        Ok(*sure != Sure::Lost)
    }

    /// The store could not be asked at `since`. Nobody else can take the session over without it, so who was sure goes on: a
    /// terminal must not stand still because its directory does. Who was not sure by then must ask.
    pub(super) fn cut_off(&self, since: Instant) {
        let mut sure = self.sure();
        if let Sure::Until(until) = &mut *sure
            && since < *until
        {
            *until = since + RELIED_ON;
        }
    }

    /// Asks the store until it answers whether the session is still this instance's.
    pub(super) async fn ask(&self, store: &dyn Store) -> bool {
        tracing::warn!(session = %self.record.id, "this instance was stopped for a while; checking whose the session is");
        loop {
            if let Some(mine) = self.is_mine(Instant::now()) {
                return mine;
            }
            if let Err(error) = self.renew(store).await {
                tracing::debug!(session = %self.record.id, %error, "the store was not heard");
                tokio::time::sleep(ASK_AGAIN).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use crate::store::contract::running;

    #[tokio::test(start_paused = true)]
    async fn who_was_away_for_too_long_must_ask() {
        let store = MemoryStore::shared();
        let record = running("s", "me", 5);
        store.put(&record, None).await.unwrap();
        let hold = Hold::new(record, &store, Instant::now());
        assert_eq!(hold.is_mine(Instant::now()), Some(true));
        tokio::time::advance(RELIED_ON).await;
        assert_eq!(hold.is_mine(Instant::now()), None);
        hold.cut_off(Instant::now());
        assert_eq!(hold.is_mine(Instant::now()), None, "it was not sure any more");
        assert!(hold.ask(&store).await, "nobody took it");
        assert_eq!(hold.is_mine(Instant::now()), Some(true));
        hold.cut_off(Instant::now() + RELIED_ON / 2);
        tokio::time::advance(RELIED_ON).await;
        assert_eq!(hold.is_mine(Instant::now()), Some(true), "known to be cut off, it goes on");
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_took_is_lost_for_good() {
        let store = MemoryStore::shared();
        let (mine, theirs) = (running("s", "me", 5), running("s", "them", 6));
        store.put(&mine, None).await.unwrap();
        let hold = Hold::new(mine.clone(), &store, Instant::now());
        store.put(&theirs, Some(&mine.version())).await.unwrap();
        tokio::time::advance(INSTANCE_LIFE).await;
        assert!(!hold.ask(&store).await);
        hold.cut_off(Instant::now());
        assert_eq!(hold.is_mine(Instant::now()), Some(false));
    }
}
