//! Sends what waits in the store, each session's events in their order and one at a time: again and again, with longer and longer
//! waits, until the receiver takes it or a day is over.

use super::event::body;
use super::receiver::{Receiver, Refusal};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::store::{EVENTS_TTL, EventRecord, InstanceId, Store, StoreError};
use parking_lot::Mutex;
use shared_protocol::SessionId;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

/// Attempts of this instance at a time.
const IN_FLIGHT: usize = 16;

/// Wait after the first refusal; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest wait.
const LAST_WAIT: Duration = Duration::from_secs(3600);

/// Time between two looks for events that no instance sends, and between two claims during a wait; shorter than a claim's time.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// The sender of this instance.
pub(super) struct Delivery {
    instance: InstanceId,
    store: Arc<dyn Store>,
    receiver: Arc<dyn Receiver>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    in_flight: Semaphore,
    /// Sessions with new events.
    ready: Mutex<BTreeSet<SessionId>>,
    wake: Notify,
}

impl Delivery {
    pub(super) fn new(
        instance: InstanceId,
        store: Arc<dyn Store>,
        receiver: Arc<dyn Receiver>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (in_flight, ready, wake) = (Semaphore::new(IN_FLIGHT), Mutex::default(), Notify::new());
        Self { instance, store, receiver, clock, metrics, in_flight, ready, wake }
    }

    /// A session has events.
    pub(super) fn ready(&self, session: SessionId) {
        self.ready.lock().insert(session);
        self.wake.notify_one();
    }

    /// Sends until dropped: one task for each session that has events.
    pub(super) async fn run(self: &Arc<Self>) {
        let (mut tasks, mut looks) = (JoinSet::new(), interval(LOOK_INTERVAL));
        let (mut active, mut again) = (BTreeSet::new(), BTreeSet::new());
        loop {
            tokio::select! {
                () = self.wake.notified() => {}
                _ = looks.tick() => self.look().await,
                Some(Ok(done)) = tasks.join_next() => {
                    let done: SessionId = done;
                    active.remove(&done);
                    if again.remove(&done) {
                        self.ready.lock().insert(done);
                    }
                }
            }
            for session in std::mem::take(&mut *self.ready.lock()) {
                if !active.insert(session.clone()) {
                    again.insert(session);
                    continue;
                }
                let this = Arc::clone(self);
                tasks.spawn(async move {
                    if let Err(error) = this.deliver(&session).await {
                        tracing::warn!(%session, %error, "events wait for the store");
                    }
                    session
                });
            }
        }
    }

    /// Finds events that an instance left which is gone.
    async fn look(&self) {
        match self.store.sessions_with_events().await {
            Ok(sessions) => self.ready.lock().extend(sessions),
            Err(error) => tracing::debug!(%error, "events of other instances are not found"),
        }
    }

    /// Sends the events of a session until none waits, or another instance sends them.
    async fn deliver(&self, session: &SessionId) -> Result<(), StoreError> {
        let mut refusals = 0;
        loop {
            // Never closed.
            let permit = self.in_flight.acquire().await;
            if !self.store.claim_sender(session, &self.instance).await? {
                return Ok(());
            }
            let Some(record) = self.store.first_event(session).await? else { return Ok(()) };
            let sent = if self.is_too_old(&record) { Ok(()) } else { self.send(session, &record).await };
            drop(permit);
            match sent {
                Ok(()) => {
                    refusals = 0;
                    self.store.take_event(session, &record).await?;
                }
                Err(Refusal { why, wait }) => {
                    let wait = wait_after(refusals).max(wait.unwrap_or_default());
                    refusals += 1;
                    tracing::warn!(%session, why, refusals, wait = wait.as_secs(), "the receiver of events takes none");
                    self.metrics.webhooks.refused.inc();
                    if !self.wait(session, wait).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn is_too_old(&self, record: &EventRecord) -> bool {
        let is_old = record.event.at + EVENTS_TTL.as_millis() as u64 <= self.clock.now_ms();
        if is_old {
            self.metrics.webhooks.dropped.inc();
        }
        is_old
    }

    async fn send(&self, session: &SessionId, record: &EventRecord) -> Result<(), Refusal> {
        // A gap that has grown is another event.
        let id = match record.missing {
            0 => record.event.id.clone(),
            missing => format!("{}-{missing}", record.event.id),
        };
        self.receiver.send(&id, body(session.as_str(), record)).await?;
        self.metrics.webhooks.sent.inc();
        self.metrics.webhooks.dropped.inc_by(record.missing);
        Ok(())
    }

    /// Waits, and stays the sender meanwhile. False if another instance is.
    async fn wait(&self, session: &SessionId, wait: Duration) -> Result<bool, StoreError> {
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            sleep(left.min(LOOK_INTERVAL)).await;
            if !self.store.claim_sender(session, &self.instance).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The wait after so many refusals in a row before this one.
fn wait_after(refusals: u32) -> Duration {
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(refusals)).min(LAST_WAIT)
}

#[cfg(test)]
mod tests;
