//! A client's output: what it was sent and has parsed, and what is to be sent instead of the stream.

use super::cursor::SendCursor;
use super::link::Link;
use super::replies::{Replies, weight};
use crate::metrics::SnapshotCause;
use crate::relay::{Due, OutletState, Relays};
use crate::session::deflate::{Effort, WORTH_DEFLATING};
use crate::session::frames::{PAYLOAD_BYTES, pack};
use crate::session::output_budget::{OutputBudget, SCREEN_INTERVAL};
use shared_protocol::limits::FRAME_RAW_BYTES;
use shared_protocol::server::{Renew, SnapshotScope};
use shared_protocol::{Epoch, Payload, Pos, ServerMessage};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Time that a frame waits to be fuller while a program prints a lot. The post before it takes longer than this.
const COALESCE_DELAY: Duration = Duration::from_millis(8);

/// The same while API Gateway refuses posts of the whole account, for all output.
const THROTTLED_DELAY: Duration = Duration::from_millis(100);

/// Time until unacknowledged output is sent again after a frame was lost; a page that notices asks sooner.
const LOSS_DELAY: Duration = Duration::from_millis(300);

/// Unsent output above which an interrupt skips it, in bytes. Less costs one frame either way.
const WORTH_SKIPPING: u64 = 8 * 1024;

pub(in crate::session) struct Outbound {
    /// True if frames cost nothing: no budget, no coalescing.
    direct: bool,
    /// Compression of output; `None` for a client that does not read it.
    effort: Option<Effort>,
    pub(in crate::session) cursor: SendCursor,
    /// Set if a snapshot replaces the part of the stream that was not sent.
    skip: Option<SnapshotCause>,
    /// True if the start of the stream may not be sent as it was printed.
    pub(in crate::session) starts_with_snapshot: bool,
    /// True until its emulator has shown something after an attach: the next snapshot must be a full one.
    needs_full: bool,
    /// Parts of a snapshot that are still to be sent. The cursor advances with the last.
    snapshot: VecDeque<ServerMessage>,
    /// Direct replies that go with the stream's frames.
    replies: Replies,
    /// Its way to the relay that carries its frames.
    pub(in crate::session) link: Link,
    /// True if the last frame of output was a large one: more is on its way.
    is_bulk: bool,
    /// End of the wait for a fuller frame; `None` while there is no such wait.
    coalesce_until: Option<Instant>,
    /// Last snapshot that was sent because the stream may not be.
    last_screen: Option<Instant>,
    /// Time of the next such snapshot; `None` while the stream may be sent.
    next_screen: Option<Instant>,
    /// True while its relay has no room for its stream, and screens stand for it.
    pub(in crate::session) screens_only: bool,
}

impl Outbound {
    pub(super) fn new(direct: bool, now: Instant) -> Self {
        Self {
            direct,
            effort: None,
            cursor: SendCursor::new(now),
            skip: None,
            starts_with_snapshot: false,
            needs_full: true,
            snapshot: VecDeque::new(),
            replies: Replies::default(),
            link: Link::default(),
            is_bulk: false,
            coalesce_until: None,
            last_screen: None,
            next_screen: None,
            screens_only: false,
        }
    }

    /// Sets how frames go out, for the connection that attaches.
    pub(in crate::session) fn set_transport(&mut self, direct: bool, deflates: bool) {
        let effort = if direct { Effort::Quick } else { Effort::Thorough };
        (self.direct, self.effort) = (direct, deflates.then_some(effort));
    }

    /// Starts over at `from`, for a page that has everything before. `skip` sends it a snapshot first.
    pub(in crate::session) fn restart(&mut self, from: Pos, skip: Option<SnapshotCause>, now: Instant) {
        self.cursor.restart(from, now);
        self.snapshot.clear();
        (self.skip, self.needs_full) = (skip, true);
    }

    /// Starts again at `pos`: the client lost something.
    pub(in crate::session) fn repair(&mut self, pos: Pos, now: Instant) {
        self.snapshot.clear();
        self.cursor.repair(pos, now);
    }

    /// Sends a full snapshot instead of the stream, as to a page that attaches.
    pub(in crate::session) fn resync(&mut self) {
        (self.skip, self.needs_full) = (Some(SnapshotCause::Attach), true);
    }

    /// The client parsed everything before `pos`.
    pub(in crate::session) fn ack(&mut self, pos: Pos, now: Instant) {
        let before = self.cursor.acked();
        self.cursor.ack(pos, now);
        self.needs_full &= self.cursor.acked() == before;
    }

    /// Skips the output before `end` that was not sent: an interrupt came.
    pub(in crate::session) fn skip_unsent(&mut self, end: Pos) {
        if end.0 - self.cursor.sent().0 > WORTH_SKIPPING {
            self.skip.get_or_insert(SnapshotCause::Interrupt);
        }
    }

