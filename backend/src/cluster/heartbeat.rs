//! The heartbeat of this instance, with the number of its relays, and of its sessions, every 5 s. Writing each record again renews
//! its TTL, restores data that the store has lost, and finds the sessions that another instance has taken over.

use super::lease::Lease;
use super::membership::{HEARTBEAT_INTERVAL, Membership};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};
use futures_util::future::join_all;
use shared_protocol::SessionId;
use std::sync::Arc;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Leases that are renewed at the same time.
const CONCURRENT_RENEWALS: usize = 32;

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
    let mut was_down = false;
    loop {
        ticks.tick().await;
        let since = Instant::now();
        let leases = holder.leases();
        membership.set_relays(relays.here());
        let result = renew_all(membership, holder, &leases, store, clock.now_seconds()).await;
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
) -> Result<(), StoreError> {
    membership.heartbeat(store).await?;
    for chunk in leases.chunks(CONCURRENT_RENEWALS) {
        let renewals = chunk.iter().map(async |lease| {
            if !lease.renew(store).await? {
                holder.lost(&lease.record().id);
                return Ok(());
            }
            lease.save_class(store).await?;
            lease.save_revoked(store, now).await
        });
        join_all(renewals).await.into_iter().collect::<Result<(), StoreError>>()?;
    }
    Ok(())
}
