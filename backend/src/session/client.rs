//! One client of a session: its input in order, what it was sent and has parsed, and who fetches its frames.

use super::budget::{Budget, READABLE};
use super::deflate::Effort;
use super::follower::Follower;
use super::input_order::InputOrder;
use super::{Caller, OutputResponse};
use crate::metrics::{GaugeGuard, SnapshotCause};
use crate::terminal::Size;
use shared_protocol::limits::MAX_ACK_DELAY;
use shared_protocol::{ClientMessage, ConnectionId, Pos, Role, Seq, ServerMessage};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Input that was applied is acknowledged by a frame of its own after this long without any other frame.
pub(super) const ACK_DELAY: Duration = Duration::from_millis(100);

/// A missing message is waited for this long until the client is told.
pub(super) const GAP_PATIENCE: Duration = Duration::from_secs(2);

/// Sent bytes are sent again when nothing was acknowledged for this long; doubles up to [`RESEND_MOST`]. The way there and back may take
/// 1 s of it.
pub(super) const RESEND_AFTER: Duration = MAX_ACK_DELAY.saturating_add(Duration::from_secs(1));

/// Longest time between two attempts to send what is never acknowledged.
const RESEND_MOST: Duration = Duration::from_secs(30);

/// A controller that parses nothing for this long holds the shell back no longer.
pub(super) const HOLD_PATIENCE: Duration = Duration::from_secs(10);

/// Direct replies that wait for a follower, at most; the oldest is dropped, they are best effort.
const URGENT: usize = 64;

/// The request that waits for this client's next frame.
pub(super) struct Waiter {
    /// Over which connection its frame goes.
    pub connection: ConnectionId,
    pub reply: oneshot::Sender<OutputResponse>,
    pub asked: Instant,
    pub until: Instant,
    pub _counted: GaugeGuard,
}

/// What a client was sent of the stream.
#[derive(Debug)]
pub(super) struct Sending {
    /// Everything before it was sent.
    pub sent: Pos,
    /// Everything before it was parsed.
    pub acked: Pos,
    /// Last time that an acknowledgement came, or that there was nothing to acknowledge.
    pub progress: Instant,
    /// When to send again from `acked`; set while something is sent and not acknowledged.
    resend_at: Option<Instant>,
    patience: Duration,
}

impl Sending {
    fn new(now: Instant) -> Self {
        Self { sent: Pos(0), acked: Pos(0), progress: now, resend_at: None, patience: RESEND_AFTER }
    }

    /// Starts over at this position.
    pub(super) fn restart(&mut self, pos: Pos, now: Instant) {
        (self.sent, self.acked, self.progress) = (pos, pos, now);
        (self.resend_at, self.patience) = (None, RESEND_AFTER);
    }

    /// Sent everything before `pos`.
    pub(super) fn sent(&mut self, pos: Pos, now: Instant) {
        self.sent = pos;
        self.resend_at.get_or_insert(now + self.patience);
    }

    /// Parsed everything before `pos`.
    pub(super) fn acked(&mut self, pos: Pos, now: Instant) {
        if pos <= self.acked {
            return;
        }
        self.acked = pos;
        self.sent = self.sent.max(pos);
        self.progress = now;
        self.patience = RESEND_AFTER;
        self.resend_at = (self.acked < self.sent).then(|| now + self.patience);
    }

    /// The client lost something: start again at `pos`.
    pub(super) fn repair(&mut self, pos: Pos, now: Instant) {
        // A late word about what was parsed meanwhile.
        let pos = pos.max(self.acked);
        self.sent = pos;
        self.resend_at = None;
        self.acked(pos, now);
    }

    pub(super) fn resend_at(&self) -> Option<Instant> {
        self.resend_at
    }

    /// Starts again from what was acknowledged when the acknowledgement is overdue. Returns whether it did.
    pub(super) fn resend_when_due(&mut self, now: Instant) -> bool {
        let due = self.resend_at.is_some_and(|at| at <= now);
        if due {
            self.sent = self.acked;
            self.resend_at = None;
            self.patience = (self.patience * 2).min(RESEND_MOST);
        }
        due
    }
}

