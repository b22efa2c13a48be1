//! Failed posts: retries, lost frames, and the meaning of a 410.

use crate::harness::{Harness, fixture, frame};
use crate::support::{CONNECTION, id};
use gateway_lambda::PostError;
use gateway_lambda::browser::Delivery;
use std::time::Duration;
use tokio::time::Instant;

const NO_DELAY: Duration = Duration::ZERO;

fn failed() -> PostError {
    PostError::Failed("reset".to_owned())
}

/// A reply and three frames.
async fn harness() -> Harness {
    let harness = Harness::with_rows(&[CONNECTION, "other="]).await;
    harness.backend.on_message(NO_DELAY, Ok(frame("reply", Some("f1"))));
    for (text, next) in [("out1", Some("f2")), ("out2", Some("f3")), ("out3", None)] {
        harness.backend.on_output(NO_DELAY, Ok(frame(text, next)));
    }
    harness
}

fn failed_posts(harness: &Harness) -> Vec<String> {
    let failed = harness.browser.deliveries().into_iter().filter_map(|delivery| match delivery {
        Delivery::Failed(frame) => Some(String::from_utf8(frame.to_vec()).unwrap()),
        _ => None,
    });
    failed.collect()
}

#[tokio::test(start_paused = true)]
async fn throttled_and_failed_posts_are_retried() {
    let harness = harness().await;
    let (busy, lost) = (|| Err(PostError::Throttled), || Err(failed()));
    harness.browser.script_posts([Ok(()), busy(), busy(), lost(), busy(), Ok(()), lost(), lost()]);
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.browser.frames(), ["reply", "out1", "out2", "out3"]);
    assert_eq!(failed_posts(&harness), ["out1", "out1", "out1", "out1", "out2", "out2"]);
    // Throttled: 50 + 100 + 200. Failed: 50, then 50 + 100.
    assert_eq!(began.elapsed(), Duration::from_millis(350 + 50 + 150));
}

#[tokio::test(start_paused = true)]
async fn an_undeliverable_frame_is_lost_and_no_other() {
    let errors =
        [(PostError::Throttled, 7, 2350), (failed(), 3, 150), (PostError::Gone, 3, 150), (PostError::TooLarge, 1, 0)];
    for (error, tries, took) in errors {
        let harness = harness().await;
        harness.browser.delay_posts(Duration::from_millis(1));
        harness.browser.script_posts([Ok(())].into_iter().chain(vec![Err(error.clone()); tries]));
        let began = Instant::now();
        harness.message(fixture("message-default")).await;
        assert_eq!(harness.browser.frames(), ["reply", "out2", "out3"], "{error:?}");
        assert_eq!(failed_posts(&harness), vec!["out1"; tries], "{error:?}");
        assert_eq!(harness.poll_tokens(), ["f1", "f2", "f3"], "{error:?}");
        let posts = 3 + tries as u64;
        assert_eq!(began.elapsed(), Duration::from_millis(took + posts), "{error:?}");
        assert_eq!(harness.connections.rows_exist(&[CONNECTION, "other="]).await, [true, true], "{error:?}");
        assert_eq!(harness.disconnects(), 0, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_still_followed() {
    let harness = harness().await;
    harness.browser.script_posts([Err(PostError::TooLarge)]);
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.browser.frames(), ["out1", "out2", "out3"]);
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_post_ends_the_polls() {
    let harness = harness().await;
    harness.browser.script_posts([Ok(()), Err(PostError::Forbidden("no".to_owned()))]);
    harness.message(fixture("message-default")).await;
    assert_eq!((harness.browser.frames(), harness.poll_tokens()), (vec!["reply".to_owned()], vec!["f1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_gone_connection_loses_its_row_and_no_other() {
    for gone_at in [0, 1, 3] {
        let harness = harness().await;
        harness.browser.disappear_after(&id(CONNECTION), gone_at);
        harness.message(fixture("message-default")).await;
        assert_eq!(harness.browser.frames().len(), gone_at);
        assert!(harness.browser.deliveries().contains(&Delivery::Exists(id(CONNECTION))));
        assert_eq!(harness.connections.rows_exist(&[CONNECTION, "other="]).await, [false, true], "{gone_at}");
        assert_eq!(harness.disconnects(), 1, "{gone_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_410_for_an_existing_connection_is_retried() {
    let harness = harness().await;
    let gone = Err(PostError::Gone);
    harness.browser.script_posts([gone.clone(), Ok(()), gone.clone(), gone]);
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.browser.frames(), ["reply", "out1", "out2", "out3"]);
    assert_eq!(failed_posts(&harness), ["reply", "out1", "out1"], "the browser may have the frame already");
    assert_eq!(began.elapsed(), Duration::from_millis(50 + 150));
    assert_eq!(harness.connections.rows_exist(&[CONNECTION, "other="]).await, [true, true]);
    assert_eq!(harness.disconnects(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_poll_in_flight_is_dropped_when_the_connection_is_gone() {
    let harness = Harness::with_rows(&[CONNECTION]).await;
    harness.browser.delay_posts(Duration::from_millis(20));
    harness.backend.on_message(NO_DELAY, Ok(frame("reply", Some("f1"))));
    harness.backend.on_output(NO_DELAY, Ok(frame("out1", Some("f2"))));
    harness.browser.disappear_after(&id(CONNECTION), 1);
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.poll_tokens(), ["f1", "f2"]);
    assert_eq!(began.elapsed(), Duration::from_millis(40), "the poll of up to 25 s is dropped");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_post_times_out() {
    let harness = harness().await;
    harness.browser.delay_posts(Duration::from_secs(3600));
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    assert_eq!(began.elapsed(), Duration::from_secs(28));
    assert_eq!(harness.poll_tokens(), [""; 0]);
}
