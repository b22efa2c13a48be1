//! The faults of one connection: delay and order of its messages, answers to its posts, and cuts.

use super::account::Rate;
use super::injector::Injector;
use super::plan::{ConnectionPlan, Cut, MessagePlan, PostPlan};
use super::rng::{Decision, Draw};
use crate::connections::PostError;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Later messages that may overtake a held one.
const MAX_OVERTAKING: u64 = 4;
/// Longest hold of a message that nothing overtakes.
const HOLD_TIMEOUT: Duration = Duration::from_millis(250);
/// Late posts of one connection at a time. Further posts wait, so that the memory is bounded.
const MAX_LATE_POSTS: usize = 1024;

/// Delay and order of one copy of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    delay: Duration,
    /// Count of later messages that arrive first.
    overtaken_by: u64,
}

impl Arrival {
    pub(super) fn is_immediate(self) -> bool {
        self.delay.is_zero() && self.overtaken_by == 0
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct MessageOutcome {
    /// Empty if the message is lost.
    pub(crate) copies: Vec<Arrival>,
    /// Set if the connection is cut after this message.
    cut: Option<Cut>,
}

pub(super) struct PostOutcome {
    pub(super) slow: Duration,
    /// An injected error, and whether the message is delivered all the same.
    pub(super) answer: Option<(PostError, bool)>,
    pub(super) message: MessageOutcome,
}

/// Progress of one direction of a connection.
#[derive(Debug, Default)]
struct Direction {
    /// Count of messages that entered.
    started: AtomicU64,
    /// Count of messages that arrived.
    arrived: watch::Sender<u64>,
}

impl Direction {
    fn next(&self) -> u64 {
        self.started.fetch_add(1, Ordering::Relaxed)
    }

    async fn wait(&self, arrival: Arrival) {
        let target = *self.arrived.borrow() + arrival.overtaken_by;
        if !arrival.delay.is_zero() {
            tokio::time::sleep(arrival.delay).await;
        }
        if arrival.overtaken_by > 0 {
            let mut arrived = self.arrived.subscribe();
            let _ = tokio::time::timeout(HOLD_TIMEOUT, arrived.wait_for(|arrived| *arrived >= target)).await;
        }
    }

    fn arrived(&self) {
        self.arrived.send_modify(|arrived| *arrived += 1);
    }
}

#[derive(Debug)]
pub(crate) struct ConnectionFaults {
    injector: Arc<Injector>,
    /// Number of the connection, in order of opening.
    number: u64,
    inbound: Direction,
    outbound: Direction,
    /// Count of messages in both directions.
    messages: AtomicU64,
    /// Posts to this connection.
    rate: Rate,
    /// Held while a message is processed, if messages go one at a time.
    turn: tokio::sync::Mutex<()>,
    pub(super) late_posts: Arc<Semaphore>,
    /// Set once the connection is cut.
    cut: watch::Sender<Option<Cut>>,
}

impl ConnectionFaults {
    pub(super) fn new(injector: Arc<Injector>, number: u64) -> Self {
        Self {
            injector,
            number,
            inbound: Direction::default(),
            outbound: Direction::default(),
            messages: AtomicU64::new(0),
            rate: Rate::new(),
            turn: tokio::sync::Mutex::default(),
            late_posts: Arc::new(Semaphore::new(MAX_LATE_POSTS)),
            cut: watch::Sender::new(None),
        }
    }

    pub(crate) fn message(&self) -> MessageOutcome {
        let plan = self.injector.plan();
        let mut draw = self.injector.draw(Decision::Inbound, self.number, self.inbound.next());
        self.message_outcome(&mut draw, &plan.inbound, &plan.connections)
    }

    pub(super) fn post(&self) -> PostOutcome {
        let plan = self.injector.plan();
        let mut draw = self.injector.draw(Decision::Outbound, self.number, self.outbound.next());
        let message = self.message_outcome(&mut draw, &plan.outbound, &plan.connections);
        let slow = draw.within(plan.posts.slow);
        PostOutcome { slow, answer: self.post_answer(&mut draw, &plan.posts), message }
    }

    fn message_outcome(&self, draw: &mut Draw, plan: &MessagePlan, connections: &ConnectionPlan) -> MessageOutcome {
        let (lost, repeated) = (draw.hits(plan.lose), draw.hits(plan.repeat));
        let mut arrival = || {
            let (delay, held, by) = (draw.within(plan.delay), draw.hits(plan.reorder), draw.one_to(MAX_OVERTAKING));
            Arrival { delay, overtaken_by: if held { by } else { 0 } }
        };
        let (first, second) = (arrival(), arrival());
        let copies = match (lost, repeated) {
            (true, _) => vec![],
            (false, false) => vec![first],
            (false, true) => vec![first, second],
        };
        self.injector.count("lose", lost);
        self.injector.count("repeat", copies.len() > 1);
        self.injector.count("reorder", copies.iter().any(|copy| copy.overtaken_by > 0));
        let (hit, either) = (draw.hits(connections.cut), random_cut(draw));
        let number = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        let due = connections.cut_every.is_some_and(|every| number.is_multiple_of(every.get()));
        MessageOutcome { copies, cut: (hit || due).then_some(connections.cut_with.unwrap_or(either)) }
    }

    fn post_answer(&self, draw: &mut Draw, plan: &PostPlan) -> Option<(PostError, bool)> {
        let faults = [
            ("throttle", plan.throttle, PostError::Full, false),
            ("gone", plan.gone, PostError::Gone, false),
            ("gone-delivered", plan.gone_delivered, PostError::Gone, true),
            ("fail", plan.fail, PostError::Failed, false),
            ("fail-delivered", plan.fail_delivered, PostError::Failed, true),
        ];
        // Draws for every fault, so that one fault's probability does not change the others.
        let hits = faults.map(|(_, probability, _, _)| draw.hits(probability));
        let hit = faults.into_iter().zip(hits).find(|(_, hit)| *hit).map(|(fault, _)| fault);
        let throttled = |name| (name, 0.0, PostError::Full, false);
        let over_rate = || plan.rate.is_some_and(|rate| self.rate.exceeds(rate)).then_some("rate");
        let from = || plan.throttle_from.is_some_and(|from| self.number + 1 >= from.get()).then_some("throttle-from");
        let account = self.injector.account.refusal(plan, Some(draw));
        let (name, _, error, delivered) =
            account.map(throttled).or(hit).or_else(|| from().or_else(over_rate).map(throttled))?;
        self.injector.count(name, true);
        Some((error, delivered))
    }

    /// Processes one copy of a client's message when it arrives, or in its turn if messages go one at a time.
    pub(crate) async fn process(&self, copy: Arrival, work: impl Future<Output = ()>) {
        self.inbound.wait(copy).await;
        let one_at_a_time = self.injector.plan().connections.one_at_a_time;
        let _turn = if one_at_a_time { Some(self.turn.lock().await) } else { None };
        self.inbound.arrived();
        work.await;
    }

    /// Delivers one copy of a post when it arrives.
    pub(super) async fn deliver<T>(&self, copy: Arrival, post: impl Future<Output = T>) -> T {
        self.outbound.wait(copy).await;
        let result = post.await;
        self.outbound.arrived();
        result
    }

    /// Cuts the connection if the message's outcome says so.
    pub(crate) fn cut_after(&self, outcome: &MessageOutcome) {
        if let Some(cut) = outcome.cut {
            self.cut(cut);
        }
    }

    /// Cuts the connection. Only the first cut counts.
    fn cut(&self, cut: Cut) {
        let first = self.cut.send_if_modified(|now| now.is_none() && now.replace(cut).is_none());
        self.injector.count("cut", first);
    }

    /// Cuts the connection, at random without `how`.
    pub(super) fn cut_on_request(&self, how: Option<Cut>) {
        let mut draw = self.injector.draw(Decision::Cut, self.number, 0);
        self.cut(how.unwrap_or(random_cut(&mut draw)));
    }

    pub(crate) async fn wait_for_cut(&self) -> Cut {
        let mut cut = self.cut.subscribe();
        match cut.wait_for(Option::is_some).await.map(|cut| *cut) {
            Ok(Some(cut)) => cut,
            _ => std::future::pending().await,
        }
    }
}

fn random_cut(draw: &mut Draw) -> Cut {
    if draw.hits(0.5) { Cut::Abort } else { Cut::Close }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "reorder=0.3,repeat=0.3,lose=0.3,delay=0..50,throttle=0.2,gone-delivered=0.2,cut=0.1,slow=0..9";

    /// Outcomes of a connection's first messages, with `posts` posts before each.
    fn outcomes(plan: &str, seed: u64, posts: usize) -> Vec<MessageOutcome> {
        let faults = ConnectionFaults::new(Arc::new(Injector::new(plan.parse().unwrap(), seed)), 1);
        let next = |_| {
            (0..posts).for_each(|_| drop(faults.post()));
            faults.message()
        };
        (0..200).map(next).collect()
    }

    #[test]
    fn outcomes_depend_only_on_the_seed() {
        let one = outcomes(ALL, 1, 0);
        assert_eq!(one, outcomes(ALL, 1, 0));
        assert_eq!(one, outcomes(ALL, 1, 3), "independent of the other direction");
        assert_ne!(one, outcomes(ALL, 2, 0));
    }

    #[test]
    fn a_fault_does_not_change_the_others_probability() {
        let lost = |outcomes: Vec<MessageOutcome>| {
            outcomes.iter().map(|outcome| outcome.copies.is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(lost(outcomes(ALL, 1, 0)), lost(outcomes("lose=0.3", 1, 0)));
    }

    #[test]
    fn without_faults_every_message_arrives_at_once() {
        let immediate = MessageOutcome { copies: vec![Arrival { delay: Duration::ZERO, overtaken_by: 0 }], cut: None };
        assert!(outcomes("none", 1, 1).iter().all(|outcome| *outcome == immediate));
    }
}
