//! This instance among the others: its heartbeat, whether it may call another one dead, and whether the store still knows what
//! it was told.

use crate::store::{INSTANCE_LIFE, Incarnation, Instance, Store, StoreError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long apart heartbeats are: two may be lost.
pub(super) const BEAT_EVERY: Duration = Duration::from_secs(5);

/// After the store has lost what it knew, every instance has written its sessions again after this long.
const WRITTEN_AGAIN: Duration = Duration::from_secs(8);

#[derive(Debug, Default)]
struct Heard {
    /// Since when every heartbeat was heard in time.
    steady_since: Option<Instant>,
    last: Option<Instant>,
    failing: bool,
    /// Until when the store may lack sessions that run.
    lacking_until: Option<Instant>,
    draining: bool,
}

/// This instance, as others see it.
#[derive(Debug)]
pub(super) struct Presence {
    instance: Instance,
    heard: Mutex<Heard>,
}

impl Presence {
    pub(super) fn new(instance: Instance) -> Self {
        Self { instance, heard: Mutex::default() }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which instance this is.
    pub(super) fn me(&self) -> &Incarnation {
        &self.instance.id
    }

    /// From the next heartbeat on, others send no new sessions here.
    pub(super) fn drain(&self) {
        self.heard().draining = true;
    }

    /// Says that this instance is alive.
    pub(super) async fn beat(&self, store: &dyn Store) -> Result<(), StoreError> {
        let since = Instant::now();
        let instance = Instance { draining: self.heard().draining, ..self.instance.clone() };
        let known = store.beat(&instance).await;
        let mut heard = self.heard();
        let in_time = heard.last.is_some_and(|last| since < last + INSTANCE_LIFE);
        match known {
            Ok(known) => {
                if !known && in_time {
                    tracing::error!("the store has lost what it knew; sessions are written again");
                    heard.lacking_until = Some(since + WRITTEN_AGAIN);
                }
                if !in_time || heard.steady_since.is_none() {
                    heard.steady_since = Some(since);
                }
                (heard.last, heard.failing) = (Some(since), false);
                Ok(())
            }
            Err(error) => {
                heard.steady_since = None;
                heard.failing = true;
                Err(error)
            }
        }
    }

    /// Whether the store does not answer.
    pub(super) fn is_cut_off(&self) -> bool {
        self.heard().failing
    }

    /// Whether an instance that the store does not know is dead. Only who was heard all the time can tell: after an outage of the
    /// store, others may just not have been heard yet.
    pub(super) fn may_judge(&self, now: Instant) -> bool {
        self.heard().steady_since.is_some_and(|since| since + INSTANCE_LIFE <= now)
    }

    /// Whether a session that the store does not know does not exist.
    pub(super) async fn is_complete(&self, store: &dyn Store) -> Result<bool, StoreError> {
        if !store.is_shared() {
            return Ok(true);
        }
        let known = store.instance(self.me()).await?.is_some();
        let now = Instant::now();
        let mut heard = self.heard();
        if !known && heard.last.is_some_and(|last| now < last + INSTANCE_LIFE) {
            heard.lacking_until = Some(now + WRITTEN_AGAIN);
        }
        Ok(heard.lacking_until.is_none_or(|until| until <= now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use crate::store::contract::instance;

    #[tokio::test(start_paused = true)]
    async fn only_who_was_heard_all_the_time_calls_others_dead() {
        let (store, presence) = (MemoryStore::shared(), Presence::new(instance("me")));
        assert!(!presence.may_judge(Instant::now()));
        for _ in 0..3 {
            presence.beat(&store).await.unwrap();
            assert!(!presence.may_judge(Instant::now()));
            tokio::time::advance(BEAT_EVERY).await;
        }
        presence.beat(&store).await.unwrap();
        assert!(presence.may_judge(Instant::now()));
        tokio::time::advance(INSTANCE_LIFE).await;
        presence.beat(&store).await.unwrap();
        assert!(!presence.may_judge(Instant::now()), "it was away");
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_forgot_is_not_believed_for_a_while() {
        let (store, presence) = (MemoryStore::shared(), Presence::new(instance("me")));
        presence.beat(&store).await.unwrap();
        assert!(presence.is_complete(&store).await.unwrap());
        store.leave(presence.me()).await.unwrap();
        assert!(!presence.is_complete(&store).await.unwrap());
        presence.beat(&store).await.unwrap();
        assert!(!presence.is_complete(&store).await.unwrap(), "others have not been heard yet");
        tokio::time::advance(WRITTEN_AGAIN).await;
        presence.beat(&store).await.unwrap();
        assert!(presence.is_complete(&store).await.unwrap());
    }
}
