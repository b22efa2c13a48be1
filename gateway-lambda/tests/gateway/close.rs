//! The service has connections closed: this one, or all of a session, after its last word was posted.

use crate::world::{CONNECTION, World, fixture, frame, id, identity, row, session};
use gateway_lambda::backend::Close;
use gateway_lambda::browser::Delivery;
use gateway_lambda::{Connections, Identity, PostError, Reply};
use std::sync::atomic::Ordering;
use std::time::Duration;

const ROWS: [&str; 5] = [CONNECTION, "mine-too=", "watcher=", "other-session=", "none="];

/// A world with connections of this session, of another, and of none.
async fn world() -> World {
    let world = World::new();
    let eve = Identity { sub: "eve".into(), ..identity() };
    let other = Identity { sid: Some(session("lab-8")), ..identity() };
    let none = Identity { sid: None, ..identity() };
    for (name, identity) in ROWS.iter().zip([identity(), identity(), eve, other, none]) {
        world.connections.put(&row(name, identity)).await.unwrap();
    }
    world
}

fn last_word(close: Close) -> Reply {
    Reply { close: Some(close), ..frame("bye", Some("ignored")) }
}

async fn after(world: &World) -> (Vec<String>, Vec<bool>) {
    let mut closed: Vec<_> = world.browser.closed().iter().map(ToString::to_string).collect();
    closed.sort();
    (closed, world.connections.rows_left(&ROWS).await)
}

#[tokio::test(start_paused = true)]
async fn this_connection_is_closed_after_the_last_word() {
    for while_following in [false, true] {
        let world = world().await;
        if while_following {
            world.backend.on_message(Duration::ZERO, Ok(frame("reply", Some("f1"))));
            world.backend.on_output(Duration::from_secs(1), Ok(last_word(Close::Connection)));
        } else {
            world.backend.on_message(Duration::ZERO, Ok(last_word(Close::Connection)));
        }
        world.message(fixture("message-default")).await;
        assert_eq!(after(&world).await, (vec![CONNECTION.to_owned()], vec![false, true, true, true, true]));
        let deliveries = world.browser.deliveries();
        assert!(
            matches!(&deliveries[deliveries.len() - 2..], [Delivery::Frame { frame, .. }, Delivery::Closed(_)] if frame == "bye"),
            "{deliveries:?}"
        );
        assert!(!world.asked().contains(&"ignored".to_owned()), "nothing follows a close");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_closed_with_all_of_its_connections() {
    let world = world().await;
    world.backend.on_message(Duration::ZERO, Ok(last_word(Close::Session)));
    world.message(fixture("message-default")).await;
    let mut expected = vec![CONNECTION.to_owned(), "mine-too=".to_owned(), "watcher=".to_owned()];
    expected.sort();
    assert_eq!(after(&world).await, (expected, vec![false, false, false, true, true]));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_closed_even_when_its_last_word_does_not_arrive() {
    let world = world().await;
    world.browser.next_posts([Err(PostError::TooLarge)]);
    world.backend.on_message(Duration::ZERO, Ok(last_word(Close::Session)));
    world.message(fixture("message-default")).await;
    assert_eq!(after(&world).await.1, [false, false, false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn without_the_table_at_least_this_connection_is_closed() {
    let world = world().await;
    world.connections.broken.store(true, Ordering::Relaxed);
    world.backend.on_message(Duration::ZERO, Ok(last_word(Close::Session)));
    world.message(fixture("message-default")).await;
    assert_eq!(world.browser.closed(), [id(CONNECTION)]);
}
