//! The copies of a session's screen for others: one in the store, for a replacement shell, and one for walls.

use super::actor::Actor;
use super::watching::Sight;
use crate::store::ScreenRecord;
use crate::terminal::Size;
use std::sync::Arc;
use tokio::time::Instant;

impl Actor {
    pub(super) fn save_screen(&mut self) {
        let (terminal, epoch, clock) = (&mut self.terminal, self.epoch, &self.clock);
        self.screens.save_if_due(Instant::now(), self.termination.is_over(), || {
            let Size { cols, rows } = terminal.size;
            ScreenRecord { epoch, cols, rows, data: terminal.render_visible(), at: clock.now_ms() }
        });
    }

    pub(super) fn show_walls(&mut self) {
        let now = self.now();
        let (terminal, attachments, expiry) = (&mut self.terminal, &self.attachments, &self.expiry);
        self.sights.fill_if_due(now.instant, || Sight {
            at: now.ms,
            here: attachments.has_controllers(),
            title: terminal.emulator.title.clone(),
            active_at: now.ms - now.instant.saturating_duration_since(expiry.active).as_millis() as u64,
            exit_code: terminal.prompt.exit_code,
            command: terminal.command_log.latest().map(str::to_owned),
            hand: attachments.people.raised_at(),
            picture: Arc::new(terminal.emulator.picture()),
        });
    }
}
