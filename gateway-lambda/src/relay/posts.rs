//! The rules of posting: which frame is posted when, and what becomes of it. A state machine without I/O; the time is an
//! argument.

use super::member::{Fate, Member, Pending};
use super::tasks::{Posted, Task};
use super::throttle::{AccountThrottle, RetryBudget, pause, random_part};
use crate::browser::PostError;
use crate::clock::RandomSource;
use crate::metrics;
use bytes::Bytes;
use shared_protocol::ConnectionId;
use shared_protocol::relay::{MemberReport, RelayAction, RelayFrame};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::time::Duration;
use tokio::time::Instant;

/// Posts in flight at a time: more than a function of 128 MB sends at once without delay.
const SLOTS: usize = 32;
/// Those of them that members may use whose last attempt was throttled or timed out.
const SLOW_SLOTS: usize = 8;
/// A frame may be begun within this time of the answer that brought it. The service waits for a second more, and one attempt,
/// before it lets another run post to the member.
const FENCE: Duration = Duration::from_secs(2);

pub(super) struct Posts<'a> {
    random: &'a dyn RandomSource,
    members: BTreeMap<u64, Member>,
    /// Connections with a post or a look-up in flight; two members may share one.
    busy: HashSet<ConnectionId>,
    /// Members with a post in flight, and whether each has one of the slow slots.
    slots: BTreeMap<u64, bool>,
    budget: RetryBudget,
    account: AccountThrottle,
    /// `account.is_on()` in the last question.
    asked_throttled: bool,
    /// Calls to make.
    tasks: Vec<Task>,
    /// Frames that were delivered.
    delivered: u32,
}

impl<'a> Posts<'a> {
    pub(super) fn new(random: &'a dyn RandomSource) -> Self {
        Self {
            random,
            members: BTreeMap::new(),
            busy: HashSet::new(),
            slots: BTreeMap::new(),
            budget: RetryBudget::new(),
            account: AccountThrottle::default(),
            asked_throttled: false,
            tasks: Vec::new(),
            delivered: 0,
        }
    }

    /// Takes the frames of an answer that arrived at `at`.
    pub(super) fn receive(&mut self, frames: Vec<RelayFrame>, at: Instant) {
        for RelayFrame { member, number, connection, action, frame } in frames {
            let frame = Pending { bytes: frame, action, ready_at: at, fence: at + FENCE, retries: 0 };
            self.members.entry(member).or_insert_with(|| Member::new(member, connection)).receive(number, frame);
        }
    }

    /// Adds a frame of the gateway itself for each known connection, each after a random delay of at most `within`.
    pub(super) fn append_to_all(&mut self, bytes: &Bytes, now: Instant, within: Duration) {
        let mut connections = HashSet::new();
        for member in self.members.values_mut().filter(|member| !member.is_gone()) {
            if connections.insert(member.connection.clone()) {
                let ready_at = now + random_part(self.random, within);
                let (bytes, action) = (bytes.clone(), RelayAction::None);
                member.append(Pending { bytes, action, ready_at, fence: ready_at + FENCE, retries: 0 });
            }
        }
    }

    /// Begins what may begin now, and gives up what may not begin any more. Returns the calls to make.
    pub(super) fn begin(&mut self, now: Instant) -> Vec<Task> {
        let waiting = self.members.iter().filter(|(_, member)| !member.busy);
        let ready = waiting.filter_map(|(id, member)| Some((member.slow, member.next()?.ready_at, *id)));
        let mut ready: Vec<_> = ready.filter(|(_, ready_at, _)| *ready_at <= now).collect();
        // Those whose last post was taken go first, then those who wait longest.
        ready.sort_unstable();
        for (_, _, id) in ready {
            while self.begin_next(id, now) {}
        }
        std::mem::take(&mut self.tasks)
    }

    /// Begins or gives up the member's next frame; true if the one after it may be considered.
    fn begin_next(&mut self, id: u64, now: Instant) -> bool {
        let slots = (self.slots.len() < SLOTS, self.slots.values().filter(|slow| **slow).count() < SLOW_SLOTS);
        let Some(member) = self.members.get_mut(&id) else { return false };
        let (slow, gone) = (member.slow, member.is_gone());
        let Some(frame) = member.next().filter(|frame| frame.ready_at <= now) else { return false };
        if gone || frame.bytes.is_empty() {
            self.settle(id, None);
            return true;
        }
        if frame.fence <= now {
            self.give_up(id, Fate::Lost, &"there was no time to post it");
            return true;
        }
        let may_begin = slots.0 && (slots.1 || !slow) && self.account.may_begin(slow, now);
        if may_begin && self.busy.insert(member.connection.clone()) {
            if frame.retries == 0 {
                self.budget.earn();
            }
            let (connection, bytes) = (member.connection.clone(), frame.bytes.clone());
            member.busy = true;
            self.slots.insert(id, slow);
            self.account.begin(id);
            self.tasks.push(Task::Post { member: id, connection, bytes });
        }
        false
    }

