//! The questions: when they are asked, what they report, and how often.

use super::*;
use crate::harness::LAMBDA_TIMEOUT;
use crate::harness::frame;
use crate::support::{NOW, SECRET, endpoint};
use async_trait::async_trait;
use auth_tokens::{UserKey, UserTokenVerifier};
use bytes::Bytes;
use gateway_lambda::backend::Call;
use gateway_lambda::clock::ManualClock;
use gateway_lambda::{
    Backend, BackendError, Caller, Config, Deps, Endpoint, Gateway, MemoryConnections, PostError, RecordingBrowser,
    SystemRandom,
};
use shared_protocol::{ApiError, ErrorCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Milliseconds since `began`, number and reports of each question.
fn asked(harness: &Harness, began: Instant) -> Vec<(u128, u64, Vec<MemberReport>)> {
    let asked = harness.questions().into_iter();
    asked.map(|(question, at)| ((at - began).as_millis(), question.number, question.reports)).collect()
}

#[tokio::test(start_paused = true)]
async fn an_echo_costs_one_answer_one_post_and_one_question() {
    let harness = Harness::new();
    harness.browser.delay_posts(ms(20));
    harness.backend.on_message(NO_DELAY, Ok(frame("reply", Some("g"))));
    harness.backend.on_question(ms(10), Ok(now(frames(1, 1, 1))));
    harness.backend.on_question(ms(300), Ok(now(frames(1, 2, 2))));
    harness.backend.on_question(ms(300), Ok(stop([])));
    let began = run(&harness).await;
    let expected = [(20, 1, vec![]), (30, 2, vec![]), (330, 3, vec![report(1, 1)]), (630, 4, vec![report(1, 2)])];
    assert_eq!(asked(&harness, began), expected, "the reply first, then each question with the post before it");
    assert_eq!(posts(&harness, 1, began), [(30, 50), (330, 350)]);
    let questions = questions(&harness);
    assert_eq!(questions.iter().map(|question| question.answered).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(questions.iter().all(|question| question.relay == "g"));
    assert_eq!(questions.iter().map(|question| question.last).collect::<Vec<_>>(), [false, false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_question_waits_no_longer_than_the_relay_may_run() {
    let harness = granted();
    harness.backend.on_question(ms(5000), Ok(now([])));
    harness.backend.on_question(NO_DELAY, Ok(stop([])));
    run(&harness).await;
    let asked = harness.backend.calls().into_iter().filter_map(|call| match call {
        Call::Relay { endpoint, question, timeout, .. } => Some((endpoint, question.wait_ms, timeout)),
        _ => None,
    });
    assert_eq!(asked.collect::<Vec<_>>(), [(endpoint(), 25_000, ms(27_000)), (endpoint(), 20_000, ms(22_000))]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_posted_nothing_says_that_its_time_is_up() {
    let harness = granted();
    harness.backend.on_question(ms(25_000), Ok(now([])));
    harness.backend.on_question(NO_DELAY, Ok(stop([])));
    run(&harness).await;
    let last = harness.backend.calls().into_iter().filter_map(|call| match call {
        Call::Relay { question, .. } => Some(question.last),
        _ => None,
    });
    assert_eq!(last.collect::<Vec<_>>(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_without_credit_asks_after_a_post() {
    let harness = granted();
    harness.browser.delay_posts_to(&connection(1), ms(100));
    harness.browser.delay_posts_to(&connection(2), ms(200));
    harness.backend.on_question(NO_DELAY, Ok(settled(frames(1, 1, 1).chain(frames(2, 1, 1)))));
    harness.backend.on_question(NO_DELAY, Ok(settled([])));
    harness.backend.on_question(NO_DELAY, Ok(stop([])));
    let began = run(&harness).await;
    let expected = [(0, 1, vec![]), (100, 2, vec![report(1, 1)]), (200, 3, vec![report(2, 1)])];
    assert_eq!(asked(&harness, began)[..3], expected);
}

#[tokio::test(start_paused = true)]
async fn a_relay_without_a_post_to_wait_for_asks_again_soon() {
    let harness = granted();
    harness.backend.on_question(NO_DELAY, Ok(settled([])));
    harness.backend.on_question(NO_DELAY, Ok(stop([])));
    let began = run(&harness).await;
    assert_eq!(asked(&harness, began), [(0, 1, vec![]), (100, 2, vec![])]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_ends_the_wait_for_a_post() {
    let harness = granted();
    harness.browser.script_posts([Err(PostError::Throttled)]);
    harness.browser.delay_posts(ms(10));
    harness.backend.on_question(NO_DELAY, Ok(settled(frames(1, 1, 1))));
    harness.backend.on_question(NO_DELAY, Ok(stop([])));
    let began = run(&harness).await;
    assert_eq!(asked(&harness, began), [(0, 1, vec![]), (10, 2, vec![]), (70, 3, vec![report(1, 1)])]);
}

#[tokio::test(start_paused = true)]
async fn credit_that_returns_is_reported_beside_the_waiting_question() {
    let harness = granted();
    harness.browser.delay_posts(ms(100));
    harness.backend.on_question(NO_DELAY, Ok(now(frames(1, 1, 1))));
    harness.backend.on_question(ms(5), Ok(now(frames(1, 2, 2))));
    harness.backend.on_question(ms(1000), Ok(stop([])));
    let began = run(&harness).await;
    let expected =
        [(0, 1, vec![]), (0, 2, vec![]), (5, 3, vec![]), (100, 4, vec![report(1, 1)]), (1005, 5, vec![report(1, 2)])];
    // The end of the second post is not urgent: the member may have a frame already.
    assert_eq!(asked(&harness, began), expected);
    assert_eq!(questions(&harness)[3].answered, 2, "the third question is open");
}

#[tokio::test(start_paused = true)]
async fn what_went_wrong_is_reported_at_once() {
    for (error, expected) in [
        (PostError::TooLarge, MemberReport { lost: 1, ..report(1, 1) }),
        (PostError::Failed("reset".to_owned()), MemberReport { unknown: 1, ..report(1, 1) }),
    ] {
        let harness = granted();
        harness.browser.delay_posts(ms(10));
        harness.browser.script_posts([Err(error)]);
        harness.backend.on_question(NO_DELAY, Ok(now(frames(1, 1, 1))));
        harness.backend.on_question(ms(1000), Ok(stop([])));
        let began = run(&harness).await;
        let expected = [(0, 1, vec![]), (0, 2, vec![]), (10, 3, vec![expected]), (1000, 4, vec![])];
        assert_eq!(asked(&harness, began), expected);
    }
}

/// A service whose first answer has a frame of each of six members, and that holds each later question for a second.
#[derive(Clone, Default)]
struct HoldingBackend {
    open: Arc<AtomicUsize>,
    /// Numbers of open questions and of reports at each question.
    asked: Arc<Mutex<Vec<(usize, usize)>>>,
}

#[async_trait]
impl Backend for HoldingBackend {
    async fn message(&self, _: &Caller, _: Bytes, _: Duration) -> Result<Reply, BackendError> {
        Ok(Reply { grant: Some("g".to_owned()), ..Reply::default() })
    }

    async fn relay(&self, _: &Endpoint, question: &RelayQuestion, _: Duration) -> Result<RelayAnswer, BackendError> {
        if question.number == 1 {
            return Ok(now((1..=6).flat_map(|member| frames(member, 1, 1))));
        }
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.asked.lock().unwrap().push((open, question.reports.len()));
        tokio::time::sleep(ms(1000)).await;
        self.open.fetch_sub(1, Ordering::Relaxed);
        Ok(stop([]))
    }

    async fn disconnect(&self, _: &Caller, _: Duration) -> Result<(), BackendError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn at_most_two_questions_are_open_and_none_is_dropped() {
    let (backend, browser) = (HoldingBackend::default(), Arc::new(RecordingBrowser::default()));
    for member in 1..=6 {
        browser.delay_posts_to(&connection(member), ms(10 * member));
        browser.script_posts_to(&connection(member), [Err(PostError::TooLarge)]);
    }
    let gateway = Gateway::new(Deps {
        config: Config::new(UserTokenVerifier::new(UserKey::hs256(SECRET.as_bytes()).unwrap())),
        backend: Arc::new(backend.clone()),
        connections: Arc::new(MemoryConnections::default()),
        browser,
        clock: Arc::new(ManualClock::new(NOW)),
        random: Arc::new(SystemRandom),
    });
    gateway.handle(fixture("message-default"), Instant::now() + LAMBDA_TIMEOUT).await.unwrap();
    // One waits, one reports the first loss, and the last one reports all that is not known to have arrived.
    assert_eq!(*backend.asked.lock().unwrap(), [(1, 0), (2, 1), (1, 5)]);
    assert_eq!(backend.open.load(Ordering::Relaxed), 0, "a question was dropped");
}

#[tokio::test(start_paused = true)]
async fn a_failed_question_is_repeated_unchanged() {
    let failures = [
        BackendError::Unreachable("reset".to_owned()),
        BackendError::Timeout,
        BackendError::Refused(ApiError::new(ErrorCode::Draining, "Being replaced.")),
        BackendError::Refused(ApiError::new(ErrorCode::BackendUnreachable, "Away.")),
    ];
    for failure in failures {
        let harness = granted();
        harness.backend.on_question(NO_DELAY, Ok(now(frames(1, 1, 1))));
        harness.backend.on_question(NO_DELAY, Err(failure.clone()));
        harness.backend.on_question(NO_DELAY, Err(failure));
        harness.backend.on_question(NO_DELAY, Ok(stop(frames(1, 2, 2))));
        let began = run(&harness).await;
        let times: Vec<_> = harness.questions().iter().map(|(_, at)| (*at - began).as_millis()).collect();
        assert_eq!(times[..4], [0, 0, 100, 300]);
        let questions = questions(&harness);
        assert_eq!(questions[1].number, 2);
        assert_eq!((&questions[2], &questions[3]), (&questions[1], &questions[1]));
        assert_eq!(harness.browser.frames(), ["1.1", "1.2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_grant_ends_quietly() {
    let harness = granted();
    harness.backend.on_question(NO_DELAY, Ok(stop([])));
    run(&harness).await;
    assert_eq!((harness.questions().len(), harness.browser.deliveries()), (1, vec![]));
}
