//! Keeps this instance and its sessions known to the others: says so every few seconds, and writes every record again, which
//! refreshes its life, restores what the store lost, and tells which sessions another instance has taken.

use super::presence::BEAT_EVERY;
use super::registry::{Live, Registry};
use crate::store::{Store, StoreError};
use futures_util::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Records that are written at the same time.
const AT_ONCE: usize = 32;

impl Registry {
    /// Says once that this instance is there, and then again until dropped. Does nothing where nobody could hear it.
    pub async fn stay_known(&self) {
        if !self.parts.store.is_shared() {
            return std::future::pending().await;
        }
        let mut beats = interval(BEAT_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut cut_off = false;
        loop {
            beats.tick().await;
            let heard = self.renew().await;
            match &heard {
                Err(error) if !cut_off => tracing::error!(%error, "the store is away; sessions here go on"),
                Ok(()) if cut_off => tracing::info!("the store is back"),
                _ => {}
            }
            cut_off = heard.is_err();
            self.parts.metrics.sessions.heartbeat_failures.inc_by(cut_off.into());
            self.look_around().await;
        }
    }

    /// One heartbeat, of the instance and of each of its sessions.
    async fn renew(&self) -> Result<(), StoreError> {
        let since = Instant::now();
        let sessions: Vec<Live> = self.sessions().values().cloned().collect();
        let outcome = self.renew_all(&sessions).await;
        if outcome.is_err() {
            for hold in sessions.iter().filter_map(|live| live.hold.as_ref()) {
                hold.cut_off(since);
            }
        }
        outcome
    }

    async fn renew_all(&self, sessions: &[Live]) -> Result<(), StoreError> {
        let store = &*self.parts.store;
        self.presence.beat(store).await?;
        for some in sessions.chunks(AT_ONCE) {
            join_all(some.iter().map(|live| renew(live, store))).await.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(())
    }

    /// Says when there are others that cannot be reached one by one: they would hold sessions that nobody here can reach.
    async fn look_around(&self) {
        if self.parts.instance.address.is_some() || self.presence.is_cut_off() {
            return;
        }
        if let Ok(instances) = self.parts.store.instances().await {
            let others = instances.len().saturating_sub(1);
            let before = self.others.swap(others, std::sync::atomic::Ordering::Relaxed);
            if others > 0 && before == 0 {
                tracing::error!(others, "there is another instance, but ADVERTISE_URL is not set: run exactly one");
            }
        }
    }
}

/// Writes one session's record again.
async fn renew(live: &Live, store: &dyn Store) -> Result<(), StoreError> {
    let Some(hold) = &live.hold else { return Ok(()) };
    if !hold.renew(store).await? {
        live.handle.lost();
    }
    Ok(())
}
