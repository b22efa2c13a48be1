//! Posts that fail: which are tried again, for how long, and what a 410 means and does not mean.

use crate::world::{CONNECTION, World, fixture, frame, id, identity, row};
use gateway_lambda::browser::Delivery;
use gateway_lambda::{Connections, PostError};
use std::time::Duration;
use tokio::time::Instant;

const NOTHING: Duration = Duration::ZERO;

fn failed() -> PostError {
    PostError::Failed("reset".to_owned())
}

/// A world in which three frames wait, after a reply.
async fn world() -> World {
    let world = World::new();
    world.connections.put(&row(CONNECTION, identity())).await.unwrap();
    world.connections.put(&row("other=", identity())).await.unwrap();
    world.backend.on_message(NOTHING, Ok(frame("reply", Some("f1"))));
    world.backend.on_output(NOTHING, Ok(frame("out1", Some("f2"))));
    world.backend.on_output(NOTHING, Ok(frame("out2", Some("f3"))));
    world.backend.on_output(NOTHING, Ok(frame("out3", None)));
    world
}

fn refused(world: &World) -> Vec<String> {
    let refused = world.browser.deliveries().into_iter().filter_map(|delivery| match delivery {
        Delivery::Refused { frame, .. } => Some(String::from_utf8(frame.to_vec()).unwrap()),
        _ => None,
    });
    refused.collect()
}

#[tokio::test(start_paused = true)]
async fn the_same_bytes_are_posted_again_when_api_gateway_is_busy_or_stumbles() {
    let world = world().await;
    let busy = Err(PostError::Throttled);
    world.browser.next_posts([
        Ok(()),
        busy.clone(),
        busy.clone(),
        Err(failed()),
        busy,
        Ok(()),
        Err(failed()),
        Err(failed()),
    ]);
    let began = Instant::now();
    world.message(fixture("message-default")).await;
    assert_eq!(world.browser.frames(), ["reply", "out1", "out2", "out3"]);
    assert_eq!(refused(&world), ["out1", "out1", "out1", "out1", "out2", "out2"]);
    // 50 + 100 + 200 for busy, 50 for the first stumble; then 50 + 100.
    assert_eq!(began.elapsed(), Duration::from_millis(350 + 50 + 150));
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_cannot_be_delivered_is_lost_and_no_other() {
    let errors =
        [(PostError::Throttled, 7, 2350), (failed(), 3, 150), (PostError::Gone, 3, 150), (PostError::TooLarge, 1, 0)];
    for (error, tries, took) in errors {
        let world = world().await;
        world.browser.posts_take(Duration::from_millis(1));
        world.browser.next_posts([Ok(())].into_iter().chain(vec![Err(error.clone()); tries]));
        let began = Instant::now();
        world.message(fixture("message-default")).await;
        assert_eq!(world.browser.frames(), ["reply", "out2", "out3"], "{error:?}");
        assert_eq!(refused(&world), vec!["out1"; tries], "{error:?}");
        assert_eq!(world.asked(), ["f1", "f2", "f3"], "{error:?}");
        let posts = 3 + tries as u64;
        assert_eq!(began.elapsed(), Duration::from_millis(took + posts), "{error:?}");
        assert_eq!(world.connections.rows_left(&[CONNECTION, "other="]).await, [true, true], "{error:?}");
        assert_eq!(world.disconnects(), 0, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_lost_is_followed_all_the_same() {
    let world = world().await;
    world.browser.next_posts([Err(PostError::TooLarge)]);
    world.message(fixture("message-default")).await;
    assert_eq!(world.browser.frames(), ["out1", "out2", "out3"]);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_may_not_post_asks_no_further() {
    let world = world().await;
    world.browser.next_posts([Ok(()), Err(PostError::Forbidden("no".to_owned()))]);
    world.message(fixture("message-default")).await;
    assert_eq!((world.browser.frames(), world.asked()), (vec!["reply".to_owned()], vec!["f1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_gone_loses_its_own_row_and_no_other() {
    for gone_at in [0, 1, 3] {
        let world = world().await;
        world.browser.leave_after(&id(CONNECTION), gone_at);
        world.message(fixture("message-default")).await;
        assert_eq!(world.browser.frames().len(), gone_at);
        assert!(world.browser.deliveries().contains(&Delivery::Asked(id(CONNECTION))));
        assert_eq!(world.connections.rows_left(&[CONNECTION, "other="]).await, [false, true], "{gone_at}");
        assert_eq!(world.disconnects(), 1, "{gone_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_410_for_a_connection_that_is_there_is_one_more_stumble() {
    let world = world().await;
    let gone = Err(PostError::Gone);
    world.browser.next_posts([gone.clone(), Ok(()), gone.clone(), gone]);
    let began = Instant::now();
    world.message(fixture("message-default")).await;
    assert_eq!(world.browser.frames(), ["reply", "out1", "out2", "out3"]);
    assert_eq!(refused(&world), ["reply", "out1", "out1"], "the same bytes: the browser may have them already");
    assert_eq!(began.elapsed(), Duration::from_millis(50 + 150));
    assert_eq!(world.connections.rows_left(&[CONNECTION, "other="]).await, [true, true]);
    assert_eq!(world.disconnects(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_question_in_flight_is_dropped_when_the_connection_is_gone() {
    let world = World::new();
    world.connections.put(&row(CONNECTION, identity())).await.unwrap();
    world.browser.posts_take(Duration::from_millis(20));
    world.backend.on_message(NOTHING, Ok(frame("reply", Some("f1"))));
    world.backend.on_output(NOTHING, Ok(frame("out1", Some("f2"))));
    world.browser.leave_after(&id(CONNECTION), 1);
    let began = Instant::now();
    world.message(fixture("message-default")).await;
    assert_eq!(world.asked(), ["f1", "f2"]);
    assert_eq!(began.elapsed(), Duration::from_millis(40), "nobody waits 25 s for output that nobody reads");
}

#[tokio::test(start_paused = true)]
async fn a_post_that_hangs_is_given_up_in_time() {
    let world = world().await;
    world.browser.posts_take(Duration::from_secs(3600));
    let began = Instant::now();
    world.message(fixture("message-default")).await;
    assert_eq!(began.elapsed(), Duration::from_secs(28));
    assert_eq!(world.asked(), [""; 0]);
}
