//! Following: order, timing, and every way in which it ends.

use crate::harness::{Harness, fixture, frame};
use gateway_lambda::backend::Call;
use gateway_lambda::browser::Delivery;
use gateway_lambda::{BackendError, Reply};
use shared_protocol::{ApiError, ErrorCode};
use std::time::Duration;
use tokio::time::Instant;

const NO_DELAY: Duration = Duration::ZERO;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn unreachable() -> BackendError {
    BackendError::Unreachable("reset".to_owned())
}

/// Start of each poll since `began`, and its wait.
fn poll_times(harness: &Harness, began: Instant) -> Vec<(Duration, Duration)> {
    let polls = harness.backend.calls().into_iter().filter_map(|call| match call {
        Call::Output { at, wait, .. } => Some((at - began, wait)),
        _ => None,
    });
    polls.collect()
}

#[tokio::test(start_paused = true)]
async fn frames_are_posted_one_at_a_time_during_the_next_poll() {
    let harness = Harness::new();
    harness.browser.delay_posts(Duration::from_millis(100));
    harness.backend.on_message(NO_DELAY, Ok(frame("reply", Some("f1"))));
    for n in 1..=4 {
        let next = format!("f{}", n + 1);
        let next = if n < 4 { Some(next.as_str()) } else { None };
        harness.backend.on_output(Duration::from_millis(10), Ok(frame(&format!("out{n}"), next)));
    }
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.browser.frames(), ["reply", "out1", "out2", "out3", "out4"]);
    assert_eq!(harness.poll_tokens(), ["f1", "f2", "f3", "f4"]);
    let posts = harness.browser.deliveries().into_iter().map(|delivery| match delivery {
        Delivery::Frame { started_at, ended_at, .. } => (started_at - began, ended_at - began),
        other => panic!("{other:?}"),
    });
    let posts: Vec<_> = posts.collect();
    assert!(posts.windows(2).all(|pair| pair[0].1 <= pair[1].0), "one post at a time: {posts:?}");
    let polls = poll_times(&harness, began);
    assert_eq!(polls[0].0, posts[0].1, "the direct reply is posted before following begins");
    for (poll, post) in polls[1..].iter().zip(&posts[1..]) {
        assert_eq!(poll.0, post.0, "a poll starts with the post of the last frame");
    }
    // Five posts of 100 ms, and one poll of 10 ms that no post hides.
    assert_eq!(began.elapsed(), Duration::from_millis(510));
}

#[tokio::test(start_paused = true)]
async fn following_ends_25_s_after_the_start_or_3_s_before_the_deadline() {
    for (limit, message_took, end) in [(60, 0, 25), (60, 10, 25), (29, 0, 25), (20, 0, 17), (20, 10, 17)] {
        let harness = Harness::new();
        harness.backend.on_message(seconds(message_took), Ok(frame("reply", Some("f"))));
        let began = Instant::now();
        harness.try_handle(fixture("message-default"), seconds(limit)).await.unwrap();
        assert_eq!(began.elapsed(), seconds(end), "{limit} {message_took}");
        let (at, wait) = poll_times(&harness, began)[0];
        assert_eq!((at, wait), (seconds(message_took), seconds(end - message_took)), "{limit} {message_took}");
        assert_eq!(harness.errors(), [""; 0], "running out of time is no error");
    }
}

