//! One relay as a pure state machine: its members, the numbers of its questions, and the content of each answer.

use super::answer::{Answer, GoneConnection, Next};
use super::joining::Joining;
use super::queue::{Carried, FENCE, FrameQueue, News, Queued};
use crate::metrics::GaugeGuard;
use shared_protocol::relay::{MAX_ANSWER_BYTES, MAX_ANSWER_FRAMES, MemberReport};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::time::Instant;

/// Frames below this size go first, in bytes: an echo does not wait for another member's output.
const SMALL_BYTES: usize = 1024;

/// Questions that may be open at once: one waits, and one reports.
const MAX_OPEN_QUESTIONS: u64 = 2;

/// One client of a relay.
pub(super) struct Member {
    /// Its session, its connection and the way to its task.
    pub(super) joining: Joining,
    /// Its frames.
    pub(super) frames: FrameQueue,
    /// Last message that prolonged its membership.
    pub(super) heard: Instant,
    /// True if the session is to send it `renew`.
    pub(super) renew: bool,
    /// True once it was: the next `renew` goes to another.
    pub(super) was_asked: bool,
    /// Time since which it is to move to another relay: it gets no more frames here.
    pub(super) moves_since: Option<Instant>,
    /// True once its session let go of it: it gets no more frames, and goes when the last one is reported.
    left: bool,
    _counted: GaugeGuard,
}

/// Result of taking a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is new: it may wait for frames.
    New,
    /// It was answered before, with this.
    Repeat(Answer),
    /// A newer one has replaced it.
    Replaced,
    /// No relay of ours asks with this number.
    Impossible,
}

/// News of a question's reports.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reported {
    /// Closed connections.
    pub(super) gone: Vec<GoneConnection>,
    /// Reports of frames that were not, or not certainly, posted.
    pub(super) failed: u64,
}

/// An answer that may have to be given again.
struct Kept {
    /// Number of its question.
    number: u64,
    frames: Vec<Carried>,
    next: Option<Next>,
}

impl Kept {
    fn answer(&self) -> Answer {
        Answer { frames: self.frames.iter().map(|carried| carried.frame.clone()).collect(), next: self.next }
    }
}

/// Members and questions of one relay.
///
/// Invariants: an answer is kept until a question says that it has arrived; a question has one answer, however often it is asked,
/// except that frames become empty whose client may not have them any more; frames of one member are answered in the order in
/// which they were accepted.
#[derive(Default)]
pub(super) struct RelayState {
    members: BTreeMap<u64, Member>,
    /// Number of the last member that joined.
    last_member: u64,
    /// Number of the last question; 0 before the first.
    asked: u64,
    /// Answers that have not surely arrived, by question.
    kept: VecDeque<Kept>,
    /// Member at which the last answer ended: the next one begins after it.
    turn: u64,
    /// True once the relay accepts no more frames.
    ended: bool,
}

impl RelayState {
    pub(super) fn join(&mut self, joining: Joining, counted: GaugeGuard, now: Instant) -> u64 {
        self.last_member += 1;
        let frames = FrameQueue::new(now);
        let member = Member {
            joining,
            frames,
            heard: now,
            renew: false,
            was_asked: false,
            moves_since: None,
            left: false,
            _counted: counted,
        };
        self.members.insert(self.last_member, member);
        self.last_member
    }

    pub(super) fn member_mut(&mut self, member: u64) -> Option<&mut Member> {
        self.members.get_mut(&member)
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    pub(super) fn members_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.values_mut().filter(|member| !member.left)
    }

    /// Members whose sessions still use the relay.
    pub(super) fn len(&self) -> usize {
        self.members.values().filter(|member| !member.left).count()
    }

    /// True if no frame waits or is with the function.
    pub(super) fn is_settled(&self) -> bool {
        self.members.values().all(|member| member.frames.unsettled() == 0)
    }

    /// True if a frame of this member is accepted.
    pub(super) fn has_credit(&self, member: u64) -> bool {
        let may_send = |member: &Member| member.moves_since.is_none() && member.frames.has_credit();
        !self.ended && self.members.get(&member).is_some_and(may_send)
    }

    pub(super) fn push(&mut self, member: u64, frame: Queued, now: Instant) {
        if let Some(member) = self.members.get_mut(&member) {
            member.frames.push(frame, now);
        }
    }

    /// Lets go of a member. Frames that wait are still answered, unless they are discarded first.
    pub(super) fn leave(&mut self, member: u64) {
        if let Some(member) = self.members.get_mut(&member) {
            member.left = true;
        }
        self.remove_settled();
    }

    /// Removes a member that another relay carries from now on.
    pub(super) fn remove(&mut self, member: u64) {
        self.members.remove(&member);
    }

    /// Removes members that left, once their last frame is reported: until then an answer with it may have to be repeated.
    fn remove_settled(&mut self) {
        self.members.retain(|_, member| !member.left || member.frames.unsettled() > 0);
    }

