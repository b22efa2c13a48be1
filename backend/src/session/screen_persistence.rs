//! Saves a session's screen to the store while it changes, so that another instance can show it after this one is lost.

use crate::store::{ScreenRecord, Store};
use shared_protocol::SessionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Shortest time between two saves of one session.
pub(super) const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// The session task's end: decides when to save, and hands the latest screen over without waiting.
pub(super) struct ScreenSender {
    /// Holds the latest screen only. None where the store dies with the instance.
    latest: Option<watch::Sender<Option<ScreenRecord>>>,
    /// Time of the next save; none while the saved screen is current.
    pub(super) save_at: Option<Instant>,
}

/// The end of the task that writes to the store.
pub(super) struct ScreenWriter(Option<watch::Receiver<Option<ScreenRecord>>>);

pub(super) fn screen_channel(store: &dyn Store) -> (ScreenSender, ScreenWriter) {
    let (sender, receiver) = store.is_shared().then(|| watch::channel(None)).unzip();
    (ScreenSender { latest: sender, save_at: None }, ScreenWriter(receiver))
}

impl ScreenSender {
    /// Memory of the screen that was handed over last, in bytes.
    pub(super) fn held(&self) -> usize {
        let latest = self.latest.as_ref();
        latest.and_then(|latest| latest.borrow().as_ref().map(|screen| screen.data.capacity())).unwrap_or_default()
    }

    /// The screen changed: saves it within [`SAVE_INTERVAL`].
    pub(super) fn schedule_save(&mut self, now: Instant) {
        if self.latest.is_some() {
            self.save_at.get_or_insert(now + SAVE_INTERVAL);
        }
    }

    /// Saves a scheduled screen when it is due, or at once if it is the last one.
    pub(super) fn save_if_due(&mut self, now: Instant, is_last: bool, screen: impl FnOnce() -> ScreenRecord) {
        if self.save_at.is_some_and(|at| is_last || at <= now) {
            self.save_at = None;
            if let Some(latest) = &self.latest {
                latest.send_replace(Some(screen()));
            }
        }
    }
}

/// Writes each screen to the store until the sender is dropped.
pub(super) async fn persist_screens(store: Arc<dyn Store>, id: SessionId, writer: ScreenWriter) {
    let Some(mut latest) = writer.0 else { return };
    while latest.changed().await.is_ok() {
        let screen = latest.borrow_and_update().clone();
        if let Some(screen) = screen
            && let Err(error) = store.put_screen(&id, &screen).await
        {
            // The next save follows soon, and the heartbeat reports a store that is down.
            tracing::debug!(session = %id, %error, "a screen was not saved");
        }
    }
}
