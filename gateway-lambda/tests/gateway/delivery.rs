//! Failed posts of a reply: retries, lost frames, and the meaning of a 410.

use crate::harness::{Harness, fixture, frame};
use crate::support::{CONNECTION, id};
use gateway_lambda::browser::Delivery;
use gateway_lambda::{PostError, RelayAnswer};
use std::time::Duration;
use tokio::time::Instant;

const NO_DELAY: Duration = Duration::ZERO;

fn unsent() -> PostError {
    PostError::Unsent("refused".to_owned())
}

/// A reply with the grant of a relay that is stopped at once.
async fn harness() -> Harness {
    let harness = Harness::with_rows(&[CONNECTION, "other="]).await;
    harness.backend.on_message(NO_DELAY, Ok(frame("reply", Some("g"))));
    harness.backend.on_question(NO_DELAY, Ok(RelayAnswer::default()));
    harness
}

fn failed_posts(harness: &Harness) -> usize {
    harness.browser.deliveries().iter().filter(|delivery| matches!(delivery, Delivery::Failed(_))).count()
}

#[tokio::test(start_paused = true)]
async fn posts_that_certainly_did_not_arrive_are_retried() {
    let harness = harness().await;
    let (busy, unsent) = (|| Err(PostError::Throttled), || Err(unsent()));
    harness.browser.script_posts([busy(), busy(), unsent(), busy(), unsent()]);
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    assert_eq!((harness.browser.frames(), failed_posts(&harness)), (vec!["reply".to_owned()], 5));
    // Throttled: 50 + 100 + 200. Unsent: 50 + 100.
    assert_eq!(began.elapsed(), Duration::from_millis(350 + 150));
}

#[tokio::test(start_paused = true)]
async fn an_undeliverable_reply_is_lost_and_its_relay_carried() {
    let errors = [
        (PostError::Throttled, 7, 2350),
        (unsent(), 3, 150),
        // The browser may have it.
        (PostError::Failed("reset".to_owned()), 1, 0),
        (PostError::Gone, 1, 0),
        (PostError::TooLarge, 1, 0),
        (PostError::Forbidden("no".to_owned()), 1, 0),
    ];
    for (error, tries, took) in errors {
        let harness = harness().await;
        harness.browser.script_posts(vec![Err(error.clone()); tries]);
        let began = Instant::now();
        harness.message(fixture("message-default")).await;
        assert_eq!((harness.browser.frames().len(), failed_posts(&harness)), (0, tries), "{error:?}");
        assert_eq!(began.elapsed(), Duration::from_millis(took), "{error:?}");
        assert_eq!(harness.questions().len(), 1, "{error:?}");
        assert_eq!(harness.connections.rows_exist(&[CONNECTION, "other="]).await, [true, true], "{error:?}");
        assert_eq!(harness.disconnects(), 0, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gone_connection_loses_its_row_and_its_relay_is_carried() {
    let harness = harness().await;
    harness.backend.delay_disconnects(Duration::from_millis(1500));
    harness.browser.disappear_after(&id(CONNECTION), 0);
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    assert!(harness.browser.deliveries().contains(&Delivery::Exists(id(CONNECTION))));
    assert_eq!(harness.connections.rows_exist(&[CONNECTION, "other="]).await, [false, true]);
    assert_eq!(harness.disconnects(), 1);
    assert_eq!(harness.questions()[0].1, began, "a grant is void if it is not used soon");
}

#[tokio::test(start_paused = true)]
async fn a_410_for_an_existing_connection_is_not_retried_and_changes_nothing() {
    let harness = harness().await;
    harness.browser.script_posts([Err(PostError::Gone)]);
    harness.message(fixture("message-default")).await;
    assert_eq!(
        (harness.browser.frames().len(), failed_posts(&harness)),
        (0, 1),
        "the browser may have the frame already"
    );
    assert_eq!(harness.connections.rows_exist(&[CONNECTION, "other="]).await, [true, true]);
    assert_eq!(harness.disconnects(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_post_times_out() {
    let harness = harness().await;
    harness.browser.delay_posts(Duration::from_secs(3600));
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    assert_eq!(began.elapsed(), Duration::from_secs(28));
    assert_eq!(harness.questions(), []);
}
