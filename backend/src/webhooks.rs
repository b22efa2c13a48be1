//! Webhooks: tells the operator's platform what happens in sessions, signed as the Standard Webhooks say. A session hands an
//! event over without a wait. Events wait in the store, in the order of their session, until the receiver has each, so that one
//! that is slow or down harms no session.

mod address;
mod delivery;
mod event;
mod http_receiver;
mod outbox;
mod receiver;
mod settings;
mod signature;

pub(crate) use address::literal_address;
pub use event::Event;
pub use settings::WebhookSettings;
pub use signature::Key;

use crate::clock::{Clock, RandomSource};
use crate::metrics::Metrics;
use crate::store::{InstanceId, SessionRecord, Store};
use delivery::Delivery;
use http_receiver::HttpReceiver;
use outbox::Outbox;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Time that a shutdown waits for events, at most.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Time between two looks whether events wait.
const FLUSH_INTERVAL: Duration = Duration::from_millis(50);

/// The webhooks of this instance.
#[derive(Clone, Default)]
pub struct Webhooks(Option<Arc<Open>>);

struct Open {
    /// True if the body has the lines of commands.
    command_lines: bool,
    outbox: Arc<Outbox>,
    delivery: Arc<Delivery>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
}

impl Webhooks {
    /// Without a receiver: nothing is told.
    pub fn off() -> Self {
        Self::default()
    }

    /// With a receiver.
    pub fn open(
        settings: WebhookSettings,
        instance: InstanceId,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let command_lines = settings.command_lines;
        let receiver = match HttpReceiver::new(settings, Arc::clone(&clock)) {
            Ok(receiver) => Arc::new(receiver),
            Err(error) => {
                // A bug.
                tracing::error!(%error, "no webhook can be sent");
                return Self::off();
            }
        };
        let outbox = Arc::new(Outbox::new(Arc::clone(&store)));
        let delivery = Arc::new(Delivery::new(instance, Arc::clone(&store), receiver, Arc::clone(&clock), metrics));
        Self(Some(Arc::new(Open { command_lines, outbox, delivery, store, clock, random })))
    }

    /// Tells an event of a session, later and in its order.
    pub fn tell(&self, of: &SessionRecord, event: Event<'_>) {
        let Some(open) = &self.0 else { return };
        let id = format!("evt_{}", hex::encode(open.random.bytes::<16>()));
        open.outbox.push(of.id.clone(), event.record(id, of, open.clock.now_ms(), open.command_lines));
    }

    /// Stores and sends events until dropped, also those that an instance left which is gone.
    pub async fn run(&self) {
        let Some(open) = &self.0 else { return std::future::pending().await };
        tokio::join!(open.outbox.run(|session| open.delivery.ready(session)), open.delivery.run());
    }

    /// Waits, for a moment, until what was told is in the store, or with the receiver if the store ends with this process.
    pub async fn flush(&self) {
        let Some(open) = &self.0 else { return };
        let until = Instant::now() + FLUSH_TIMEOUT;
        while open.is_waiting().await && Instant::now() < until {
            sleep(FLUSH_INTERVAL).await;
        }
    }
}

impl Open {
    async fn is_waiting(&self) -> bool {
        !self.outbox.is_empty()
            || !self.store.is_shared()
                && self.store.sessions_with_events().await.is_ok_and(|sessions| !sessions.is_empty())
    }
}