    /// Takes the result of an attempt to post the member's next frame.
    pub(super) fn posted(&mut self, id: u64, result: Posted, now: Instant) {
        self.slots.remove(&id);
        let Some(member) = self.members.get_mut(&id) else { return };
        let connection = member.connection.clone();
        let was_slow = member.slow;
        member.slow = matches!(result, Posted::TimedOut | Posted::Failed(PostError::Throttled));
        match &result {
            Posted::Failed(PostError::Throttled) => self.account.refused(id, was_slow, now, self.random),
            Posted::Failed(PostError::Failed(_) | PostError::Unsent(_)) | Posted::TimedOut => {
                self.account.probe_failed(id, now, self.random);
            }
            Posted::Taken | Posted::Failed(_) => self.account.taken(id, now),
        }
        if result == Posted::Failed(PostError::Gone) {
            // API Gateway also answers it for frames that arrived and for connections that stay open.
            return self.tasks.push(Task::Look { member: id, connection });
        }
        member.busy = false;
        self.busy.remove(&connection);
        match result {
            Posted::Taken => {
                self.delivered += 1;
                self.settle(id, None);
            }
            Posted::Failed(error @ (PostError::Throttled | PostError::Unsent(_))) => self.retry(id, &error, now),
            Posted::Failed(error @ PostError::TooLarge) => self.give_up(id, Fate::Lost, &error),
            Posted::Failed(PostError::Forbidden(reason)) => {
                tracing::error!(%connection, reason, "[WebSocket] Posting is forbidden");
                self.give_up(id, Fate::Lost, &"posting is forbidden");
            }
            Posted::Failed(error @ (PostError::Failed(_) | PostError::Gone)) => {
                self.give_up(id, Fate::Unknown, &error);
            }
            Posted::TimedOut => self.give_up(id, Fate::Unknown, &"the post took too long"),
        }
    }

    /// Keeps a frame that was throttled or not sent for a retry, if there is time and the budget allows one.
    fn retry(&mut self, id: u64, error: &PostError, now: Instant) {
        let Some(frame) = self.members.get_mut(&id).and_then(Member::next_mut) else { return };
        let ready_at = now + pause(frame.retries);
        if ready_at >= frame.fence || !self.budget.take() {
            return self.give_up(id, Fate::Lost, error);
        }
        frame.ready_at = ready_at;
        frame.retries += 1;
    }

    /// Takes the result of the look-up after a 410; `None` if the look-up failed.
    pub(super) fn looked_up(&mut self, id: u64, exists: Option<bool>) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let connection = member.connection.clone();
        member.busy = false;
        self.busy.remove(&connection);
        if exists != Some(false) {
            return self.give_up(id, Fate::Unknown, &"410 for a connection that may exist");
        }
        let on_it = self.members.iter_mut().filter(|(_, member)| member.connection == connection);
        let gone: Vec<_> = on_it.map(|(id, member)| (*id, member.set_gone())).collect();
        for (id, ()) in gone {
            while self.members.get(&id).is_some_and(|member| member.next().is_some()) {
                self.settle(id, None);
            }
        }
        self.tasks.push(Task::Forget { connection });
    }

    fn give_up(&mut self, id: u64, fate: Fate, reason: &dyn Display) {
        if let Some(member) = self.members.get(&id) {
            metrics::record_lost_frame();
            let connection = &member.connection;
            tracing::warn!(%connection, ?fate, error = %reason, "[WebSocket] Frame lost");
        }
        self.settle(id, Some(fate));
    }

    /// Settles the member's next frame. Its action is taken even if it was not delivered.
    fn settle(&mut self, id: u64, fate: Option<Fate>) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let action = member.settle(fate).filter(|action| *action != RelayAction::None);
        if let Some(action) = action {
            self.tasks.push(Task::Act { connection: member.connection.clone(), action });
        }
    }

    /// Time at which a frame becomes ready, or may not begin any more; `None` if only a result changes anything.
    pub(super) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let waiting = self.members.values().filter(|member| !member.busy).filter_map(Member::next);
        let times = waiting.map(|frame| if frame.ready_at > now { frame.ready_at } else { frame.fence });
        let frame = times.min()?;
        let resumes_at = self.account.resumes_at().filter(|at| *at > now);
        Some(resumes_at.map_or(frame, |at| at.min(frame)))
    }

    /// True if no frame is being posted or waits for its turn.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.members.values().all(|member| !member.busy && member.next().is_none())
    }

    /// True if the next question would report what the last one did not.
    pub(super) fn has_news(&self) -> bool {
        self.members.values().any(Member::has_news) || self.is_throttled() != self.asked_throttled
    }

    /// True if the next question must not wait for the answer to the last one.
    pub(super) fn has_urgent_news(&self) -> bool {
        self.members.values().any(Member::has_urgent_news) || self.is_throttled() != self.asked_throttled
    }

    /// The reports for a question that is asked now: of each member of which the service may not know everything.
    pub(super) fn ask(&mut self) -> Vec<MemberReport> {
        self.asked_throttled = self.is_throttled();
        self.members.values_mut().filter_map(Member::ask).collect()
    }

    /// Notes that the service has these reports.
    pub(super) fn learned(&mut self, reports: &[MemberReport]) {
        for report in reports {
            if let Some(member) = self.members.get_mut(&report.member) {
                member.learned(report);
            }
        }
    }

    pub(super) fn is_throttled(&self) -> bool {
        self.account.is_on()
    }

    pub(super) fn members(&self) -> usize {
        self.members.len()
    }

    pub(super) fn delivered(&self) -> u32 {
        self.delivered
    }
}
