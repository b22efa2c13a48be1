//! One connection, as the faults see it: how many messages went which way, who overtakes whom, and how it is cut.

use super::Shared;
use super::plan::{ConnectionPlan, Cut, FaultPlan, MessagePlan};
use super::rng::{About, Draw};
use crate::connections::PostError;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// Later messages that overtake one that is held, at most.
const OVERTAKEN_BY: u64 = 4;
/// Longest that a message is held when nothing comes to overtake it.
const HELD: Duration = Duration::from_millis(250);
/// Posted messages of one connection that may be late at once; beyond it, who posts has to wait.
const LATE: usize = 1024;

/// When a copy of a message goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    delay: Duration,
    overtaken_by: u64,
}

impl Wait {
    pub(super) fn is_nothing(self) -> bool {
        self.delay.is_zero() && self.overtaken_by == 0
    }
}

/// What becomes of a message: its copies, none when it is lost, and whether the connection ends with it.
#[derive(Debug, PartialEq)]
pub(crate) struct Fate {
    copies: Vec<Wait>,
    cut: Option<Cut>,
}

impl Fate {
    pub(crate) fn copies(&self) -> &[Wait] {
        &self.copies
    }
}

/// What becomes of a post.
pub(super) struct PostFate {
    pub(super) slow: Duration,
    /// What the post is answered in place of the truth, and whether it is delivered all the same.
    pub(super) answer: Option<(PostError, bool)>,
    pub(super) way: Fate,
}

/// One way of a connection.
#[derive(Debug, Default)]
struct Lane {
    begun: AtomicU64,
    passed: watch::Sender<u64>,
}

