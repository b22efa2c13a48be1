//! Following: the order of things, their times, and every way in which it ends.

use crate::world::{World, fixture, frame};
use gateway_lambda::backend::Call;
use gateway_lambda::browser::Delivery;
use gateway_lambda::{BackendError, Reply};
use shared_protocol::{ApiError, ErrorCode};
use std::time::Duration;
use tokio::time::Instant;

const NOTHING: Duration = Duration::ZERO;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn unreachable() -> BackendError {
    BackendError::Unreachable("reset".to_owned())
}

/// When each request for output arrived, since `began`, and how long it was ready to wait.
fn asked_at(world: &World, began: Instant) -> Vec<(Duration, Duration)> {
    let asked = world.backend.calls().into_iter().filter_map(|call| match call {
        Call::Output { at, wait, .. } => Some((at - began, wait)),
        _ => None,
    });
    asked.collect()
}

#[tokio::test(start_paused = true)]
async fn frames_are_posted_in_order_one_at_a_time_while_the_next_is_asked_for() {
    let world = World::new();
    world.browser.posts_take(Duration::from_millis(100));
    world.backend.on_message(NOTHING, Ok(frame("reply", Some("f1"))));
    for n in 1..=4 {
        let next = format!("f{}", n + 1);
        let next = if n < 4 { Some(next.as_str()) } else { None };
        world.backend.on_output(Duration::from_millis(10), Ok(frame(&format!("out{n}"), next)));
    }
    let began = Instant::now();
    world.message(fixture("message-default")).await;
    assert_eq!(world.browser.frames(), ["reply", "out1", "out2", "out3", "out4"]);
    assert_eq!(world.asked(), ["f1", "f2", "f3", "f4"]);
    let posts = world.browser.deliveries().into_iter().map(|delivery| match delivery {
        Delivery::Frame { began: start, ended, .. } => (start - began, ended - began),
        other => panic!("{other:?}"),
    });
    let posts: Vec<_> = posts.collect();
    assert!(posts.windows(2).all(|pair| pair[0].1 <= pair[1].0), "one post at a time: {posts:?}");
    let asked = asked_at(&world, began);
    assert_eq!(asked[0].0, posts[0].1, "the direct reply is posted before following begins");
    for (asked, post) in asked[1..].iter().zip(&posts[1..]) {
        assert_eq!(asked.0, post.0, "the next frame is asked for when the post begins");
    }
    // Five posts of 100 ms and only one question that was not hidden behind a post.
    assert_eq!(began.elapsed(), Duration::from_millis(510));
}

#[tokio::test(start_paused = true)]
async fn following_ends_25_s_after_the_start_or_3_s_before_the_deadline() {
    for (limit, message_took, end) in [(60, 0, 25), (60, 10, 25), (29, 0, 25), (20, 0, 17), (20, 10, 17)] {
        let world = World::new();
        world.backend.on_message(seconds(message_took), Ok(frame("reply", Some("f"))));
        let began = Instant::now();
        world.try_handle(fixture("message-default"), seconds(limit)).await.unwrap();
        assert_eq!(began.elapsed(), seconds(end), "{limit} {message_took}");
        let (at, wait) = asked_at(&world, began)[0];
        assert_eq!((at, wait), (seconds(message_took), seconds(end - message_took)), "{limit} {message_took}");
        assert_eq!(world.errors(), [""; 0], "running out of time is no error");
    }
}