    /// Accepts no more frames. Those that wait may still be answered.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Applies the reports of a question, repeated or not.
    pub(super) fn report(&mut self, reports: &[MemberReport], now: Instant) -> Reported {
        let mut reported = Reported::default();
        for report in reports {
            let Some(member) = self.members.get_mut(&report.member) else { continue };
            if report.gone {
                let Joining { session, connection, .. } = &member.joining;
                reported.gone.push(GoneConnection { session: session.clone(), connection: connection.clone() });
                member.frames.discard();
            }
            let news = member.frames.report(report, now);
            reported.failed += u64::from(news == News::Failed);
            if news != News::None || report.gone || member.moves_since.is_some() {
                member.joining.wake.notify_one();
            }
        }
        self.remove_settled();
        reported
    }

    /// Takes a question by its number. `answered` says up to which question the answers have arrived.
    pub(super) fn take(&mut self, number: u64, answered: u64, now_ms: u64) -> Taken {
        if number == 0 || number > self.asked + MAX_OPEN_QUESTIONS || answered >= number {
            return Taken::Impossible;
        }
        self.kept.retain(|kept| kept.number > answered);
        let Self { kept, members, .. } = self;
        if let Some(kept) = kept.iter_mut().find(|kept| kept.number == number) {
            kept.frames.retain_mut(|carried| {
                // A member that has moved gets its frames elsewhere.
                let Some(member) = members.get_mut(&carried.frame.member) else { return false };
                member.repeat(carried, now_ms);
                true
            });
            return Taken::Repeat(kept.answer());
        }
        if number < self.asked {
            return Taken::Replaced;
        }
        self.asked = number;
        Taken::New
    }

    /// The answer to a question, kept until it has arrived.
    pub(super) fn answer(&mut self, number: u64, now: Instant, now_ms: u64) -> Answer {
        let kept = Kept { number, frames: self.compose(now, now_ms), next: self.next() };
        let answer = kept.answer();
        self.kept.push_back(kept);
        while self.kept.len() as u64 > MAX_OPEN_QUESTIONS {
            self.kept.pop_front();
        }
        answer
    }

    /// True if a frame can be answered.
    pub(super) fn is_ready(&mut self, now_ms: u64) -> bool {
        self.members.values_mut().any(|member| member.next_len(now_ms).is_some())
    }

    /// When the function asks again: only after a report, if no member could send before.
    fn next(&self) -> Option<Next> {
        let may_send = |member: &Member| !member.left && (member.frames.has_credit() || !member.frames.is_empty());
        let next = if self.members.values().any(may_send) { Next::Now } else { Next::Settled };
        (!self.ended).then_some(next)
    }

    /// Frames for one answer: a small one of each member, then one of any size of each other member, then more of all.
    fn compose(&mut self, now: Instant, now_ms: u64) -> Vec<Carried> {
        let mut order: Vec<u64> = self.members.keys().copied().collect();
        let split = order.partition_point(|member| *member <= self.turn);
        order.rotate_left(split);
        let (mut frames, mut bytes, mut served) = (Vec::new(), 0, BTreeSet::new());
        for (is_small_turn, may_repeat) in [(true, false), (false, false), (false, true)] {
            for id in &order {
                if frames.len() == MAX_ANSWER_FRAMES {
                    return frames;
                }
                let Some(member) = self.members.get_mut(id).filter(|_| may_repeat || !served.contains(id)) else {
                    continue;
                };
                let Some(length) = member.next_len(now_ms) else { continue };
                if (is_small_turn && length >= SMALL_BYTES) || bytes + length > MAX_ANSWER_BYTES {
                    continue;
                }
                let Some(carried) = member.frames.take(*id, &member.joining.connection, now) else { continue };
                frames.push(carried);
                served.insert(*id);
                bytes += length;
                if !is_small_turn {
                    self.turn = *id;
                }
            }
        }
        frames
    }
}

impl Member {
    /// True once it is to move and no post of its frames can be running. A frame that no answer has carried in that time is
    /// dropped.
    pub(super) fn has_moved(&self, now: Instant) -> bool {
        let is_late = |since: Instant| since + FENCE <= now;
        self.moves_since.is_some_and(|since| self.frames.is_over(now) && (self.frames.is_empty() || is_late(since)))
    }

    /// Size of the frame that the next answer may carry; `None` without one, or while its session must not send.
    fn next_len(&mut self, now_ms: u64) -> Option<usize> {
        if self.frames.is_empty() || !self.joining.permit.holds() {
            return None;
        }
        self.frames.next_len(now_ms)
    }

    /// Checks a frame of an answer that is given again, as for the first time. The session sends the content of a lost one again.
    fn repeat(&mut self, carried: &mut Carried, now_ms: u64) {
        if self.frames.repeat(carried, self.joining.permit.holds(), now_ms) {
            self.joining.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