/// One page load, or one connection that never attached.
pub(super) struct Client {
    pub user: String,
    pub role: Role,
    /// Without an `attach`: gets direct replies only.
    pub plain: bool,
    /// It was closed for good.
    pub revoked: bool,
    /// Its frames cost nothing.
    pub direct: bool,
    /// When the screen is shown next, while the budget is spent.
    pub show_at: Option<Instant>,
    shown: Option<Instant>,
    /// The last frame of output was a large one: more is on its way.
    pub pours: bool,
    /// Until when its request waits for a fuller frame.
    pub gather_until: Option<Instant>,
    /// It reads `z`, packed so hard.
    pub deflates: Option<Effort>,
    /// Its window; the terminal has it while this client controls.
    pub size: Option<Size>,
    pub order: InputOrder<ClientMessage>,
    /// Keys up to this number were taken back by an interrupt.
    pub discard_until: Seq,
    /// Interrupts that acted when they came and wait for their turn only to be counted.
    pub interrupts: BTreeSet<Seq>,
    pub gap_since: Option<Instant>,
    ack_told: Seq,
    ack_due: Option<Instant>,
    pub sending: Sending,
    /// What it was not sent yet is replaced by the screen as it is.
    pub skip: Option<SnapshotCause>,
    /// Its emulator has shown nothing since it attached: the next snapshot must be a full one.
    pub reset: bool,
    /// Parts of a snapshot that are still to be sent.
    pub snapshot: VecDeque<ServerMessage>,
    pub follower: Follower<OutputResponse>,
    pub waiter: Option<Waiter>,
    pub urgent: VecDeque<ServerMessage>,
    pub seen: Instant,
    /// While it has a connection.
    pub counted: Option<GaugeGuard>,
}

impl Client {
    pub(super) fn new(caller: &Caller, plain: bool, now: Instant) -> Self {
        Self {
            user: caller.user.clone(),
            role: caller.role,
            plain,
            revoked: false,
            direct: caller.direct,
            show_at: None,
            shown: None,
            pours: false,
            gather_until: None,
            deflates: None,
            size: None,
            discard_until: Seq(0),
            interrupts: BTreeSet::new(),
            order: InputOrder::default(),
            gap_since: None,
            ack_told: Seq(0),
            ack_due: None,
            sending: Sending::new(now),
            skip: None,
            reset: true,
            snapshot: VecDeque::new(),
            follower: Follower::default(),
            waiter: None,
            urgent: VecDeque::new(),
            seen: now,
            counted: None,
        }
    }

    /// A reply that comes later than its request: goes out with the next fetch.
    pub(super) fn tell(&mut self, message: ServerMessage) {
        if self.urgent.len() == URGENT {
            self.urgent.pop_front();
        }
        self.urgent.push_back(message);
    }

    /// Whether someone fetches its frames. A waiter whose request is gone counts no more.
    pub(super) fn is_followed(&mut self, now: Instant) -> bool {
        if self.waiter.as_ref().is_some_and(|waiter| waiter.reply.is_closed()) {
            self.waiter = None;
            self.follower.gave_up();
        }
        self.follower.is_live(now)
    }

    /// Whether the stream may go out to it; when not, whether it is time to show the screen instead.
    pub(super) fn may_stream(&mut self, budget: &mut Budget, now: Instant) -> Result<(), bool> {
        if self.direct || budget.allows_stream(now) {
            return Ok(());
        }
        let due = self.shown.is_none_or(|shown| shown + READABLE <= now);
        if due {
            self.shown = Some(now);
        } else {
            self.show_at = self.shown.map(|shown| shown + READABLE);
        }
        Err(due)
    }

    /// Input was applied: an acknowledgement is owed.
    pub(super) fn applied(&mut self, now: Instant) {
        self.ack_due.get_or_insert(now + ACK_DELAY);
    }

    /// A frame with `ackSeq` goes out.
    pub(super) fn ack_told(&mut self) {
        self.ack_told = self.order.applied();
        self.ack_due = None;
    }

    /// Whether a frame must go out only to acknowledge.
    pub(super) fn ack_is_due(&self, now: Instant) -> bool {
        self.ack_due.is_some_and(|due| due <= now)
    }

    /// Notes when messages began to wait for one that is missing.
    pub(super) fn note_gap(&mut self, now: Instant) -> Option<Instant> {
        if !self.order.has_gap() {
            self.gap_since = None;
            return None;
        }
        Some(*self.gap_since.get_or_insert(now))
    }

    /// Whether the missing message was waited for long enough; counts again from now.
    pub(super) fn gap_is_due(&mut self, now: Instant) -> bool {
        let Some(since) = self.note_gap(now) else { return false };
        let due = since + GAP_PATIENCE <= now;
        if due {
            self.gap_since = Some(now);
        }
        due
    }

    /// Next time that something about it is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let waiting = self.waiter.as_ref().map(|waiter| {
            let due =
                [self.ack_due, self.sending.resend_at(), self.show_at, self.gather_until].into_iter().flatten().min();
            due.map_or(waiter.until, |due| due.min(waiter.until))
        });
        let gap = self.gap_since.filter(|_| self.order.has_gap()).map(|since| since + GAP_PATIENCE);
        waiting.into_iter().chain(gap).min()
    }
}
