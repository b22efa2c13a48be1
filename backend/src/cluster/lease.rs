//! An instance's lease on a session. Each heartbeat renews it, and the session's task checks it before it applies or sends
//! anything: an instance that was suspended does nothing with a session that another one has taken over.

use crate::store::{Cas, ClassRecord, INSTANCE_TTL, Revocations, SessionRecord, Store, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Validity of a lease after a renewal: 3 s less than [`INSTANCE_TTL`], after which other instances take the session over.
const LEASE_TTL: Duration = INSTANCE_TTL.saturating_sub(Duration::from_secs(3));

/// Time between two attempts to confirm an expired lease.
const RETRY_DELAY: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeaseState {
    /// The store belongs to this instance alone.
    Permanent,
    /// No other instance takes the session over before this time.
    ValidUntil(Instant),
    /// Another instance owns the session.
    Lost,
}

/// One session's lease, shared by its task and the heartbeat. The epoch of its record is the fencing token.
#[derive(Debug)]
pub struct Lease {
    /// The record as it is in the store while the session runs.
    record: SessionRecord,
    /// Changes from valid to lost, never back.
    state: Mutex<LeaseState>,
    /// Those who were removed from the session; `None` if none ever was.
    revoked: Mutex<Option<Revocations>>,
    /// True while the store may not have the latest list.
    is_unsaved: AtomicBool,
    /// Right to type and raised hand, for the next instance; `None` while there is nothing to keep.
    class: Mutex<Option<ClassRecord>>,
    /// Held while one of these is written, so that the latest one is written last.
    saving: tokio::sync::Mutex<()>,
    /// True while a save waits for its turn, which writes the latest of both then.
    is_save_queued: AtomicBool,
}

impl Lease {
    /// A lease on a record that this instance has written after `since`.
    pub fn new(record: SessionRecord, store: &dyn Store, since: Instant) -> Arc<Self> {
        let state = if store.is_shared() { LeaseState::ValidUntil(since + LEASE_TTL) } else { LeaseState::Permanent };
        let (revoked, is_unsaved, class, saving, is_save_queued) = Default::default();
        Arc::new(Self { record, state: Mutex::new(state), revoked, is_unsaved, class, saving, is_save_queued })
    }

    /// The record as it is in the store while the session runs.
    pub fn record(&self) -> &SessionRecord {
        &self.record
    }

    /// Those who were removed from the session.
    pub fn revoked(&self) -> Revocations {
        self.revoked.lock().clone().unwrap_or_default()
    }

    /// The task has changed the list.
    pub fn set_revoked(&self, revoked: Revocations) {
        *self.revoked.lock() = Some(revoked);
        self.is_unsaved.store(true, Ordering::Relaxed);
    }

    /// True while the store may not have the latest list.
    pub fn has_unsaved_removals(&self) -> bool {
        self.is_unsaved.load(Ordering::Relaxed)
    }

    /// The right to type and the raised hand, if there is anything to keep.
    pub fn class(&self) -> Option<ClassRecord> {
        self.class.lock().clone()
    }

    /// The task has changed it.
    pub fn set_class(&self, class: ClassRecord) {
        *self.class.lock() = Some(class);
    }

    /// Has both written beside the session, which does not wait for the store; `now` is in seconds since 1970. However often the
    /// session asks, one save waits at most.
    pub fn save_soon(self: &Arc<Self>, store: &Arc<dyn Store>, now: u64) {
        if self.is_save_queued.swap(true, Ordering::Relaxed) {
            return;
        }
        let (lease, store) = (Arc::clone(self), Arc::clone(store));
        tokio::spawn(async move {
            let _turn = lease.saving.lock().await;
            // Before anything is read: a later change needs another save.
            lease.is_save_queued.store(false, Ordering::Relaxed);
            if let Err(error) = lease.save(&*store, now).await {
                let session = &lease.record.id;
                tracing::warn!(%error, %session, "whose keys count, or a removal, is not stored; the heartbeat tries again");
            }
        });
    }

    /// Writes both again, because the store may have lost them; `now` is in seconds since 1970. Waits for no other save: that
    /// writes what this one would.
    pub async fn save_again(&self, store: &dyn Store, now: u64) -> Result<(), StoreError> {
        let Ok(_turn) = self.saving.try_lock() else { return Ok(()) };
        self.save(store, now).await
    }

    /// Writes the list, as it is then; `now` is in seconds since 1970.
    pub async fn save_revoked(&self, store: &dyn Store, now: u64) -> Result<(), StoreError> {
        let _turn = self.saving.lock().await;
        if self.is_lost() {
            return Err(StoreError("another instance owns the session".into()));
        }
        self.put_revoked(store, now).await
    }

    fn is_lost(&self) -> bool {
        *self.state.lock() == LeaseState::Lost
    }

    /// Writes both, as they are now, in the caller's turn; nothing once they are another instance's to write.
    async fn save(&self, store: &dyn Store, now: u64) -> Result<(), StoreError> {
        if self.is_lost() {
            return Ok(());
        }
        let class = match self.class() {
            Some(class) => store.put_class(&self.record.id, &class).await,
            None => Ok(()),
        };
        // The list is written even if the class is not.
        class.and(self.put_revoked(store, now).await)
    }

    async fn put_revoked(&self, store: &dyn Store, now: u64) -> Result<(), StoreError> {
        let Some(saved) = self.revoked.lock().clone() else { return Ok(()) };
        store.put_revoked(&self.record.id, &saved, now).await?;
        let latest = self.revoked.lock();
        // A change in the meantime is unsaved still.
        if latest.as_ref() == Some(&saved) {
            self.is_unsaved.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// True while the session is surely this instance's, false once it is lost, `None` if only the store can tell.
    pub fn is_valid(&self, now: Instant) -> Option<bool> {
        match *self.state.lock() {
            LeaseState::Permanent => Some(true),
            LeaseState::ValidUntil(until) => (now < until).then_some(true),
            LeaseState::Lost => Some(false),
        }
    }

    /// Writes the record again: renews the lease, restores a record that the store has lost, or finds that another instance owns
    /// the session. Returns whether the lease is still held.
    pub async fn renew(&self, store: &dyn Store) -> Result<bool, StoreError> {
        let since = Instant::now();
        let cas = store.compare_and_set(&self.record, Some(&self.record.version())).await?;
        let mut state = self.state.lock();
        *state = match (*state, cas) {
            (LeaseState::Lost, _) | (_, Cas::Conflict(_)) => LeaseState::Lost,
            (LeaseState::Permanent, Cas::Stored) => LeaseState::Permanent,
            (LeaseState::ValidUntil(until), Cas::Stored) => LeaseState::ValidUntil(until.max(since + LEASE_TTL)),
        };
        Ok(*state != LeaseState::Lost)
    }

    /// Extends a valid lease while the store fails, from `since` on: no other instance can take the session over without the
    /// store, and a terminal must not stop because its directory does. An expired lease stays expired.
    pub fn extend_while_store_is_down(&self, since: Instant) {
        if let LeaseState::ValidUntil(until) = &mut *self.state.lock()
            && since < *until
        {
            *until = since + LEASE_TTL;
        }
    }

    /// Asks the store until it answers whether the session is still this instance's.
    pub async fn confirm(&self, store: &dyn Store) -> bool {
        tracing::warn!(session = %self.record.id, "this process was suspended; checking which instance owns the session");
        loop {
            if let Some(valid) = self.is_valid(Instant::now()) {
                return valid;
            }
            if let Err(error) = self.renew(store).await {
                tracing::debug!(session = %self.record.id, %error, "the store did not answer");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Operation;
    use crate::store::contract::running;
    use crate::store::{Fault, FaultyStore, Keyboard, MemoryStore};
    use futures_util::FutureExt;
    use tokio::task::yield_now;

    #[tokio::test(start_paused = true)]
    async fn an_expired_lease_is_confirmed_by_the_store() {
        let store = MemoryStore::shared();
        let record = running("s", "me", 5);
        store.compare_and_set(&record, None).await.unwrap();
        let lease = Lease::new(record, &store, Instant::now());
        assert_eq!(lease.is_valid(Instant::now()), Some(true));
        tokio::time::advance(LEASE_TTL).await;
        assert_eq!(lease.is_valid(Instant::now()), None);
        lease.extend_while_store_is_down(Instant::now());
        assert_eq!(lease.is_valid(Instant::now()), None, "it had expired");
        assert!(lease.confirm(&store).await, "no other instance took it");
        assert_eq!(lease.is_valid(Instant::now()), Some(true));
        lease.extend_while_store_is_down(Instant::now() + LEASE_TTL / 2);
        tokio::time::advance(LEASE_TTL).await;
        assert_eq!(lease.is_valid(Instant::now()), Some(true), "extended before it expired");
    }

    /// Lets tasks that wait for nothing run to their end.
    async fn settle() {
        for _ in 0..10 {
            yield_now().await;
        }
    }

    fn class(keyboard: Keyboard) -> ClassRecord {
        ClassRecord { created_at: 5, keyboard, ..ClassRecord::default() }
    }

    #[tokio::test]
    async fn one_save_waits_however_often_a_session_changes() {
        let faulty = Arc::new(FaultyStore::new(MemoryStore::shared()));
        let store: Arc<dyn Store> = Arc::<FaultyStore>::clone(&faulty);
        let lease = Lease::new(running("s", "me", 5), &*store, Instant::now());
        let turn = lease.saving.lock().await;
        for _ in 0..1000 {
            lease.set_class(class(Keyboard::Free));
            lease.save_soon(&store, 0);
        }
        lease.set_class(class(Keyboard::Only));
        lease.save_soon(&store, 0);
        settle().await;
        assert!(lease.save_again(&*store, 0).now_or_never().unwrap().is_ok(), "a heartbeat stands in no queue");
        assert_eq!(faulty.calls(Operation::PutClass), 0);
        drop(turn);
        settle().await;
        assert_eq!(faulty.calls(Operation::PutClass), 1);
        assert_eq!(store.class(&lease.record.id).await.unwrap(), Some(class(Keyboard::Only)), "the latest");
        lease.save_soon(&store, 0);
        settle().await;
        assert_eq!(faulty.calls(Operation::PutClass), 2, "the next change has a save of its own");
    }

    #[tokio::test]
    async fn a_list_is_unsaved_until_the_latest_is_written() {
        let store = FaultyStore::new(MemoryStore::shared());
        let lease = Lease::new(running("s", "me", 5), &store, Instant::now());
        lease.set_revoked(Revocations::default());
        store.set(Operation::PutRevoked, Fault::Hangs);
        assert!(lease.save_again(&store, 0).now_or_never().is_none() && lease.has_unsaved_removals(), "given up");
        store.set(Operation::PutRevoked, Fault::Fails);
        assert!(lease.save_revoked(&store, 0).await.is_err() && lease.has_unsaved_removals());
        store.set(Operation::PutRevoked, Fault::None);
        assert!(lease.save_revoked(&store, 0).await.is_ok() && !lease.has_unsaved_removals());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_lease_stays_lost() {
        let store = MemoryStore::shared();
        let (mine, theirs) = (running("s", "me", 5), running("s", "them", 6));
        store.compare_and_set(&mine, None).await.unwrap();
        let lease = Lease::new(mine.clone(), &store, Instant::now());
        store.compare_and_set(&theirs, Some(&mine.version())).await.unwrap();
        tokio::time::advance(INSTANCE_TTL).await;
        assert!(!lease.confirm(&store).await);
        lease.extend_while_store_is_down(Instant::now());
        assert_eq!(lease.is_valid(Instant::now()), Some(false));
    }
}
