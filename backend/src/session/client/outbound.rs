//! A client's output: what it was sent and has parsed, what is to be sent instead of the stream, and the poll that fetches it.

use super::cursor::SendCursor;
use crate::metrics::{GaugeGuard, SnapshotCause};
use crate::session::deflate::Effort;
use crate::session::follower::{Follower, Poll, PollToken};
use crate::session::frames::PAYLOAD_BYTES;
use crate::session::handle::{Close, OutputResponse};
use crate::session::output_budget::{OutputBudget, SCREEN_INTERVAL};
use bytes::Bytes;
use shared_protocol::limits::FRAME_RAW_BYTES;
use shared_protocol::{ConnectionId, Pos, ServerMessage};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Time that a poll waits for a fuller frame while a program prints a lot. The post before takes longer than this.
const COALESCE_DELAY: Duration = Duration::from_millis(8);

/// Replies that wait for a poll. The oldest is dropped when one more comes: they are best effort.
const MAX_REPLIES: usize = 64;

/// The request that waits for a client's next frame.
struct PendingPoll {
    /// Connection that its frame goes over.
    connection: ConnectionId,
    reply: oneshot::Sender<OutputResponse>,
    started: Instant,
    /// Time at which it is answered without a frame.
    until: Instant,
    _counted: GaugeGuard,
}

/// Permission of the output budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum StreamPermit {
    /// The stream as it is.
    Stream,
    /// The budget is spent: a snapshot of the screen is due instead.
    Screen,
    /// The budget is spent, and the next snapshot is not due.
    Nothing,
}

pub(in crate::session) struct Outbound {
    /// True if frames cost nothing: no budget, no coalescing.
    pub(in crate::session) direct: bool,
    /// Compression of output; `None` for a client that does not read it.
    pub(in crate::session) effort: Option<Effort>,
    pub(in crate::session) cursor: SendCursor,
    /// Set if a snapshot replaces the part of the stream that was not sent.
    pub(in crate::session) skip: Option<SnapshotCause>,
    /// True until its emulator has shown something after an attach: the next snapshot must be a full one.
    pub(in crate::session) needs_full: bool,
    /// Parts of a snapshot that are still to be sent. The cursor advances with the last.
    pub(in crate::session) snapshot: VecDeque<ServerMessage>,
    /// Direct replies that came too late for their own request.
    pub(in crate::session) replies: VecDeque<ServerMessage>,
    follower: Follower<OutputResponse>,
    /// Present only while the follower waits.
    poll: Option<PendingPoll>,
    /// True if the last frame of output was a large one: more is on its way.
    pub(in crate::session) is_bulk: bool,
    /// End of the wait for a fuller frame; `None` while there is no such wait.
    coalesce_until: Option<Instant>,
    /// Last snapshot that was sent because the budget was spent.
    last_screen: Option<Instant>,
    /// Time of the next such snapshot; `None` while the stream may be sent.
    pub(in crate::session) next_screen: Option<Instant>,
}

