//! Backpressure on the program: the terminal is not read while a followed controller is far behind.

use super::client::Client;
use shared_protocol::Pos;
use std::time::Duration;
use tokio::time::Instant;

/// Unacknowledged output at which reading stops, in bytes.
const BACKPRESSURE_HIGH_WATERMARK: u64 = 512 * 1024;

/// Unacknowledged output below which reading resumes, in bytes: high enough that a full frame is ready when a post is done.
const BACKPRESSURE_LOW_WATERMARK: u64 = 384 * 1024;

/// Both watermarks for a client that gets screens in place of its stream, as part of the others: most of what is read then is
/// never shown, and a class that floods would leave no processor time for its keys.
const SCREENS_SHARE: u64 = 4;

/// Time without progress after which a client no longer pauses the program.
const BACKPRESSURE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for which clients that are behind may hold back one that is not.
const SHARED_TIMEOUT: Duration = Duration::from_secs(2);

/// Time from such a pause to the next, however many clients come and go.
const SHARED_INTERVAL: Duration = Duration::from_secs(20);

/// Decides whether the terminal is read.
#[derive(Debug, Default)]
pub(super) struct Backpressure {
    /// True while the terminal must not be read.
    pub(super) paused: bool,
    /// Time at which the first of the clients that pause it no longer may.
    until: Option<Instant>,
    /// Begin of the last pause that held back a client that is not behind; forgotten after [`SHARED_INTERVAL`].
    shared_since: Option<Instant>,
}

impl Backpressure {
    /// Decides anew, for a log that ends at `end`. Returns true if reading stops now.
    pub(super) fn update<'a>(&mut self, clients: impl Iterator<Item = &'a mut Client>, end: Pos, now: Instant) -> bool {
        let limit = if self.paused { BACKPRESSURE_LOW_WATERMARK } else { BACKPRESSURE_HIGH_WATERMARK };
        let before = self.paused;
        let (mut until, mut is_held_back) = (None, false);
        for client in clients.filter(|client| client.can_apply_backpressure() && client.outbound.link.is_live()) {
            let cursor = &client.outbound.cursor;
            let limit = if client.outbound.screens_only { limit / SCREENS_SHARE } else { limit };
            let patience = cursor.progress() + BACKPRESSURE_TIMEOUT;
            if end.0 - cursor.acked().0 <= limit {
                is_held_back = true;
            } else if now < patience {
                until = Some(until.map_or(patience, |until: Instant| until.min(patience)));
            }
        }
        self.shared_since = self.shared_since.filter(|since| now < *since + SHARED_INTERVAL);
        if let Some(until) = until.as_mut().filter(|_| is_held_back) {
            *until = (*until).min(*self.shared_since.get_or_insert(now) + SHARED_TIMEOUT);
        }
        self.until = until.filter(|until| now < *until);
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
    use crate::session::caller::caller;
    use shared_protocol::Role;

    /// End of a log that is too long for a client without an acknowledgement.
    const END: Pos = Pos(512 * 1024 + 1);

    #[test]
    fn reading_stops_above_one_watermark_and_resumes_at_the_other() {
        // A client that gets screens needs a quarter.
        for share in [1, 4] {
            let now = Instant::now();
            let (mut backpressure, mut client) =
                (Backpressure::default(), Client::new(&caller("ada", "c1"), false, now));
            client.outbound.screens_only = share == 4;
            let _frames = client.outbound.link.open_direct();
            let high = END.0 - 512 * 1024 / share;
            let low = END.0 - 384 * 1024 / share;
            for (acked, stops, paused) in [(high - 1, true, true), (low - 1, false, true), (low, false, false)] {
                client.outbound.ack(Pos(acked), now);
                assert_eq!(backpressure.update([&mut client].into_iter(), END, now), stops, "{share} {acked}");
                assert_eq!((backpressure.paused, backpressure.deadline().is_some()), (paused, paused));
            }
            let mut other = Client::new(&caller("ada", "c1"), false, now);
            other.outbound.screens_only = share == 4;
            let _frames = other.outbound.link.open_direct();
            other.outbound.ack(Pos(high), now);
            assert!(!Backpressure::default().update([&mut other].into_iter(), END, now), "{share}: not yet");
        }
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

    /// Two pages of one session, of which the second acknowledges nothing.
    fn two(now: Instant) -> [Client; 2] {
        [("c1", END), ("c2", Pos(0))].map(|(connection, acked)| {
            let mut client = Client::new(&caller("ada", connection), false, now);
            client.outbound.ack(acked, now);
            client
        })
    }

    const SHARED: Duration = Duration::from_secs(2);

    #[test]
    fn a_second_page_that_does_not_read_holds_nobody_back_for_long() {
        let now = Instant::now();
        let (mut backpressure, mut pages) = (Backpressure::default(), two(now));
        let _frames = pages.each_mut().map(|page| page.outbound.link.open_direct());
        let mut pauses = |pages: &mut [Client; 2], after: Duration| {
            backpressure.update(pages.iter_mut(), END, now + after);
            backpressure.paused
        };
        assert!(pauses(&mut pages, Duration::ZERO));
        assert!(pauses(&mut pages, SHARED - Duration::from_millis(1)));
        assert!(!pauses(&mut pages, SHARED));
        pages[1].outbound.ack(Pos(1), now + SHARED);
        assert!(!pauses(&mut pages, SHARED + Duration::from_secs(1)), "nor by a byte now and then");
        let mut third = two(now + SHARED);
        let _more = third.each_mut().map(|page| page.outbound.link.open_direct());
        assert!(!pauses(&mut third, SHARED + Duration::from_secs(1)), "nor by coming back as another one");
        for (ms, may_pause) in [(19_999, false), (20_000, true)] {
            let after = Duration::from_millis(ms);
            let mut later = two(now + after);
            let _frames = later.each_mut().map(|page| page.outbound.link.open_direct());
            assert_eq!(pauses(&mut later, after), may_pause, "after {ms} ms");
        }
    }

    #[test]
    fn pages_that_are_all_behind_wait_for_each_other() {
        let now = Instant::now();
        let (mut backpressure, mut pages) = (Backpressure::default(), two(now));
        let _frames = pages.each_mut().map(|page| page.outbound.link.open_direct());
        let end = Pos(2 * END.0);
        assert!(backpressure.update(pages.iter_mut(), end, now));
        backpressure.update(pages.iter_mut(), end, now + SHARED);
        assert!(backpressure.paused, "none of them is held back by another");
    }
}
