//! Every way in which a relay ends, and its last report.

use super::*;
use crate::harness::frame;
use gateway_lambda::BackendError;
use shared_protocol::{ApiError, ErrorCode};

fn unreachable() -> BackendError {
    BackendError::Unreachable("reset".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_relay_ends_25_s_after_the_start_or_3_s_before_the_deadline() {
    for (limit, message_took, end) in [(60, 0, 25), (60, 10, 25), (29, 0, 25), (20, 0, 17), (20, 10, 17)] {
        let harness = Harness::new();
        harness.backend.on_message(ms(message_took * 1000), Ok(frame("reply", Some("g"))));
        harness.backend.on_question(NO_DELAY, Ok(now(frames(1, 1, 1))));
        let began = Instant::now();
        harness.try_handle(fixture("message-default"), ms(limit * 1000)).await.unwrap();
        assert_eq!(began.elapsed(), ms(end * 1000), "{limit} {message_took}");
        let (question, at) = harness.questions()[1].clone();
        let (at, wait) = ((at - began).as_millis(), question.wait_ms);
        assert_eq!((at, wait), (u128::from(message_took) * 1000, (end - message_took) * 1000));
        let last = questions(&harness).pop().unwrap();
        assert!(last.last && last.wait_ms == 0, "{last:?}");
        assert_eq!(harness.errors(), [""; 0], "running out of time is no error");
    }
}

#[tokio::test(start_paused = true)]
async fn without_time_there_is_no_question() {
    let harness = Harness::new();
    harness.backend.on_message(ms(6000), Ok(frame("reply", Some("g"))));
    harness.try_handle(fixture("message-default"), ms(9000)).await.unwrap();
    assert_eq!((harness.browser.frames(), harness.questions()), (vec!["reply".to_owned()], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_frame_at_the_last_moment_is_posted_and_reported() {
    let harness = granted();
    harness.browser.delay_posts(ms(400));
    harness.backend.on_question(ms(24_990), Ok(now(frames(1, 1, 2))));
    let began = run(&harness).await;
    assert_eq!(harness.browser.frames(), ["1.1", "1.2"]);
    let (last, at) = harness.questions().pop().unwrap();
    assert_eq!((last.number, last.last, last.reports), (2, true, vec![report(1, 2)]));
    assert_eq!(at - began, ms(25_790), "all posts have ended");
}

#[tokio::test(start_paused = true)]
async fn after_stop_the_posts_are_finished_and_reported() {
    let harness = granted();
    harness.browser.delay_posts_to(&connection(1), ms(300));
    harness.browser.delay_posts_to(&connection(2), ms(3_600_000));
    harness.backend.on_question(NO_DELAY, Ok(stop(frames(1, 1, 2).chain(frames(2, 1, 1)))));
    let began = run(&harness).await;
    let last = questions(&harness).pop().unwrap();
    assert!(last.last && last.answered == 1, "{last:?}");
    assert_eq!(last.reports, [report(1, 2), MemberReport { unknown: 1, ..report(2, 1) }]);
    assert_eq!((harness.questions().len(), began.elapsed()), (2, ms(600)));
}

#[tokio::test(start_paused = true)]
async fn the_last_report_arrives_after_the_slowest_posts() {
    let harness = granted();
    harness.browser.delay_posts(ms(499));
    harness.backend.on_question(ms(24_999), Ok(now(frames(1, 1, 9))));
    let began = run(&harness).await;
    let last = questions(&harness).pop().unwrap();
    assert!(last.last, "{last:?}");
    assert_eq!(last.reports, [MemberReport { lost: 9, ..report(1, 9) }]);
    assert!(began.elapsed() < ms(28_000), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn every_member_learns_that_the_service_is_unreachable() {
    let failures = [unreachable(), BackendError::Refused(ApiError::new(ErrorCode::Internal, "Broken."))];
    for failure in failures {
        let harness = granted();
        harness.browser.delay_posts(ms(1));
        harness.backend.on_question(NO_DELAY, Ok(now((1..=40).flat_map(|member| frames(member, 1, 1)))));
        for _ in 0..3 {
            harness.backend.on_question(NO_DELAY, Err(failure.clone()));
        }
        let began = run(&harness).await;
        assert_eq!(harness.questions().len(), 4, "two repeats, and no report to a service that is away");
        assert_eq!(harness.errors(), ["BACKEND_UNREACHABLE"; 40]);
        let mut starts: Vec<_> = (1..=40).map(|member| posts(&harness, member, began)[1].0).collect();
        starts.sort_unstable();
        assert!(starts[0] >= 300 && starts[39] <= 2302, "{starts:?}");
        starts.dedup();
        assert!(starts.len() > 20, "each has a delay of its own: {starts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn frames_before_a_failure_are_delivered_first() {
    let harness = granted();
    harness.browser.delay_posts(ms(400));
    harness.backend.on_question(NO_DELAY, Ok(now(frames(1, 1, 3))));
    for _ in 0..3 {
        harness.backend.on_question(NO_DELAY, Err(unreachable()));
    }
    run(&harness).await;
    assert_eq!(harness.browser.frames()[..3], ["1.1", "1.2", "1.3"]);
    assert_eq!(harness.errors(), ["BACKEND_UNREACHABLE"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_question_is_not_repeated() {
    let harness = granted();
    let refused = ApiError::new(ErrorCode::Unauthorized, "Another secret.");
    harness.backend.on_question(NO_DELAY, Ok(now(frames(1, 1, 1))));
    harness.backend.on_question(NO_DELAY, Err(BackendError::Refused(refused)));
    run(&harness).await;
    assert_eq!((harness.questions().len(), harness.errors()), (2, vec!["BACKEND_UNREACHABLE".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn continuous_output_is_carried_without_a_pause() {
    let harness = granted();
    harness.browser.delay_posts(ms(15));
    for number in 1..=3000 {
        harness.backend.on_question(NO_DELAY, Ok(settled(frames(1, number, number))));
    }
    let began = run(&harness).await;
    let delivered = harness.browser.frames();
    // 25 s of posts of 15 ms each.
    assert!((1660..=1667).contains(&delivered.len()), "{}", delivered.len());
    assert!(delivered.iter().enumerate().all(|(n, frame)| *frame == format!("1.{}", n + 1)));
    assert!(began.elapsed() < ms(25_100), "{:?}", began.elapsed());
}
