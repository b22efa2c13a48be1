//! A relay as sessions and requests share it: the state behind a lock, and the question that waits.

use super::answer::{Answer, GoneConnection, Next};
use super::count::RelayCount;
use super::endpoint::{Endpoint, Throttle};
use super::joining::Joining;
use super::queue::FENCE;
use super::state::{RelayState, Reported, Taken};
use crate::clock::Clock;
use crate::metrics::{GaugeGuard, Metrics};
use parking_lot::{Mutex, MutexGuard};
use shared_protocol::ConnectionId;
use shared_protocol::relay::RelayQuestion;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Life of a first grant that no question has used; longer than a post of the answer that brings it.
const GRANT_TTL: Duration = Duration::from_secs(3);

/// The same for a successor: until it is used, the relay before it serves.
pub(super) const SUCCESSOR_TTL: Duration = Duration::from_secs(1);

/// Silence after which a relay counts as dead.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(3);

/// The question that waits for frames.
struct Pending {
    number: u64,
    reply: oneshot::Sender<Answer>,
    _counted: GaugeGuard,
}

/// Reason for which a relay was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No relay had room.
    First,
    /// Its first question takes members from the relay before it.
    Successor,
    /// Only carriers are to carry, and none does yet: it lives so shortly that a key may wait for its end.
    Brief,
}

/// Progress of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Granted; no question yet.
    Granted,
    /// Asks.
    Carrying,
    /// Told to stop: its last posts may still be running.
    Ending,
    /// No post of it runs.
    Over,
}

/// Age of a relay's last word up to which its run certainly lives.
const ALIVE_FOR: Duration = Duration::from_secs(1);

/// State of the run behind a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunState {
    /// It has a question open.
    Asks,
    /// It sent its last report at that time, or was silent from then on.
    Ended(Instant),
    /// It has not begun, posts, may have been killed, or API Gateway refused its posts.
    Unclear,
}

/// A client's hold on a relay of its own.
#[derive(Debug)]
pub(super) struct Apart {
    /// The client's connection.
    connection: ConnectionId,
    _counted: GaugeGuard,
}

impl Apart {
    pub(super) fn new(connection: ConnectionId, metrics: &Metrics) -> Self {
        Self { connection, _counted: metrics.relays.set_apart() }
    }

    pub(super) fn connection(&self) -> &ConnectionId {
        &self.connection
    }
}

/// The part of a relay behind its lock.
pub(super) struct Inner {
    pub(super) state: RelayState,
    pub(super) phase: Phase,
    /// Time of the grant.
    pub(super) granted_at: Instant,
    /// Last question or answer, or begin of the end.
    pub(super) heard: Instant,
    /// Time of the last question, or of the grant.
    asked_at: Instant,
    /// Time until which a grant for its successor is open.
    pub(super) successor_until: Option<Instant>,
    /// Last `renew`.
    pub(super) renewed_at: Option<Instant>,
    /// Set while it is for one client that pours: no other may join.
    pub(super) apart: Option<Apart>,
    /// Held while it reports that API Gateway refuses posts of the whole account.
    throttle: Option<Throttle>,
    /// True once it did: its run says nothing about the dispatch.
    was_throttled: bool,
    /// True if a carrier's message has started its run: it keeps no key waiting.
    pub(super) by_carrier: bool,
    pending: Option<Pending>,
}

/// One relay.
pub struct Relay {
    /// The API that it posts to.
    pub(super) endpoint: Arc<Endpoint>,
    /// Relays of all instances.
    pub(super) count: Arc<RelayCount>,
    /// Reason of its grant.
    pub(super) kind: Kind,
    inner: Mutex<Inner>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

impl Relay {
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        count: Arc<RelayCount>,
        kind: Kind,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let now = Instant::now();
        let inner = Inner {
            state: RelayState::default(),
            phase: Phase::Granted,
            granted_at: now,
            heard: now,
            asked_at: now,
            successor_until: None,
            renewed_at: None,
            apart: None,
            throttle: None,
            was_throttled: false,
            by_carrier: false,
            pending: None,
        };
        Arc::new(Self { endpoint, count, kind, inner: Mutex::new(inner), clock, metrics })
    }