    /// Cause of the snapshot that must be made now: an earlier request, or else `needed`. `None` while one is being sent.
    pub(in crate::session) fn take_skip(&mut self, needed: Option<SnapshotCause>) -> Option<SnapshotCause> {
        self.skip.take().or(needed).filter(|_| self.snapshot.is_empty())
    }

    /// The snapshot cannot be made yet.
    pub(in crate::session) fn put_off(&mut self, cause: SnapshotCause) {
        self.skip = Some(cause);
    }

    /// Scope of a snapshot: the screen is enough for an emulator that has shown something since the attach.
    pub(in crate::session) fn snapshot_scope(&self) -> SnapshotScope {
        let has_screen = self.cursor.acked() > Pos(0) && !self.needs_full;
        if has_screen { SnapshotScope::Screen } else { SnapshotScope::Full }
    }

    pub(in crate::session) fn queue_snapshot(&mut self, parts: Vec<ServerMessage>) {
        self.snapshot.extend(parts);
    }

    /// The next part of a snapshot. After the last, the cursor stands behind it.
    pub(in crate::session) fn take_snapshot_part(&mut self, now: Instant) -> Option<ServerMessage> {
        let part = self.snapshot.pop_front()?;
        if self.snapshot.is_empty()
            && let ServerMessage::Snapshot(snapshot) = &part
        {
            self.cursor.advance(snapshot.pos, now);
        }
        Some(part)
    }

    pub(in crate::session) fn queue_reply(&mut self, message: ServerMessage) {
        self.replies.push(message);
    }

    pub(in crate::session) fn next_reply(&mut self) -> Option<ServerMessage> {
        self.replies.pop()
    }

    pub(in crate::session) fn reply_count(&self) -> usize {
        self.replies.len()
    }

    /// Takes the newest reply back, if more than `count` wait.
    pub(in crate::session) fn take_reply_above(&mut self, count: usize) -> Option<ServerMessage> {
        self.replies.take_above(count)
    }

    /// Memory of what waits for a frame, or for the relay's report, in bytes.
    pub(super) fn held(&self) -> usize {
        self.snapshot.iter().map(weight).sum::<usize>() + self.replies.bytes() + self.link.held()
    }

    pub(in crate::session) fn effort(&self) -> Option<Effort> {
        self.effort
    }

    /// Bytes of output that one frame may stand for.
    pub(in crate::session) fn max_frame_bytes(&self) -> usize {
        if self.effort.is_some() { FRAME_RAW_BYTES } else { PAYLOAD_BYTES }
    }

    /// True if these bytes wait for more: each frame is a post, and the same output in fewer of them costs less and comes sooner.
    pub(in crate::session) fn coalesce(&mut self, bytes: u64, due: Due, now: Instant) -> bool {
        let until = due.since + if due.is_throttled { THROTTLED_DELAY } else { COALESCE_DELAY };
        let has_more = (self.is_bulk || due.is_throttled) && !self.direct;
        let waits = has_more && (1..self.max_frame_bytes() as u64).contains(&bytes);
        self.coalesce_until = (waits && until > now).then_some(until);
        self.coalesce_until.is_some()
    }

    /// True if the unsent part of a stream that ends at `end` may go out, as it is or as a snapshot. A spent budget, and a flood
    /// that shares its relay, permit only a snapshot of the screen now and then.
    pub(in crate::session) fn may_send(&mut self, end: Pos, budget: &mut OutputBudget, due: Due, now: Instant) -> bool {
        (self.next_screen, self.screens_only) = (None, due.shares);
        let is_free = self.direct || !self.snapshot.is_empty() || self.cursor.sent() >= end;
        if is_free || (budget.allows_stream(now) && !due.shares) {
            return true;
        }
        self.next_screen = self.last_screen.map(|last| last + SCREEN_INTERVAL).filter(|next| *next > now);
        if self.next_screen.is_none() {
            (self.last_screen, self.skip) = (Some(now), Some(SnapshotCause::Budget));
            self.link.skip(end.0 - self.cursor.sent().0, now);
        }
        self.next_screen.is_none()
    }

    /// Number of positions that were not sent of a stream that ends at `end`; 0 where none of them may wait, because a frame
    /// costs nothing, or a snapshot is to be sent.
    pub(in crate::session) fn unsent(&self, end: Pos) -> u64 {
        let may_wait = !self.direct && self.skip.is_none() && self.snapshot.is_empty();
        if may_wait { end.0.saturating_sub(self.cursor.sent().0) } else { 0 }
    }

