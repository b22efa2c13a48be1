//! Writes what a session shows to the store while it changes, so that it can be shown again when this instance is gone.

use super::actor::Actor;
use crate::store::{ScreenRecord, Store};
use shared_protocol::SessionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Screens of one session are written this long apart, at most.
pub(super) const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Where the session's task shows its screen; the latest counts. None where nobody would ever read it.
pub(super) type Shown = Option<watch::Sender<Option<ScreenRecord>>>;

/// Takes what is shown.
pub(super) struct Keeper(Option<watch::Receiver<Option<ScreenRecord>>>);

impl Keeper {
    /// For this store: one that dies with the instance needs no screens.
    pub(super) fn for_store(store: &dyn Store) -> (Shown, Self) {
        if !store.is_shared() {
            return (None, Self(None));
        }
        let (shown, seen) = watch::channel(None);
        (Some(shown), Self(Some(seen)))
    }
}

impl Actor {
    /// The terminal printed: its screen is shown soon.
    pub(super) fn show_soon(&mut self, now: Instant) {
        if self.shown.is_some() {
            self.show_at.get_or_insert(now + SHOW_EVERY);
        }
    }

    /// Shows the screen when it is time, or when it is the last time.
    pub(super) fn show(&mut self) {
        let due = self.show_at.is_some_and(|at| at <= Instant::now() || self.is_over());
        if !due {
            return;
        }
        self.show_at = None;
        let screen = ScreenRecord {
            epoch: self.epoch,
            cols: self.size.cols,
            rows: self.size.rows,
            data: self.emulator.picture(),
            at: self.clock.now_ms(),
        };
        if let Some(shown) = &self.shown {
            shown.send_replace(Some(screen));
        }
    }
}

/// Writes each screen until nobody shows any more.
pub(super) async fn keep_screen(store: Arc<dyn Store>, id: SessionId, keeper: Keeper) {
    let Some(mut seen) = keeper.0 else { return };
    while seen.changed().await.is_ok() {
        let screen = seen.borrow_and_update().clone();
        if let Some(screen) = screen
            && let Err(error) = store.put_screen(&id, &screen).await
        {
            // The next one comes soon; the heartbeat says that the store is away.
            tracing::debug!(session = %id, %error, "a screen was not stored");
        }
    }
}