#[tokio::test(start_paused = true)]
async fn without_time_to_follow_there_is_no_poll() {
    let harness = Harness::new();
    harness.backend.on_message(seconds(6), Ok(frame("reply", Some("f"))));
    harness.try_handle(fixture("message-default"), seconds(9)).await.unwrap();
    assert_eq!((harness.browser.frames(), harness.poll_tokens()), (vec!["reply".to_owned()], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_frame_at_the_last_moment_is_posted() {
    let harness = Harness::new();
    harness.browser.delay_posts(seconds(1));
    harness.backend.on_message(NO_DELAY, Ok(Reply { follow: Some("f1".to_owned()), ..Reply::default() }));
    harness.backend.on_output(Duration::from_millis(24_990), Ok(frame("late", Some("f2"))));
    harness.message(fixture("message-default")).await;
    assert_eq!((harness.browser.frames(), harness.poll_tokens()), (vec!["late".to_owned()], vec!["f1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn an_empty_reply_continues_with_its_token() {
    let harness = Harness::new();
    harness.backend.on_message(NO_DELAY, Ok(Reply { follow: Some("f1".to_owned()), ..Reply::default() }));
    harness.backend.on_output(seconds(2), Ok(Reply { follow: Some("f1".to_owned()), ..Reply::default() }));
    harness.backend.on_output(seconds(2), Ok(frame("out", Some("f2"))));
    harness.backend.on_output(seconds(2), Ok(Reply::default()));
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.poll_tokens(), ["f1", "f1", "f2"]);
    assert_eq!(harness.browser.frames(), ["out"]);
    assert_eq!(began.elapsed(), seconds(6), "a reply without a token means stop");
}

#[tokio::test(start_paused = true)]
async fn a_failed_poll_is_retried_with_the_same_token() {
    for lost in [unreachable(), BackendError::Timeout] {
        let harness = Harness::new();
        harness.backend.on_message(NO_DELAY, Ok(frame("reply", Some("f1"))));
        harness.backend.on_output(NO_DELAY, Ok(frame("out1", Some("f2"))));
        harness.backend.on_output(NO_DELAY, Err(lost.clone()));
        harness.backend.on_output(NO_DELAY, Err(lost));
        harness.backend.on_output(NO_DELAY, Ok(frame("out2", None)));
        harness.message(fixture("message-default")).await;
        assert_eq!(harness.poll_tokens(), ["f1", "f2", "f2", "f2"]);
        assert_eq!(harness.browser.frames(), ["reply", "out1", "out2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_service_is_reported_once() {
    let harness = Harness::new();
    harness.backend.on_message(NO_DELAY, Ok(frame("reply", Some("f1"))));
    for _ in 0..9 {
        harness.backend.on_output(NO_DELAY, Err(unreachable()));
    }
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.poll_tokens(), ["f1"; 3]);
    assert_eq!(harness.errors(), ["BACKEND_UNREACHABLE"]);
    assert!(began.elapsed() < seconds(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_frame_before_a_failure_is_delivered() {
    let harness = Harness::new();
    harness.browser.delay_posts(seconds(1));
    let draining = ApiError::new(ErrorCode::Draining, "Being replaced.");
    harness.backend.on_message(NO_DELAY, Ok(Reply { follow: Some("f1".to_owned()), ..Reply::default() }));
    harness.backend.on_output(NO_DELAY, Ok(frame("out1", Some("f2"))));
    harness.backend.on_output(NO_DELAY, Err(BackendError::Refused(draining)));
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.browser.frames()[0], "out1");
    assert_eq!(harness.errors(), ["DRAINING"]);
    assert_eq!(harness.poll_tokens(), ["f1", "f2"], "a refusal is not retried");
}

#[tokio::test(start_paused = true)]
async fn continuous_output_is_followed_without_a_pause() {
    let harness = Harness::new();
    harness.browser.delay_posts(Duration::from_millis(15));
    harness.backend.on_message(NO_DELAY, Ok(Reply { follow: Some("f0".to_owned()), ..Reply::default() }));
    for n in 1..=3000 {
        harness.backend.on_output(NO_DELAY, Ok(frame(&n.to_string(), Some(&format!("f{n}")))));
    }
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    let frames = harness.browser.frames();
    // 25 s of posts of 15 ms each.
    assert!((1660..=1667).contains(&frames.len()), "{}", frames.len());
    assert!(frames.iter().enumerate().all(|(n, frame)| *frame == (n + 1).to_string()));
    assert!(began.elapsed() < Duration::from_millis(25_100), "{:?}", began.elapsed());
}