    /// Adds a client.
    pub(super) fn join(&self, joining: Joining, now: Instant) -> u64 {
        self.lock().state.join(joining, self.metrics.relays.carry(), now)
    }

    /// Has a member look for another relay once no post of its frames can be running here.
    pub(super) fn move_member(&self, member: u64, now: Instant) {
        if let Some(member) = self.lock().state.member_mut(member) {
            member.moves_since.get_or_insert(now);
            member.joining.wake.notify_one();
        }
    }

    /// The state; held for one look or change, and across no wait.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// The clock's steady scale, in ms.
    pub(super) fn now_ms(&self) -> u64 {
        self.clock.steady_ms()
    }

    /// Records the first question. Returns true if this is it.
    pub(super) fn begin(&self) -> bool {
        let mut inner = self.lock();
        let begins = inner.phase == Phase::Granted;
        if begins {
            inner.phase = Phase::Carrying;
        }
        begins
    }

    /// Applies the reports of a question. Returns the connections that are closed.
    pub fn report(&self, question: &RelayQuestion) -> Vec<GoneConnection> {
        let mut inner = self.lock();
        let Reported { gone, failed } = inner.state.report(&question.reports, Instant::now());
        inner.was_throttled |= question.throttled;
        let began = question.throttled && inner.throttle.is_none();
        if began {
            inner.throttle = Some(self.endpoint.throttle());
        } else if !question.throttled {
            inner.throttle = None;
        }
        self.metrics.relays.failed.inc_by(failed);
        self.metrics.relays.gone.inc_by(gone.len() as u64);
        self.metrics.relays.throttled.inc_by(u64::from(began));
        gone
    }

    /// Answers a question: with frames at once or as soon as there is one, and without after `wait`. A newer question replaces
    /// the one that waits, which is answered without frames in the same moment.
    pub async fn ask(&self, question: &RelayQuestion, wait: Duration) -> Answer {
        let (number, now) = (question.number, Instant::now());
        let mut receiver = {
            let mut inner = self.lock();
            (inner.heard, inner.asked_at) = (now, now);
            if question.last {
                inner.close();
                return Answer::default();
            }
            match inner.state.take(number, question.answered, self.now_ms()) {
                Taken::Impossible => return Answer::default(),
                Taken::Repeat(answer) => return answer,
                Taken::Replaced => return Answer { frames: Vec::new(), next: Some(Next::Now) },
                Taken::New => {}
            }
            inner.release_pending();
            let now_ms = self.now_ms();
            if inner.state.has_ended() || wait.is_zero() || inner.state.is_ready(now_ms) {
                return inner.state.answer(number, now, now_ms);
            }
            let (reply, receiver) = oneshot::channel();
            inner.pending = Some(Pending { number, reply, _counted: self.metrics.relays.wait() });
            receiver
        };
        if let Ok(answer) = tokio::time::timeout(wait, &mut receiver).await {
            // The sender is dropped only with the relay.
            return answer.unwrap_or_default();
        }
        let mut inner = self.lock();
        if inner.pending.take_if(|pending| pending.number == number).is_some() {
            let now = Instant::now();
            inner.heard = now;
            return inner.state.answer(number, now, self.now_ms());
        }
        drop(inner);
        receiver.try_recv().unwrap_or_default()
    }

    pub(super) fn run_state(&self) -> RunState {
        let inner = self.lock();
        match inner.phase {
            Phase::Carrying if inner.has_question() => RunState::Asks,
            // Without frames, it has nothing to post or report.
            Phase::Ending if inner.state.is_settled() && !inner.was_throttled => RunState::Ended(inner.heard),
            Phase::Over if !inner.was_throttled => RunState::Ended(inner.heard),
            _ => RunState::Unclear,
        }
    }

    /// True while it is about to ask for the first time, asks, or was heard less than [`ALIVE_FOR`] ago.
    pub(super) fn is_alive(&self, now: Instant) -> bool {
        let inner = self.lock();
        let asks = inner.has_question() || now < inner.heard + ALIVE_FOR;
        inner.phase == Phase::Granted || (inner.phase == Phase::Carrying && asks)
    }

