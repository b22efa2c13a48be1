//! Tests of a relay's members, questions and answers, apart because they are longer than what they test.

use super::*;
use crate::relay::test_support::{Switch, joining};
use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;
use proptest::prelude::*;
use shared_protocol::relay::{MEMBER_CREDIT, RelayAction};
use std::sync::atomic::Ordering;

fn counted() -> GaugeGuard {
    GaugeGuard::new(&Gauge::default())
}

fn queued(bytes: usize) -> Queued {
    Queued { action: RelayAction::None, bytes: Bytes::from(vec![b'x'; bytes]), valid_until_ms: u64::MAX }
}

fn with_members(count: usize) -> (RelayState, Vec<u64>) {
    let mut state = RelayState::default();
    let ids =
        (0..count).map(|n| state.join(joining(&format!("c{n}"), &Switch::on()), counted(), Instant::now())).collect();
    (state, ids)
}

fn ask(state: &mut RelayState, number: u64) -> Answer {
    assert_eq!(state.take(number, number - 1, 0), Taken::New);
    state.answer(number, Instant::now(), 0)
}

fn report(member: u64, settled: u64) -> MemberReport {
    MemberReport { member, settled, ..MemberReport::default() }
}

#[test]
fn small_frames_go_first_and_the_large_ones_take_turns() {
    let (mut state, ids) = with_members(6);
    for id in &ids[..5] {
        state.push(*id, queued(32_000), Instant::now());
    }
    state.push(ids[5], queued(100), Instant::now());
    let members = |answer: Answer| answer.frames.iter().map(|frame| frame.member).collect::<Vec<_>>();
    assert_eq!(members(ask(&mut state, 1)), [ids[5], ids[0], ids[1], ids[2], ids[3]], "128 KiB");
    state.push(ids[0], queued(32_000), Instant::now());
    assert_eq!(members(ask(&mut state, 2)), [ids[4], ids[0]], "from where the last answer ended");
}

#[test]
fn an_answer_has_a_most_of_frames_and_a_second_of_a_member_if_there_is_room() {
    let (mut state, ids) = with_members(MAX_ANSWER_FRAMES - 1);
    for id in ids.iter().chain(&ids) {
        state.push(*id, queued(10), Instant::now());
    }
    let answer = ask(&mut state, 1);
    assert_eq!(answer.frames.len(), MAX_ANSWER_FRAMES);
    let first: BTreeSet<u64> = answer.frames[..ids.len()].iter().map(|frame| frame.member).collect();
    assert_eq!(first.len(), ids.len(), "one of each before a second of any");
    assert_eq!(answer.next, Some(Next::Now), "others wait");
}

#[test]
fn the_next_question_waits_for_a_post_if_no_member_has_credit() {
    let (mut state, ids) = with_members(1);
    assert_eq!(ask(&mut state, 1).next, Some(Next::Now));
    for _ in 0..MEMBER_CREDIT {
        assert!(state.has_credit(ids[0]));
        state.push(ids[0], queued(1), Instant::now());
    }
    assert!(!state.has_credit(ids[0]));
    assert_eq!(ask(&mut state, 2).next, Some(Next::Settled));
    state.report(&[report(ids[0], 1)], Instant::now());
    assert!(state.has_credit(ids[0]));
    state.end();
    assert!(!state.has_credit(ids[0]));
    assert_eq!(ask(&mut state, 3).next, None);
}

#[test]
fn a_session_that_may_not_send_keeps_its_frames() {
    let (mut state, permit) = (RelayState::default(), Switch::on());
    let id = state.join(joining("c", &permit), counted(), Instant::now());
    state.push(id, queued(1), Instant::now());
    permit.0.store(false, Ordering::Relaxed);
    assert!(!state.is_ready(0));
    assert_eq!(ask(&mut state, 1).frames, []);
    permit.0.store(true, Ordering::Relaxed);
    assert_eq!(ask(&mut state, 2).frames.len(), 1);
}

#[test]
fn a_member_that_left_is_answered_to_the_end_and_one_that_moved_is_not() {
    let (mut state, ids) = with_members(2);
    for id in &ids {
        state.push(*id, queued(1), Instant::now());
    }
    state.leave(ids[0]);
    assert_eq!((state.len(), ask(&mut state, 1).frames.len()), (1, 2));
    state.remove(ids[1]);
    let Taken::Repeat(again) = state.take(1, 0, 0) else { panic!("it was answered") };
    assert_eq!(again.frames.iter().map(|frame| frame.member).collect::<Vec<_>>(), [ids[0]]);
    state.report(&[report(ids[0], 1)], Instant::now());
    assert_eq!(state.members().count(), 0, "its last frame is reported");
}

