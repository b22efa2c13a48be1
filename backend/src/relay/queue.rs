//! The frames of one member of a relay: waiting, with the function, and settled. Pure.

use bytes::Bytes;
use shared_protocol::ConnectionId;
use shared_protocol::relay::{MEMBER_CREDIT, MemberReport, RelayAction, RelayFrame};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Longest time from an answer to the end of the last attempt to post its frames: the function begins none after 2 s, one lasts
/// 0.5 s, and the rest is for the answer's way.
pub(super) const FENCE: Duration = Duration::from_secs(3);

/// A frame that no answer has carried yet.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    /// Effect on connections after the post.
    pub(super) action: RelayAction,
    /// The bytes; empty for a mere action.
    pub(super) bytes: Bytes,
    /// End of the client's authority, in ms of the steady scale: a later answer does not carry it.
    pub(super) valid_until_ms: u64,
}

/// A frame that an answer carries, and perhaps has to carry again.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    /// The frame.
    pub(super) frame: RelayFrame,
    /// End of the client's authority, in ms of the steady scale.
    valid_until_ms: u64,
}

impl Carried {
    /// Empties the frame. It keeps its number: the function settles it without a post, after those before it.
    fn empty(&mut self) {
        (self.frame.action, self.frame.frame) = (RelayAction::None, Bytes::new());
    }

    fn is_empty(&self) -> bool {
        self.frame.action == RelayAction::None && self.frame.frame.is_empty()
    }
}

/// News of a report for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing to do.
    None,
    /// A frame is accepted again.
    Credit,
    /// A frame was not, or not certainly, posted.
    Failed,
}

/// One member's frames, numbered from 1 in the order of their answers.
///
/// Invariants: `settled <= answered`; frames of the answers `settled + 1 ..= answered` are with the function; no frame is
/// accepted while more than [`MEMBER_CREDIT`] frames are unsettled, except the last one of a member that leaves.
#[derive(Debug)]
pub(super) struct FrameQueue {
    /// Frames for the next answers.
    waiting: VecDeque<Queued>,
    /// Sizes of the frames that are with the function, in bytes.
    carried: VecDeque<usize>,
    /// Number of the last frame in an answer; 0 before the first.
    answered: u64,
    /// Time of that answer.
    answered_at: Instant,
    /// Number of the last frame that the session took back: no answer carries it again.
    taken_back: u64,
    /// Number of the last frame that the function reported.
    settled: u64,
    /// Number of the last frame that was reported as not, or not certainly, posted.
    failed: u64,
    /// True if a frame failed since the session asked.
    lost: bool,
    /// Last time that a frame was accepted or settled: the client's next frame is due since then.
    pub(super) since: Instant,
}

impl FrameQueue {
    pub(super) fn new(now: Instant) -> Self {
        let (waiting, carried) = Default::default();
        let (answered, taken_back, settled, failed) = (0, 0, 0, 0);
        Self { waiting, carried, answered, answered_at: now, taken_back, settled, failed, lost: false, since: now }
    }

    /// Frames that were accepted and not reported.
    pub(super) fn unsettled(&self) -> u64 {
        self.answered - self.settled + self.waiting.len() as u64
    }

    /// Their size, in bytes.
    pub(super) fn held(&self) -> usize {
        self.waiting.iter().map(|frame| frame.bytes.len()).chain(self.carried.iter().copied()).sum()
    }

    /// True if one more frame is accepted.
    pub(super) fn has_credit(&self) -> bool {
        self.unsettled() < MEMBER_CREDIT
    }

    pub(super) fn push(&mut self, frame: Queued, now: Instant) {
        self.waiting.push_back(frame);
        self.since = now;
    }

    /// Drops the frames that no answer has carried, and those of an answer that has to be repeated.
    pub(super) fn discard(&mut self) {
        self.lost |= !self.waiting.is_empty();
        self.waiting.clear();
        self.taken_back = self.answered;
    }

    /// True if no frame waits for an answer.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Size of the next frame, in bytes. Drops those whose authority ended before `now_ms`.
    pub(super) fn next_len(&mut self, now_ms: u64) -> Option<usize> {
        while self.waiting.front().is_some_and(|frame| frame.valid_until_ms <= now_ms) {
            self.waiting.pop_front();
            self.lost = true;
        }
        self.waiting.front().map(|frame| frame.bytes.len())
    }

    /// Takes the next frame for an answer.
    pub(super) fn take(&mut self, member: u64, connection: &ConnectionId, now: Instant) -> Option<Carried> {
        let Queued { action, bytes, valid_until_ms } = self.waiting.pop_front()?;
        self.answered += 1;
        self.answered_at = now;
        self.carried.push_back(bytes.len());
        let (number, connection) = (self.answered, connection.clone());
        Some(Carried { frame: RelayFrame { member, number, connection, action, frame: bytes }, valid_until_ms })
    }

    /// Prepares a frame of an answer that never arrived for the same answer once more: emptied and lost, if its client may not
    /// have it any more. Returns true if that is news.
    pub(super) fn repeat(&mut self, carried: &mut Carried, may_send: bool, now_ms: u64) -> bool {
        let is_taken_back = carried.frame.number <= self.taken_back;
        if carried.is_empty() || (may_send && !is_taken_back && now_ms < carried.valid_until_ms) {
            return false;
        }
        carried.empty();
        self.lost = true;
        true
    }

