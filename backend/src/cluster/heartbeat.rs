//! The heartbeat of this instance, with the number of its relays, and of its sessions, every 5 s. Writing each record again
//! renews its TTL, restores data that the store has lost, and finds the sessions that another instance has taken over.

use super::lease::Lease;
use super::membership::{HEARTBEAT_INTERVAL, Membership};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};
use futures_util::future::join_all;
use shared_protocol::SessionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Leases that are renewed at the same time.
const CONCURRENT_RENEWALS: usize = 32;

/// Time in a heartbeat for what sessions have written beside their leases. The next heartbeat goes on where it was cut off.
const SAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The owner of the leases that a heartbeat renews.
pub trait LeaseHolder: Sync {
    /// The leases to renew.
    fn leases(&self) -> Vec<Arc<Lease>>;
    /// Called when another instance owns the session.
    fn lost(&self, session: &SessionId);
}

/// Relays as heartbeats count them.
pub trait RelayCounter: Sync {
    /// Relays of this instance.
    fn here(&self) -> usize;
    /// Called with the number of relays of all other instances.
    fn set_elsewhere(&self, relays: usize);
}

/// Runs the heartbeat until dropped. Does nothing where no other instance shares the store.
pub async fn run_heartbeat(
    membership: &Membership,
    holder: &impl LeaseHolder,
    relays: &impl RelayCounter,
    store: &dyn Store,
    clock: &dyn Clock,
    metrics: &Metrics,
) {
    if !store.is_shared() {
        return std::future::pending().await;
    }
    let mut ticks = interval(HEARTBEAT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut was_down, mut next_save) = (false, 0);
    loop {
        ticks.tick().await;
        let since = Instant::now();
        let leases = holder.leases();
        membership.set_relays(relays.here());
        let result = renew_all(membership, holder, &leases, store, clock.now_seconds(), &mut next_save).await;
        match &result {
            Err(error) if !was_down => tracing::error!(%error, "the store is down; sessions here go on"),
            Ok(()) if was_down => tracing::info!("the store is up again"),
            _ => {}
        }
        was_down = result.is_err();
        if was_down {
            metrics.sessions.heartbeat_failures.inc();
            for lease in leases {
                lease.extend_while_store_is_down(since);
            }
        }
        // While the store is down, the last numbers stand.
        if let Ok(others) = membership.others(store).await {
            membership.set_peers(others.len());
            relays.set_elsewhere(others.iter().map(|other| other.relays).sum());
        }
    }
}

async fn renew_all(
    membership: &Membership,
    holder: &impl LeaseHolder,
    leases: &[Arc<Lease>],
    store: &dyn Store,
    now: u64,
    next_save: &mut usize,
) -> Result<(), StoreError> {
    membership.heartbeat(store).await?;
    for chunk in leases.chunks(CONCURRENT_RENEWALS) {
        let renewals = chunk.iter().map(async |lease| {
            if !lease.renew(store).await? {
                holder.lost(&lease.record().id);
            }
            Ok(())
        });
        join_all(renewals).await.into_iter().collect::<Result<(), StoreError>>()?;
    }
    // After all of them, and for a bounded time: nothing that sessions write stands before a heartbeat.
    timeout(SAVE_TIMEOUT, save_all(leases, store, now, next_save)).await.unwrap_or_else(|_| {
        tracing::warn!("what sessions keep in the store is not written again yet: it takes too long");
        Ok(())
    })
}

/// Writes what sessions keep in the store again, as far as it can, from lease number `next` on: where this is cut off, the next
/// one begins.
async fn save_all(leases: &[Arc<Lease>], store: &dyn Store, now: u64, next: &mut usize) -> Result<(), StoreError> {
    let mut result = Ok(());
    let (last, first) = leases.split_at(*next % leases.len().max(1));
    for chunk in first.chunks(CONCURRENT_RENEWALS).chain(last.chunks(CONCURRENT_RENEWALS)) {
        *next = (*next + chunk.len()) % leases.len();
        let saves = chunk.iter().map(async |lease| lease.save_again(store, now).await);
        result = join_all(saves).await.into_iter().fold(result, Result::and);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::metrics::Operation;
    use crate::store::contract::{instance, running};
    use crate::store::{ClassRecord, Fault, FaultyStore, MemoryStore};
    use tokio::time::sleep;

    /// An instance with these sessions, and without relays.
    struct Holder(Vec<Arc<Lease>>);

    impl LeaseHolder for Holder {
        fn leases(&self) -> Vec<Arc<Lease>> {
            self.0.clone()
        }

        fn lost(&self, session: &SessionId) {
            panic!("{session} is lost");
        }
    }

    impl RelayCounter for Holder {
        fn here(&self) -> usize {
            0
        }

        fn set_elsewhere(&self, _relays: usize) {}
    }

    /// Sessions of this instance, each with something to save.
    async fn sessions(number: usize, store: &FaultyStore) -> Holder {
        let mut leases = Vec::new();
        for id in 0..number {
            let record = running(&id.to_string(), "me", 5);
            store.compare_and_set(&record, None).await.unwrap();
            let lease = Lease::new(record, store, Instant::now());
            lease.set_class(ClassRecord::default());
            leases.push(lease);
        }
        Holder(leases)
    }

    #[tokio::test(start_paused = true)]
    async fn a_save_that_is_cut_off_goes_on_in_the_next_heartbeat() {
        let store = FaultyStore::new(MemoryStore::shared());
        let holder = sessions(2 * CONCURRENT_RENEWALS, &store).await;
        store.script(Operation::PutClass, [Fault::Hangs; CONCURRENT_RENEWALS]);
        let (membership, metrics) = (Membership::new(instance("me"), Arc::default()), Metrics::new(0));
        let beats = run_heartbeat(&membership, &holder, &holder, &store, &SystemClock, &metrics);
        let saved = async || {
            let classes = holder.0.iter().map(async |lease| store.class(&lease.record().id).await.unwrap().is_some());
            join_all(classes).await.into_iter().filter(|saved| *saved).count()
        };
        let looks = async {
            sleep(SAVE_TIMEOUT + Duration::from_secs(1)).await;
            assert_eq!(saved().await, 0);
            store.script(Operation::PutClass, std::iter::repeat_n(Fault::None, CONCURRENT_RENEWALS));
            store.set(Operation::PutClass, Fault::Hangs);
            sleep(HEARTBEAT_INTERVAL).await;
            assert!(store.class(&holder.0[CONCURRENT_RENEWALS].record().id).await.unwrap().is_some());
            assert_eq!(saved().await, CONCURRENT_RENEWALS, "those that were not tried before");
        };
        tokio::select! {
            () = beats => {}
            () = looks => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_save_that_hangs_holds_no_heartbeat_up() {
        let store = FaultyStore::new(MemoryStore::shared());
        let holder = sessions(2, &store).await;
        store.set(Operation::PutClass, Fault::Hangs);
        let me = instance("me");
        let membership = Membership::new(me.clone(), Arc::default());
        let metrics = Metrics::new(0);
        let beats = run_heartbeat(&membership, &holder, &holder, &store, &SystemClock, &metrics);
        let looks = async {
            for _ in 0..60 {
                sleep(Duration::from_secs(1)).await;
                assert!(store.instance(&me.id).await.unwrap().is_some(), "others would take its sessions over");
                assert!(holder.0.iter().all(|lease| lease.is_valid(Instant::now()) == Some(true)));
            }
        };
        tokio::select! {
            () = beats => {}
            () = looks => {}
        }
        assert!(store.calls(Operation::PutClass) > 10, "it is tried again");
    }
}
