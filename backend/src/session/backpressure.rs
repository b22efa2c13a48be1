//! Backpressure on the program: the terminal is not read while a followed controller is far behind.

use super::client::Client;
use shared_protocol::Pos;
use std::time::Duration;
use tokio::time::Instant;

/// Unacknowledged output at which reading stops, in bytes.
const BACKPRESSURE_HIGH_WATERMARK: u64 = 512 * 1024;

/// Unacknowledged output below which reading resumes, in bytes: high enough that a full frame is ready when a post is done.
const BACKPRESSURE_LOW_WATERMARK: u64 = 384 * 1024;

/// Time without progress after which a client no longer pauses the program.
const BACKPRESSURE_TIMEOUT: Duration = Duration::from_secs(10);

/// Decides whether the terminal is read.
#[derive(Debug, Default)]
pub(super) struct Backpressure {
    /// True while the terminal must not be read.
    pub(super) paused: bool,
}

impl Backpressure {
    /// Decides anew, for a log that ends at `end`. Returns true if reading stops now.
    pub(super) fn update<'a>(
        &mut self,
        mut clients: impl Iterator<Item = &'a mut Client>,
        end: Pos,
        now: Instant,
    ) -> bool {
        let limit = if self.paused { BACKPRESSURE_LOW_WATERMARK } else { BACKPRESSURE_HIGH_WATERMARK };
        let before = self.paused;
        self.paused = clients.any(|client| {
            let cursor = &client.outbound.cursor;
            client.can_apply_backpressure()
                && end.0 - cursor.acked().0 > limit
                && now < cursor.progress() + BACKPRESSURE_TIMEOUT
                && client.outbound.is_followed(now)
        });
        self.paused && !before
    }

    /// Latest time of the next update.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        self.paused.then_some(now + BACKPRESSURE_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::handle::caller;
    use shared_protocol::Role;

    /// End of a log that is too long for a client without an acknowledgement.
    const END: Pos = Pos(BACKPRESSURE_HIGH_WATERMARK + 1);

    #[test]
    fn reading_stops_above_one_watermark_and_resumes_at_the_other() {
        let now = Instant::now();
        let (mut backpressure, mut client) = (Backpressure::default(), Client::new(&caller("ada", "c1"), false, now));
        client.outbound.grant(now);
        let low = END.0 - BACKPRESSURE_LOW_WATERMARK;
        for (acked, stops, paused) in [(0, true, true), (low - 1, false, true), (low, false, false)] {
            client.outbound.ack(Pos(acked), now);
            assert_eq!(backpressure.update([&mut client].into_iter(), END, now), stops);
            assert_eq!((backpressure.paused, backpressure.deadline(now).is_some()), (paused, paused));
        }
    }

    #[test]
    fn only_a_followed_controller_that_makes_progress_pauses_the_program() {
        let (now, late) = (Instant::now(), Instant::now() + BACKPRESSURE_TIMEOUT);
        let pauses = |role, granted, at| {
            let mut client = Client::new(&caller("ada", "c1"), false, now);
            client.role = role;
            client.outbound.grant(granted);
            Backpressure::default().update([&mut client].into_iter(), END, at)
        };
        assert!(pauses(Role::Controller, now, now));
        assert!(!pauses(Role::Viewer, now, now));
        assert!(!pauses(Role::Controller, now, late - Duration::from_secs(1)), "not followed");
        assert!(!pauses(Role::Controller, late, late), "no progress");
    }
}