#[test]
fn a_repeated_answer_goes_without_the_frames_that_may_not_be_sent_any_more() {
    let (mut state, permits) = (RelayState::default(), [Switch::on(), Switch::on(), Switch::on(), Switch::on()]);
    let mut join = |n: usize| state.join(joining(&format!("c{n}"), &permits[n]), counted(), Instant::now());
    let ids = [join(0), join(1), join(2), join(3)];
    for id in ids {
        let valid_until_ms = if id == ids[1] { 100 } else { u64::MAX };
        state.push(id, Queued { valid_until_ms, ..queued(1) }, Instant::now());
    }
    assert_eq!(ask(&mut state, 1).frames.len(), 4);
    permits[0].0.store(false, Ordering::Relaxed);
    state.member_mut(ids[2]).unwrap().frames.discard();
    let mut full = || {
        let Taken::Repeat(again) = state.take(1, 0, 100) else { panic!("it was answered") };
        assert_eq!(
            again.frames.iter().map(|frame| (frame.member, frame.number)).collect::<Vec<_>>(),
            ids.map(|id| (id, 1))
        );
        let full = again.frames.iter().filter(|frame| !frame.frame.is_empty());
        full.map(|frame| frame.member).collect::<Vec<_>>()
    };
    assert_eq!(full(), [ids[3]], "its lease, its token, its connection");
    permits[0].0.store(true, Ordering::Relaxed);
    assert_eq!(full(), [ids[3]], "nor later: its content is on its way again");
    let lost = ids.map(|id| state.member_mut(id).unwrap().frames.take_lost());
    assert_eq!(lost, [true, true, true, false]);
    state.report(&ids.map(|id| report(id, 1)), Instant::now());
    assert!(ids.iter().all(|id| state.member_mut(*id).unwrap().frames.unsettled() == 0));
}

#[test]
fn a_closed_connection_is_reported_and_gets_no_more() {
    let (mut state, ids) = with_members(2);
    state.push(ids[0], queued(1), Instant::now());
    let Reported { gone, .. } = state.report(&[MemberReport { gone: true, ..report(ids[0], 0) }], Instant::now());
    assert_eq!(gone.iter().map(|gone| gone.connection.as_str()).collect::<Vec<_>>(), ["c0"]);
    assert_eq!(ask(&mut state, 1).frames, []);
}

/// A step of the conversation between sessions, a relay and its function.
#[derive(Debug, Clone)]
enum Step {
    Join,
    Push(usize),
    Leave(usize),
    /// Asks the next question, or again the one whose answer was lost. The answer is lost, or arrives.
    Ask {
        lost: bool,
    },
    /// Posts the next frame of a member.
    Post(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Join),
        6 => (0..8_usize).prop_map(Step::Push),
        1 => (0..8_usize).prop_map(Step::Leave),
        6 => any::<bool>().prop_map(|lost| Step::Ask { lost }),
        6 => (0..8_usize).prop_map(Step::Post),
    ]
}

/// The function's side, over a network that loses answers.
#[derive(Default)]
struct Function {
    answered: u64,
    /// The answer that was lost.
    lost: Option<Answer>,
    /// Number of the last frame that arrived, and of the last that was posted, of each member.
    members: BTreeMap<u64, (u64, u64)>,
}

impl Function {
    fn ask(&mut self, state: &mut RelayState, lost: bool) {
        let reports: Vec<_> = self.members.iter().map(|(member, (_, posted))| report(*member, *posted)).collect();
        state.report(&reports, Instant::now());
        let number = self.answered + 1;
        let answer = match (state.take(number, self.answered, 0), &self.lost) {
            (Taken::New, None) => state.answer(number, Instant::now(), 0),
            (Taken::Repeat(answer), Some(lost)) => {
                assert_eq!(answer, *lost, "a repeated question gets the same answer");
                answer
            }
            (taken, _) => panic!("{taken:?}"),
        };
        self.lost = lost.then(|| answer.clone());
        if lost {
            return;
        }
        self.answered = number;
        for frame in answer.frames {
            let (arrived, posted) = self.members.entry(frame.member).or_default();
            assert_eq!(frame.number, *arrived + 1, "each frame once and in order");
            assert!(frame.number - *posted <= MEMBER_CREDIT, "one is posted, one waits");
            *arrived = frame.number;
        }
    }
}

proptest! {
    #[test]
    fn every_accepted_frame_arrives_once_and_in_order(steps in prop::collection::vec(step(), 1..120)) {
        let (mut state, mut function) = (RelayState::default(), Function::default());
        let (mut ids, mut pushed): (Vec<u64>, BTreeMap<u64, u64>) = Default::default();
        for step in steps {
            match step {
                Step::Join => ids.push(state.join(joining(&format!("c{}", ids.len()), &Switch::on()), counted(), Instant::now())),
                Step::Push(n) => {
                    if let Some(id) = ids.get(n).filter(|id| state.has_credit(**id)) {
                        state.push(*id, queued(1 + n * 8_000), Instant::now());
                        *pushed.entry(*id).or_default() += 1;
                    }
                }
                Step::Leave(n) => {
                    if n < ids.len() {
                        state.leave(ids.swap_remove(n));
                    }
                }
                Step::Ask { lost } => function.ask(&mut state, lost),
                Step::Post(n) => {
                    if let Some((arrived, posted)) = function.members.values_mut().nth(n) {
                        *posted = (*posted + 1).min(*arrived);
                    }
                }
            }
        }
        // Then everything that was accepted arrives.
        for _ in 0..16 {
            function.members.values_mut().for_each(|(arrived, posted)| *posted = *arrived);
            function.ask(&mut state, false);
        }
        let arrived: BTreeMap<u64, u64> = function.members.iter().map(|(id, (arrived, _))| (*id, *arrived)).collect();
        prop_assert_eq!(arrived, pushed);
    }
}