#[tokio::test(start_paused = true)]
async fn without_time_to_follow_nothing_is_asked() {
    let world = World::new();
    world.backend.on_message(seconds(6), Ok(frame("reply", Some("f"))));
    world.try_handle(fixture("message-default"), seconds(9)).await.unwrap();
    assert_eq!((world.browser.frames(), world.asked()), (vec!["reply".to_owned()], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_comes_at_the_last_moment_is_still_posted() {
    let world = World::new();
    world.browser.posts_take(seconds(1));
    world.backend.on_message(NOTHING, Ok(Reply { follow: Some("f1".to_owned()), ..Reply::default() }));
    world.backend.on_output(Duration::from_millis(24_990), Ok(frame("late", Some("f2"))));
    world.message(fixture("message-default")).await;
    assert_eq!((world.browser.frames(), world.asked()), (vec!["late".to_owned()], vec!["f1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_frame_is_asked_on_with_what_it_names() {
    let world = World::new();
    world.backend.on_message(NOTHING, Ok(Reply { follow: Some("f1".to_owned()), ..Reply::default() }));
    world.backend.on_output(seconds(2), Ok(Reply { follow: Some("f1".to_owned()), ..Reply::default() }));
    world.backend.on_output(seconds(2), Ok(frame("out", Some("f2"))));
    world.backend.on_output(seconds(2), Ok(Reply::default()));
    let began = Instant::now();
    world.message(fixture("message-default")).await;
    assert_eq!(world.asked(), ["f1", "f1", "f2"]);
    assert_eq!(world.browser.frames(), ["out"]);
    assert_eq!(began.elapsed(), seconds(6), "an answer that names nothing means stop");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_with_the_same_value() {
    for lost in [unreachable(), BackendError::Timeout] {
        let world = World::new();
        world.backend.on_message(NOTHING, Ok(frame("reply", Some("f1"))));
        world.backend.on_output(NOTHING, Ok(frame("out1", Some("f2"))));
        world.backend.on_output(NOTHING, Err(lost.clone()));
        world.backend.on_output(NOTHING, Err(lost));
        world.backend.on_output(NOTHING, Ok(frame("out2", None)));
        world.message(fixture("message-default")).await;
        assert_eq!(world.asked(), ["f1", "f2", "f2", "f2"]);
        assert_eq!(world.browser.frames(), ["reply", "out1", "out2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_lost_is_told_once() {
    let world = World::new();
    world.backend.on_message(NOTHING, Ok(frame("reply", Some("f1"))));
    for _ in 0..9 {
        world.backend.on_output(NOTHING, Err(unreachable()));
    }
    let began = Instant::now();
    world.message(fixture("message-default")).await;
    assert_eq!(world.asked(), ["f1"; 3]);
    assert_eq!(world.errors(), ["BACKEND_UNREACHABLE"]);
    assert!(began.elapsed() < seconds(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_frame_before_the_failure_is_not_lost_with_it() {
    let world = World::new();
    world.browser.posts_take(seconds(1));
    let draining = ApiError::new(ErrorCode::Draining, "Being replaced.");
    world.backend.on_message(NOTHING, Ok(Reply { follow: Some("f1".to_owned()), ..Reply::default() }));
    world.backend.on_output(NOTHING, Ok(frame("out1", Some("f2"))));
    world.backend.on_output(NOTHING, Err(BackendError::Refused(draining)));
    world.message(fixture("message-default")).await;
    assert_eq!(world.browser.frames()[0], "out1");
    assert_eq!(world.errors(), ["DRAINING"]);
    assert_eq!(world.asked(), ["f1", "f2"], "a refusal is not asked for again");
}

#[tokio::test(start_paused = true)]
async fn a_session_of_output_is_followed_to_its_end_without_a_pause() {
    let world = World::new();
    world.browser.posts_take(Duration::from_millis(15));
    world.backend.on_message(NOTHING, Ok(Reply { follow: Some("f0".to_owned()), ..Reply::default() }));
    for n in 1..=3000 {
        world.backend.on_output(NOTHING, Ok(frame(&n.to_string(), Some(&format!("f{n}")))));
    }
    let began = Instant::now();
    world.message(fixture("message-default")).await;
    let frames = world.browser.frames();
    // 25 s at 15 ms a post, back to back.
    assert!((1660..=1667).contains(&frames.len()), "{}", frames.len());
    assert!(frames.iter().enumerate().all(|(n, frame)| *frame == (n + 1).to_string()));
    assert!(began.elapsed() < Duration::from_millis(25_100), "{:?}", began.elapsed());
}