impl Outbound {
    pub(super) fn new(direct: bool, now: Instant) -> Self {
        Self {
            direct,
            effort: None,
            cursor: SendCursor::new(now),
            skip: None,
            needs_full: true,
            snapshot: VecDeque::new(),
            replies: VecDeque::new(),
            follower: Follower::default(),
            poll: None,
            is_bulk: false,
            coalesce_until: None,
            last_screen: None,
            next_screen: None,
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
        let before = self.cursor.acked;
        self.cursor.ack(pos, now);
        self.needs_full &= self.cursor.acked == before;
    }

    /// Output was appended at `from`. A client that had acknowledged everything before makes progress.
    pub(in crate::session) fn output_appended(&mut self, from: Pos, now: Instant) {
        if self.cursor.acked == from {
            self.cursor.progress = now;
        }
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
        if self.replies.len() == MAX_REPLIES {
            self.replies.pop_front();
        }
        self.replies.push_back(message);
    }

    /// Bytes of output that one frame may stand for.
    pub(in crate::session) fn max_frame_bytes(&self) -> usize {
        if self.effort.is_some() { FRAME_RAW_BYTES } else { PAYLOAD_BYTES }
    }

    /// True if these bytes wait for more: each frame is a post, and the same output in fewer of them costs less and comes sooner.
    pub(in crate::session) fn coalesce(&mut self, bytes: u64, now: Instant) -> bool {
        let until = self.poll.as_ref().map(|poll| poll.until.min(poll.started + COALESCE_DELAY));
        let waits = self.is_bulk && !self.direct && (1..self.max_frame_bytes() as u64).contains(&bytes);
        self.coalesce_until = until.filter(|until| waits && *until > now);
        self.coalesce_until.is_some()
    }

    pub(in crate::session) fn stream_permit(&mut self, budget: &mut OutputBudget, now: Instant) -> StreamPermit {
        if self.direct || budget.allows_stream(now) {
            return StreamPermit::Stream;
        }
        match self.last_screen.map(|last| last + SCREEN_INTERVAL).filter(|next| *next > now) {
            Some(next) => {
                self.next_screen = Some(next);
                StreamPermit::Nothing
            }
            None => {
                self.last_screen = Some(now);
                StreamPermit::Screen
            }
        }
    }

    /// True if a follower fetches its frames. Forgets a poll whose request is gone.
    pub(in crate::session) fn is_followed(&mut self, now: Instant) -> bool {
        if self.poll.as_ref().is_some_and(|poll| poll.reply.is_closed()) {
            self.poll = None;
            self.follower.abandoned();
        }
        self.follower.is_live(now)
    }

    /// Starts a new follower, which replaces any other.
    pub(in crate::session) fn grant(&mut self, now: Instant) -> PollToken {
        self.poll = None;
        self.follower.grant(now)
    }

    /// Ends the follower without an answer: the client has no connection left.
    pub(in crate::session) fn revoke(&mut self) {
        self.poll = None;
        self.follower.revoke();
    }

    /// Takes a poll; `counted` counts it while it waits.
    pub(in crate::session) fn poll(
        &mut self,
        connection: &ConnectionId,
        token: PollToken,
        wait: Duration,
        reply: oneshot::Sender<OutputResponse>,
        counted: impl FnOnce() -> GaugeGuard,
        now: Instant,
    ) {
        // A request that is gone polls again.
        match self.follower.poll(token, now) {
            Poll::Stop => drop(reply.send(OutputResponse::default())),
            Poll::Repeat(response) => drop(reply.send(response)),
            Poll::Pending => {
                let (connection, _counted) = (connection.clone(), counted());
                self.poll = Some(PendingPoll { connection, reply, started: now, until: now + wait, _counted });
            }
        }
    }

    pub(in crate::session) fn has_poll(&mut self, now: Instant) -> bool {
        self.poll.is_some() && self.is_followed(now) && self.poll.is_some()
    }

    /// True if the poll must be answered even without a frame.
    pub(in crate::session) fn poll_timed_out(&self, now: Instant) -> bool {
        self.poll.as_ref().is_some_and(|poll| poll.until <= now)
    }

    /// Answers the poll. `close` ends the follower.
    pub(in crate::session) fn respond(&mut self, frame: Option<Bytes>, close: Option<Close>, now: Instant) {
        let next = close.is_none().then(|| self.follower.next_token());
        let response = OutputResponse { frame, next, close };
        self.follower.answered(response.clone(), now);
        if close.is_some() {
            self.follower.revoke();
        }
        if let Some(poll) = self.poll.take() {
            // A request that is gone polls again with the same token and gets the same answer.
            let _ = poll.reply.send(response);
        }
    }

    /// Ends the follower with this answer if its poll came over this connection.
    pub(in crate::session) fn reject(&mut self, connection: &ConnectionId, response: OutputResponse) {
        if let Some(poll) = self.poll.take_if(|poll| poll.connection == *connection) {
            self.follower.revoke();
            // A request that is gone polls again, and is rejected then.
            let _ = poll.reply.send(response);
        }
    }

    /// Tells a waiting poll that the session is gone.
    pub(in crate::session) fn close(&mut self) {
        if let Some(poll) = self.poll.take() {
            let _ = poll.reply.send(OutputResponse { close: Some(Close::Connection), ..OutputResponse::default() });
        }
    }

    /// Next time at which something is due; nothing is, while no poll waits.
    pub(super) fn deadline(&self, ack_due: Option<Instant>) -> Option<Instant> {
        let poll = self.poll.as_ref()?;
        let due = [ack_due, self.cursor.resend_at, self.next_screen, self.coalesce_until];
        Some(due.into_iter().flatten().fold(poll.until, Instant::min))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_permits_a_screen_now_and_then() {
        let now = Instant::now();
        let mut outbound = Outbound::new(false, now);
        let mut budget = OutputBudget::new(1, now);
        assert_eq!(outbound.stream_permit(&mut budget, now), StreamPermit::Stream);
        budget.spend(u64::MAX);
        assert_eq!(outbound.stream_permit(&mut budget, now), StreamPermit::Screen);
        assert_eq!(outbound.stream_permit(&mut budget, now), StreamPermit::Nothing);
        assert_eq!(outbound.stream_permit(&mut budget, now + SCREEN_INTERVAL), StreamPermit::Screen);
        let mut direct = Outbound::new(true, now);
        assert_eq!(direct.stream_permit(&mut budget, now), StreamPermit::Stream);
    }

    #[test]
    fn the_oldest_reply_makes_room() {
        let mut outbound = Outbound::new(false, Instant::now());
        for n in 0..=MAX_REPLIES {
            outbound.queue_reply(crate::session::handle::unknown_command(&n.to_string()));
        }
        assert_eq!(outbound.replies.len(), MAX_REPLIES);
        assert_eq!(outbound.replies.pop_front(), Some(crate::session::handle::unknown_command("1")));
    }
}