    /// Packs the longest prefix of the output at the cursor that fits into a frame, and moves the cursor behind it. Returns its
    /// length too.
    pub(in crate::session) fn pack(&mut self, bytes: &[u8], budget: &mut OutputBudget, now: Instant) -> (Payload, u32) {
        self.is_bulk = bytes.len() >= WORTH_DEFLATING;
        let (payload, len) = pack(bytes, self.effort);
        self.cursor.advance(self.cursor.sent().after(len as u64), now);
        if !self.direct {
            budget.spend(len as u64);
        }
        (payload, len as u32)
    }

    /// Learns from the client's relay what became of its frames, and moves to another one if that has ended.
    pub(in crate::session) fn refresh(&mut self, relays: &Relays, epoch: Epoch, now: Instant) {
        let OutletState { lost, renew, .. } = self.link.refresh(relays, now);
        if lost {
            self.frame_lost(now);
        }
        if renew {
            self.queue_reply(ServerMessage::Renew(Renew { epoch }));
        }
    }

    /// Sends again soon what is not acknowledged: a frame was lost. Sooner is of no use, because the page notices a gap itself.
    fn frame_lost(&mut self, now: Instant) {
        self.cursor.expedite(now + LOSS_DELAY);
    }

    /// Next time at which something is due; of the stream nothing is, while no frame is accepted.
    pub(super) fn deadline(&self, ack_due: Option<Instant>) -> Option<Instant> {
        let due = [ack_due, self.cursor.resend_at(), self.next_screen, self.coalesce_until];
        let due = due.into_iter().flatten().filter(|_| self.link.awaits_frame()).min();
        [due, self.link.deadline()].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(since: Instant, is_throttled: bool) -> Due {
        Due { since, is_throttled, shares: false }
    }

    #[test]
    fn a_spent_budget_permits_a_screen_now_and_then() {
        let now = Instant::now();
        let mut outbound = Outbound::new(false, now);
        let mut budget = OutputBudget::new(1, now);
        let (end, screen, due) = (Pos(1), Some(SnapshotCause::Budget), due(now, false));
        assert!(outbound.may_send(end, &mut budget, due, now));
        assert_eq!(outbound.take_skip(None), None, "the stream");
        budget.spend(u64::MAX);
        assert!(outbound.may_send(end, &mut budget, due, now));
        assert_eq!(outbound.take_skip(None), screen);
        assert!(!outbound.may_send(end, &mut budget, due, now));
        assert!(outbound.may_send(end, &mut budget, due, now + SCREEN_INTERVAL));
        assert_eq!(outbound.take_skip(None), screen);
        let mut direct = Outbound::new(true, now);
        assert!(direct.may_send(end, &mut budget, due, now));
        assert_eq!(direct.take_skip(None), None);
    }

    #[test]
    fn a_flood_that_shares_its_relay_gets_screens() {
        let now = Instant::now();
        let (mut outbound, mut budget) = (Outbound::new(false, now), OutputBudget::new(0, now));
        let shared = Due { shares: true, ..due(now, false) };
        assert!(outbound.may_send(Pos(1), &mut budget, shared, now));
        assert_eq!(outbound.take_skip(None), Some(SnapshotCause::Budget));
        assert!(!outbound.may_send(Pos(1), &mut budget, shared, now + SCREEN_INTERVAL / 2));
        assert!(outbound.may_send(Pos(1), &mut budget, due(now, false), now + SCREEN_INTERVAL / 2));
        assert_eq!(outbound.take_skip(None), None, "the stream goes on once it has a relay for itself");
    }

    #[test]
    fn output_waits_only_where_a_frame_costs_and_no_snapshot_is_due() {
        let now = Instant::now();
        let mut outbound = Outbound::new(false, now);
        assert_eq!((outbound.unsent(Pos(0)), outbound.unsent(Pos(3))), (0, 3));
        outbound.resync();
        assert_eq!(outbound.unsent(Pos(3)), 0);
        assert_eq!(Outbound::new(true, now).unsent(Pos(3)), 0);
    }

    #[test]
    fn output_gathers_after_bulk_and_while_the_account_is_throttled() {
        let now = Instant::now();
        let mut outbound = Outbound::new(false, now);
        let mut gathers =
            |is_throttled, after| outbound.coalesce(1, due(now, is_throttled), now + Duration::from_millis(after));
        assert!(!gathers(false, 0), "the echo of a key");
        assert!(gathers(true, 0) && gathers(true, 99) && !gathers(true, 100));
        outbound.is_bulk = true;
        let mut gathers =
            |is_throttled, after| outbound.coalesce(1, due(now, is_throttled), now + Duration::from_millis(after));
        assert!(gathers(false, 7) && !gathers(false, 8));
    }
}