impl Lane {
    fn next(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::Relaxed)
    }

    async fn pass(&self, wait: Wait) {
        let target = *self.passed.borrow() + wait.overtaken_by;
        if !wait.delay.is_zero() {
            tokio::time::sleep(wait.delay).await;
        }
        if wait.overtaken_by > 0 {
            let mut passed = self.passed.subscribe();
            // Nothing may come to overtake it.
            let _ = tokio::time::timeout(HELD, passed.wait_for(|passed| *passed >= target)).await;
        }
    }

    fn passed(&self) {
        self.passed.send_modify(|passed| *passed += 1);
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct ConnectionFaults {
    shared: Arc<Shared>,
    /// Its place in the order of connections.
    number: u64,
    inbound: Lane,
    outbound: Lane,
    /// Messages both ways.
    messages: AtomicU64,
    /// When the second began, and the posts in it.
    rate: Mutex<(Instant, u32)>,
    turn: Arc<tokio::sync::Mutex<()>>,
    late: Arc<Semaphore>,
    cut: watch::Sender<Option<Cut>>,
}

impl ConnectionFaults {
    pub(super) fn new(shared: Arc<Shared>, number: u64) -> Self {
        Self {
            shared,
            number,
            inbound: Lane::default(),
            outbound: Lane::default(),
            messages: AtomicU64::new(0),
            rate: Mutex::new((Instant::now(), 0)),
            turn: Arc::default(),
            late: Arc::new(Semaphore::new(LATE)),
            cut: watch::Sender::new(None),
        }
    }

    /// What becomes of the client's next message.
    pub(crate) fn message(&self) -> Fate {
        let plan = self.shared.plan();
        let mut draw = self.shared.rng.draw(About::Inbound, self.number, self.inbound.next());
        self.fate(&mut draw, &plan.inbound, &plan.connections)
    }

    /// What becomes of the next post.
    pub(super) fn post(&self) -> PostFate {
        let plan = self.shared.plan();
        let mut draw = self.shared.rng.draw(About::Outbound, self.number, self.outbound.next());
        let way = self.fate(&mut draw, &plan.outbound, &plan.connections);
        let slow = draw.within(plan.posts.slow);
        PostFate { slow, answer: self.answer(&mut draw, &plan), way }
    }

    fn fate(&self, draw: &mut Draw, way: &MessagePlan, connections: &ConnectionPlan) -> Fate {
        let (lost, repeated) = (draw.hits(way.lose), draw.hits(way.repeat));
        let mut wait = || {
            let (delay, held, by) = (draw.within(way.delay), draw.hits(way.reorder), draw.one_to(OVERTAKEN_BY));
            Wait { delay, overtaken_by: if held { by } else { 0 } }
        };
        let (one, two) = (wait(), wait());
        let copies = match (lost, repeated) {
            (true, _) => vec![],
            (false, false) => vec![one],
            (false, true) => vec![one, two],
        };
        self.shared.count("lose", lost);
        self.shared.count("repeat", copies.len() > 1);
        self.shared.count("reorder", copies.iter().any(|copy| copy.overtaken_by > 0));
        let (hit, either) = (draw.hits(connections.cut), if draw.hits(0.5) { Cut::Abort } else { Cut::Close });
        let number = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        let due = connections.cut_every.is_some_and(|every| number.is_multiple_of(every.get()));
        Fate { copies, cut: (hit || due).then_some(connections.cut_with.unwrap_or(either)) }
    }

    fn answer(&self, draw: &mut Draw, plan: &FaultPlan) -> Option<(PostError, bool)> {
        let posts = &plan.posts;
        let chances = [
            ("throttle", posts.throttle, PostError::Full, false),
            ("gone", posts.gone, PostError::Gone, false),
            ("gone-delivered", posts.gone_delivered, PostError::Gone, true),
            ("fail", posts.fail, PostError::Failed, false),
            ("fail-delivered", posts.fail_delivered, PostError::Failed, true),
        ];
        let mut answer = None;
        for (name, chance, error, delivered) in chances {
            if draw.hits(chance) && answer.is_none() {
                self.shared.count(name, true);
                answer = Some((error, delivered));
            }
        }
        if answer.is_none() && posts.rate.is_some_and(|rate| !self.in_rate(rate)) {
            self.shared.count("rate", true);
            answer = Some((PostError::Full, false));
        }
        answer
    }

    fn in_rate(&self, rate: NonZeroU32) -> bool {
        let mut second = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        if second.0.elapsed() >= Duration::from_secs(1) {
            *second = (Instant::now(), 0);
        }
        second.1 += 1;
        second.1 <= rate.get()
    }

    /// Works on one copy of a client's message when it is time, and when the one before is done where they go one at a time.
    pub(crate) async fn carry(&self, copy: Wait, work: impl Future<Output = ()>) {
        self.inbound.pass(copy).await;
        let _turn = self.turn().await;
        self.inbound.passed();
        work.await;
    }

    /// The turn of a message where they go one at a time.
    async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        if !self.shared.plan().connections.one_at_a_time {
            return None;
        }
        Some(self.turn.clone().lock_owned().await)
    }

    /// Waits until a copy of a post is to be delivered, and delivers it.
    pub(super) async fn deliver<T>(&self, copy: Wait, post: impl Future<Output = T>) -> T {
        self.outbound.pass(copy).await;
        let result = post.await;
        self.outbound.passed();
        result
    }

    /// A place for a post that is late.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.late.clone().acquire_owned().await.ok()
    }

    /// Ends the connection if that is this message's fate.
    pub(crate) fn cut_after(&self, fate: &Fate) {
        if let Some(cut) = fate.cut {
            self.cut(cut);
        }
    }

    /// Ends the connection. Said twice, the first counts.
    pub(super) fn cut(&self, cut: Cut) {
        let first = self.cut.send_if_modified(|now| now.is_none() && now.replace(cut).is_none());
        self.shared.count("cut", first);
    }

    /// How anybody wanted it to be cut: one way or the other when nobody minds.
    pub(super) fn cut_somehow(&self, cut: Option<Cut>) {
        let mut draw = self.shared.rng.draw(About::Cut, self.number, 0);
        self.cut(cut.unwrap_or(if draw.hits(0.5) { Cut::Abort } else { Cut::Close }));
    }

    /// Returns once it is to be cut.
    pub(crate) async fn is_cut(&self) -> Cut {
        let mut cut = self.cut.subscribe();
        match cut.wait_for(Option::is_some).await.map(|cut| *cut) {
            Ok(Some(cut)) => cut,
            _ => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Faults;
    use super::*;

    const ALL: &str = "reorder=0.3,repeat=0.3,lose=0.3,delay=0..50,throttle=0.2,gone-delivered=0.2,cut=0.1,slow=0..9";

    /// What becomes of the first messages of the second connection, with so many posts before each.
    fn fates(plan: &str, seed: u64, posts: usize) -> Vec<Fate> {
        let faults = Faults::new(plan.parse().unwrap(), seed);
        let (_first, second) = (faults.open("a="), faults.open("b="));
        let line = &second.line;
        let next = |_| {
            (0..posts).for_each(|_| drop(line.post()));
            line.message()
        };
        (0..200).map(next).collect()
    }

    #[test]
    fn a_seed_decides_and_nothing_else_does() {
        let one = fates(ALL, 1, 0);
        assert_eq!(one, fates(ALL, 1, 0));
        assert_eq!(one, fates(ALL, 1, 3), "whatever goes the other way");
        assert_ne!(one, fates(ALL, 2, 0));
    }

    #[test]
    fn a_fault_leaves_the_chance_of_the_others_as_it_is() {
        let lost = |fates: Vec<Fate>| fates.iter().map(|fate| fate.copies.is_empty()).collect::<Vec<_>>();
        assert_eq!(lost(fates(ALL, 1, 0)), lost(fates("lose=0.3", 1, 0)));
    }

    #[test]
    fn without_faults_nothing_is_decided() {
        let nothing = Fate { copies: vec![Wait { delay: Duration::ZERO, overtaken_by: 0 }], cut: None };
        assert!(fates("none", 1, 1).iter().all(|fate| *fate == nothing));
    }
}
