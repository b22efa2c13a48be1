//! Position of a client in the stream: what it was sent, what it has parsed, and when unacknowledged bytes are sent again.

use shared_protocol::Pos;
use shared_protocol::limits::MAX_ACK_DELAY;
use std::time::Duration;
use tokio::time::Instant;

/// Time without an acknowledgement after which sent bytes are sent again; doubles up to [`MAX_RESEND_DELAY`]. The round trip
/// may take 1 s of it.
const RESEND_DELAY: Duration = MAX_ACK_DELAY.saturating_add(Duration::from_secs(1));

/// Longest time between two attempts to send unacknowledged bytes.
const MAX_RESEND_DELAY: Duration = Duration::from_secs(30);

/// Position of a client in the stream. `acked <= sent` always holds.
#[derive(Debug)]
pub(in crate::session) struct SendCursor {
    /// End of the bytes that were sent.
    sent: Pos,
    /// End of the bytes that were parsed.
    acked: Pos,
    /// Last time that an acknowledgement came, or that there was nothing to acknowledge.
    progress: Instant,
    /// Time to send again from `acked`; set while sent bytes are not acknowledged.
    resend_at: Option<Instant>,
    /// Delay before the next resend.
    resend_delay: Duration,
}

impl SendCursor {
    pub(super) fn new(now: Instant) -> Self {
        Self { sent: Pos(0), acked: Pos(0), progress: now, resend_at: None, resend_delay: RESEND_DELAY }
    }

    pub(in crate::session) fn sent(&self) -> Pos {
        self.sent
    }

    pub(in crate::session) fn acked(&self) -> Pos {
        self.acked
    }

    pub(in crate::session) fn progress(&self) -> Instant {
        self.progress
    }

    pub(super) fn resend_at(&self) -> Option<Instant> {
        self.resend_at
    }

    pub(super) fn restart(&mut self, pos: Pos, now: Instant) {
        // A page that only attaches again has not parsed more.
        let progress = if pos > self.acked { now } else { self.progress };
        *self = Self { sent: pos, acked: pos, progress, ..Self::new(now) };
    }

    /// Records that everything before `pos` was sent.
    pub(in crate::session) fn advance(&mut self, pos: Pos, now: Instant) {
        self.sent = pos;
        self.resend_at.get_or_insert(now + self.resend_delay);
    }

    /// Sends again from `acked` at this time, unless that is due before.
    pub(super) fn expedite(&mut self, at: Instant) {
        if self.acked < self.sent {
            self.resend_at = Some(self.resend_at.map_or(at, |due| due.min(at)));
        }
    }

    /// Output was appended at `from`. A client that had acknowledged everything before makes progress.
    pub(in crate::session) fn output_appended(&mut self, from: Pos, now: Instant) {
        if self.acked == from {
            self.progress = now;
        }
    }

    /// Records that everything before `pos` was parsed.
    pub(super) fn ack(&mut self, pos: Pos, now: Instant) {
        if pos <= self.acked {
            return;
        }
        self.acked = pos;
        self.sent = self.sent.max(pos);
        self.progress = now;
        self.resend_delay = RESEND_DELAY;
        self.resend_at = (self.acked < self.sent).then(|| now + self.resend_delay);
    }

    /// Starts again at `pos`, or at the last acknowledgement if that is later: the request may be stale.
    pub(super) fn repair(&mut self, pos: Pos, now: Instant) {
        let pos = pos.max(self.acked);
        self.sent = pos;
        self.resend_at = None;
        self.ack(pos, now);
    }

    /// Starts again from the last acknowledgement if the next is overdue. Returns true if it did.
    pub(in crate::session) fn resend_if_due(&mut self, now: Instant) -> bool {
        let due = self.resend_at.is_some_and(|at| at <= now);
        if due {
            self.sent = self.acked;
            self.resend_at = None;
            self.resend_delay = (self.resend_delay * 2).min(MAX_RESEND_DELAY);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unacknowledged_bytes_are_sent_again_ever_later() {
        let now = Instant::now();
        let mut cursor = SendCursor::new(now);
        cursor.advance(Pos(10), now);
        assert!(!cursor.resend_if_due(now + RESEND_DELAY - Duration::from_millis(1)));
        assert!(cursor.resend_if_due(now + RESEND_DELAY));
        assert_eq!((cursor.sent, cursor.resend_at), (Pos(0), None));
        cursor.advance(Pos(10), now);
        assert_eq!(cursor.resend_at, Some(now + RESEND_DELAY * 2));
        cursor.ack(Pos(4), now);
        assert_eq!(cursor.resend_at, Some(now + RESEND_DELAY), "progress resets the delay");
        cursor.ack(Pos(10), now);
        assert_eq!(cursor.resend_at, None);

        let (mut at, mut delays) = (now, Vec::new());
        for _ in 0..6 {
            cursor.advance(Pos(20), at);
            let due = cursor.resend_at.unwrap();
            delays.push((due - at).as_secs());
            at = due;
            assert!(cursor.resend_if_due(at));
        }
        assert_eq!(delays, [3, 6, 12, 24, 30, 30]);
    }

    #[test]
    fn attaching_again_is_no_progress() {
        let (begin, later) = (Instant::now(), Instant::now() + RESEND_DELAY);
        let mut cursor = SendCursor::new(begin);
        cursor.advance(Pos(10), begin);
        cursor.restart(Pos(0), later);
        assert_eq!(cursor.progress(), begin);
        cursor.restart(Pos(4), later);
        assert_eq!(cursor.progress(), later, "it has parsed more");
    }

    #[test]
    fn a_stale_repair_does_not_move_behind_the_last_acknowledgement() {
        let now = Instant::now();
        let mut cursor = SendCursor::new(now);
        cursor.advance(Pos(10), now);
        cursor.ack(Pos(8), now);
        cursor.repair(Pos(4), now);
        assert_eq!((cursor.sent, cursor.acked), (Pos(8), Pos(8)));
    }
}