    /// Answers the question that waits without frames, so that a run that lives asks again.
    pub(super) fn have_asked_again(&self, now: Instant) {
        let mut inner = self.lock();
        if inner.pending.is_some() {
            inner.heard = now;
            inner.release_pending();
        }
    }

    /// Time of the last question, and whether there will be no other.
    pub(super) fn last_question(&self) -> (Instant, bool) {
        let inner = self.lock();
        (inner.asked_at, inner.phase == Phase::Over)
    }

    /// Moves on with time: ends a grant that is not used, a relay that is silent, and the end of one. Returns false once it is
    /// over.
    pub(super) fn tick(&self, now: Instant) -> bool {
        let mut inner = self.lock();
        if inner.pending.take_if(|pending| pending.reply.is_closed()).is_some() {
            inner.heard = now;
        }
        let ttl = if self.kind == Kind::Successor { SUCCESSOR_TTL } else { GRANT_TTL };
        let is_silent = match inner.phase {
            Phase::Granted => inner.granted_at + ttl <= now,
            Phase::Carrying => inner.pending.is_none() && inner.heard + SILENCE_TIMEOUT <= now,
            Phase::Ending => inner.heard + FENCE <= now,
            Phase::Over => true,
        };
        if is_silent {
            inner.close();
            return false;
        }
        // A lease that was confirmed again, and members whose last frame is reported.
        inner.answer_pending(now, self.now_ms());
        if inner.phase == Phase::Ending {
            inner.wake_all();
        }
        let moving = inner.state.members().filter(|member| member.moves_since.is_some());
        moving.for_each(|member| member.joining.wake.notify_one());
        true
    }
}

impl Inner {
    /// True if a question waits whose request is still there.
    fn has_question(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| !pending.reply.is_closed())
    }

    /// True if one more client may join.
    pub(super) fn takes_members(&self) -> bool {
        matches!(self.phase, Phase::Granted | Phase::Carrying)
    }

    /// True if it asks or is about to, is at least this old, and no grant for a successor is open.
    pub(super) fn may_have_successor(&self, age: Duration, now: Instant) -> bool {
        let is_granted = self.successor_until.is_some_and(|until| now < until);
        self.takes_members() && self.granted_at + age <= now && !is_granted
    }

    /// Answers the question that waits, if there is a frame or the relay ends.
    pub(super) fn answer_pending(&mut self, now: Instant, now_ms: u64) {
        if self.pending.is_none() || !(self.state.has_ended() || self.state.is_ready(now_ms)) {
            return;
        }
        if let Some(Pending { number, reply, .. }) = self.pending.take() {
            self.heard = now;
            // A request that is gone asks again with the same number, and gets the same answer.
            let _ = reply.send(self.state.answer(number, now, now_ms));
        }
    }

    /// Has a page asked for a `follow`: the one that was heard last of those that were not asked before.
    pub(super) fn ask_to_renew(&mut self, now: Instant) {
        self.renewed_at = Some(now);
        let pages = self.state.members_mut().filter(|member| member.joining.renews);
        if let Some(member) = pages.max_by_key(|member| (!member.was_asked, member.heard)) {
            (member.renew, member.was_asked) = (true, true);
            member.joining.wake.notify_one();
        }
    }

    /// Answers the question that waits without a frame: a newer one is there.
    fn release_pending(&mut self) {
        if let Some(Pending { reply, .. }) = self.pending.take() {
            let _ = reply.send(Answer { frames: Vec::new(), next: Some(Next::Now) });
        }
    }

    /// Tells the function to stop. Members stay until their last frame is reported.
    pub(super) fn end(&mut self, now: Instant, now_ms: u64) {
        if !self.takes_members() {
            return;
        }
        self.state.end();
        (self.phase, self.heard) = (Phase::Ending, now);
        self.answer_pending(now, now_ms);
        self.wake_all();
    }

    /// No post of it runs any more: every member looks for another relay.
    pub(super) fn close(&mut self) {
        self.state.end();
        self.phase = Phase::Over;
        (self.pending, self.throttle, self.apart) = (None, None, None);
        self.wake_all();
    }

    fn wake_all(&self) {
        self.state.members().for_each(|member| member.joining.wake.notify_one());
    }
}