    /// Applies a report; a repeated or older one changes nothing. Returns the news for the session.
    pub(super) fn report(&mut self, report: &MemberReport, now: Instant) -> News {
        let settled = report.settled.min(self.answered);
        let failed = report.lost.max(report.unknown).min(self.answered);
        let (settles, fails) = (settled > self.settled, failed > self.failed);
        let was_full = !self.has_credit();
        if settles {
            self.carried.drain(..(settled - self.settled) as usize);
            self.settled = settled;
            self.since = now;
        }
        if fails {
            self.failed = failed;
            self.lost = true;
        }
        match (fails, settles && was_full) {
            (true, _) => News::Failed,
            (false, true) => News::Credit,
            (false, false) => News::None,
        }
    }

    /// True once, if a frame failed since the last call.
    pub(super) fn take_lost(&mut self) -> bool {
        std::mem::take(&mut self.lost)
    }

    /// True if no post of its frames can be running: all are reported, or the last answer is older than the fence.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.settled == self.answered || self.answered_at + FENCE <= now
    }

    /// True if it is not known of each frame that it was posted.
    pub(super) fn is_uncertain(&self) -> bool {
        self.lost || self.unsettled() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Queued {
        Queued { action: RelayAction::None, bytes: Bytes::from_static(b"{}"), valid_until_ms: 100 }
    }

    fn report(settled: u64, lost: u64) -> MemberReport {
        MemberReport { member: 1, settled, lost, unknown: 0, gone: false }
    }

    #[test]
    fn credit_returns_with_the_report_and_only_once() {
        let (now, connection) = (Instant::now(), ConnectionId::new("c").unwrap());
        let mut queue = FrameQueue::new(now);
        queue.push(frame(), now);
        assert!(queue.has_credit());
        queue.push(frame(), now);
        assert!(!queue.has_credit());
        assert_eq!(queue.take(1, &connection, now).unwrap().frame.number, 1);
        assert!(!queue.has_credit(), "a frame in an answer is not settled");
        assert_eq!(queue.held(), 4, "nor forgotten");
        assert_eq!((queue.report(&report(1, 0), now), queue.has_credit()), (News::Credit, true));
        assert_eq!(queue.report(&report(1, 0), now), News::None, "a repeat says nothing new");
        assert_eq!(queue.report(&report(9, 0), now), News::None);
        assert_eq!((queue.unsettled(), queue.held()), (1, 2), "a frame that waits is not settled");
    }

    #[test]
    fn a_lost_frame_is_told_once() {
        let (now, connection) = (Instant::now(), ConnectionId::new("c").unwrap());
        let mut queue = FrameQueue::new(now);
        queue.push(frame(), now);
        queue.take(1, &connection, now);
        assert_eq!(queue.report(&report(1, 1), now), News::Failed);
        assert!(queue.take_lost() && !queue.take_lost());
        assert_eq!((queue.report(&report(1, 1), now), queue.take_lost()), (News::None, false));
    }

    #[test]
    fn a_frame_is_not_carried_beyond_its_authority() {
        let now = Instant::now();
        let mut queue = FrameQueue::new(now);
        queue.push(frame(), now);
        assert_eq!(queue.next_len(99), Some(2));
        assert_eq!(queue.next_len(100), None);
        assert!(queue.is_empty() && queue.take_lost());
    }

    #[test]
    fn a_repeated_frame_is_emptied_once_its_client_may_not_have_it() {
        let (now, connection) = (Instant::now(), ConnectionId::new("c").unwrap());
        // May its session send, is it taken back, and the time.
        for (may_send, is_taken_back, now_ms, is_kept) in
            [(true, false, 99, true), (true, false, 100, false), (false, false, 99, false), (true, true, 99, false)]
        {
            let mut queue = FrameQueue::new(now);
            queue.push(frame(), now);
            let mut carried = queue.take(1, &connection, now).unwrap();
            if is_taken_back {
                queue.discard();
            }
            assert_eq!(queue.repeat(&mut carried, may_send, now_ms), !is_kept);
            assert_eq!((carried.frame.frame.is_empty(), queue.take_lost()), (!is_kept, !is_kept), "{now_ms}");
            assert_eq!((carried.frame.number, queue.unsettled()), (1, 1), "the function settles it");
            assert!(
                !queue.repeat(&mut carried, true, 99) && carried.frame.frame.is_empty() != is_kept,
                "it stays empty"
            );
        }
    }

    #[test]
    fn a_frame_after_those_that_were_taken_back_is_repeated() {
        let (now, connection) = (Instant::now(), ConnectionId::new("c").unwrap());
        let mut queue = FrameQueue::new(now);
        queue.push(frame(), now);
        queue.take(1, &connection, now);
        queue.discard();
        queue.push(Queued { action: RelayAction::Close, ..frame() }, now);
        let mut reason = queue.take(1, &connection, now).unwrap();
        assert!(!queue.repeat(&mut reason, true, 0));
        assert_eq!(reason.frame.action, RelayAction::Close);
    }
}
