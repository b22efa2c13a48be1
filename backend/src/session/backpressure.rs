//! Backpressure on the program: the terminal is not read while a followed controller is far behind.

use super::client::Client;
use shared_protocol::Pos;
use std::time::Duration;
use tokio::time::Instant;

/// Unacknowledged output at which reading stops, in bytes.
const BACKPRESSURE_HIGH_WATERMARK: u64 = 512 * 1024;

/// Unacknowledged output below which reading resumes, in bytes: high enough that a full frame is ready when a post is done.
const BACKPRESSURE_LOW_WATERMARK: u64 = 384 * 1024;

/// Both watermarks for a client that gets screens in place of its stream, as part of the others: most of what is read then is never
/// shown, and a class that floods would leave no processor time for its keys.
const SCREENS_SHARE: u64 = 4;

/// Time without progress after which a client no longer pauses the program.
const BACKPRESSURE_TIMEOUT: Duration = Duration::from_secs(10);

/// Decides whether the terminal is read.
#[derive(Debug, Default)]
pub(super) struct Backpressure {
    /// True while the terminal must not be read.
    pub(super) paused: bool,
    /// Time at which the first of the clients that pause it no longer may.
    until: Option<Instant>,
}

impl Backpressure {
    /// Decides anew, for a log that ends at `end`. Returns true if reading stops now.
    pub(super) fn update<'a>(&mut self, clients: impl Iterator<Item = &'a mut Client>, end: Pos, now: Instant) -> bool {
        let limit = if self.paused { BACKPRESSURE_LOW_WATERMARK } else { BACKPRESSURE_HIGH_WATERMARK };
        let before = self.paused;
        let pausing = clients.filter_map(|client| {
            let cursor = &client.outbound.cursor;
            let limit = if client.outbound.screens_only { limit / SCREENS_SHARE } else { limit };
            let is_behind = end.0 - cursor.acked().0 > limit && client.outbound.link.is_live();
            (is_behind && client.can_apply_backpressure()).then(|| cursor.progress() + BACKPRESSURE_TIMEOUT)
        });
        self.until = pausing.filter(|until| now < *until).min();
        self.paused = self.until.is_some();
        self.paused && !before
    }

    /// Latest time of the next update.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until.filter(|_| self.paused)
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
        let _frames = client.outbound.link.open_direct();
        let low = END.0 - BACKPRESSURE_LOW_WATERMARK;
        for (acked, stops, paused) in [(0, true, true), (low - 1, false, true), (low, false, false)] {
            client.outbound.ack(Pos(acked), now);
            assert_eq!(backpressure.update([&mut client].into_iter(), END, now), stops);
            assert_eq!((backpressure.paused, backpressure.deadline().is_some()), (paused, paused));
        }
        client.outbound.screens_only = true;
        assert!(backpressure.update([&mut client].into_iter(), END, now), "screens need less");
    }

    #[test]
    fn only_a_carried_controller_that_makes_progress_pauses_the_program() {
        let (now, late) = (Instant::now(), Instant::now() + BACKPRESSURE_TIMEOUT);
        let pauses = |role, carried: bool, at| {
            let mut client = Client::new(&caller("ada", "c1"), false, now);
            client.role = role;
            let _frames = carried.then(|| client.outbound.link.open_direct());
            Backpressure::default().update([&mut client].into_iter(), END, at)
        };
        assert!(pauses(Role::Controller, true, late - Duration::from_secs(1)));
        assert!(!pauses(Role::Viewer, true, now));
        assert!(!pauses(Role::Controller, false, now), "no relay");
        assert!(!pauses(Role::Controller, true, late), "no progress");
    }
}
